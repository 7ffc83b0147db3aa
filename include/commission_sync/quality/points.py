"""How what is wrong becomes points: pure arithmetic, exact but for the last digits of a division.

A dimension loses the share of its money that is wrong, and a stream the mean of its dimensions, by their weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, localcontext

FULL = Decimal(100)
_CENT = Decimal("0.01")
# Sums of money have up to a hundred digits before and after the point.
_DIGITS = 250


@dataclass(frozen=True)
class Loss:
    """Something wrong, and the money that hangs on it; `crm_id` is None where it concerns the stream as a whole."""

    rule: str
    crm_id: str | None
    money: Decimal
    what: str


@dataclass(frozen=True)
class Judged:
    """What was found in one dimension.

    :param money: all the money that was judged
    :param lost: how much of it is wrong, in all `count` losses
    :param losses: those that cost most
    :param reason: why nothing could be judged
    """

    dimension: str
    weight: int
    money: Decimal = Decimal()
    lost: Decimal = Decimal()
    count: int = 0
    losses: Sequence[Loss] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Part:
    """What one dimension adds to a score.

    :param weight: how many of the 100 points are the dimension's; 0 where it could not be judged
    :param score: out of 100; None where it could not be judged
    :param points_lost: how many of the `weight` points are lost
    :param money: that hangs on what is wrong
    :param findings: what is wrong, with the points that it costs
    """

    weight: Decimal
    score: Decimal | None
    points_lost: Decimal
    money: Decimal
    count: int
    findings: Sequence[tuple[Loss, Decimal]]
    reason: str | None


@dataclass(frozen=True)
class Score:
    """A stream's score out of 100, and its parts; None with the reason where nothing could be judged.

    It is rounded down: 100 says that nothing at all is wrong.
    """

    score: Decimal | None
    parts: dict[str, Part]
    reason: str | None = None


def combine(dimensions: Sequence[Judged]) -> Score:
    """Return a stream's score; dimensions that could not be judged leave their weight to the others."""
    with localcontext(prec=_DIGITS):
        total = sum(d.weight for d in dimensions if d.reason is None)
        parts = {d.dimension: _part(d, total) for d in dimensions}
        if not total:
            return Score(None, parts, "; ".join(f"{d.dimension}: {d.reason}" for d in dimensions))
        lost = sum((part.points_lost for part in parts.values()), Decimal())
        return Score(_rounded(FULL - lost), parts)


def _part(dimension: Judged, total: int) -> Part:
    if dimension.reason is not None:
        return Part(Decimal(), None, Decimal(), Decimal(), 0, (), dimension.reason)
    weight = FULL * dimension.weight / total
    # What is wrong for the stream as a whole and what is wrong with a record may be the same money.
    lost = min(dimension.lost, dimension.money)
    a_unit = weight * lost / (dimension.money * dimension.lost) if lost else Decimal()
    return Part(
        weight=weight,
        score=_rounded(FULL - FULL * lost / dimension.money) if lost else FULL,
        points_lost=dimension.lost * a_unit,
        money=lost,
        count=dimension.count,
        findings=[(loss, loss.money * a_unit) for loss in dimension.losses],
        reason=None,
    )


def _rounded(score: Decimal) -> Decimal:
    return max(score, Decimal()).quantize(_CENT, ROUND_DOWN)
