"""How what is wrong becomes points: pure arithmetic, in fractions, so that nothing is rounded before the end.

A dimension loses the share of its money that is wrong, and a stream the mean of its dimensions, by their weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

FULL = 100
# Thirds have no end; nobody reads more digits of a point than these.
_DECIMALS = 6


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
    total = sum(d.weight for d in dimensions if d.reason is None)
    weights = {d.dimension: Fraction(0 if d.reason else FULL * d.weight, total or 1) for d in dimensions}
    parts = {d.dimension: _part(d, weights[d.dimension]) for d in dimensions}
    if not total:
        return Score(None, parts, "; ".join(f"{d.dimension}: {d.reason}" for d in dimensions))
    lost = sum((weights[d.dimension] * _share_lost(d) for d in dimensions), Fraction())
    return Score(_rounded_down(FULL - lost), parts)


def _part(dimension: Judged, weight: Fraction) -> Part:
    if dimension.reason is not None:
        return Part(Decimal(), None, Decimal(), Decimal(), 0, (), dimension.reason)
    points = weight * _share_lost(dimension)
    a_unit = points / Fraction(dimension.lost) if dimension.lost else Fraction()
    return Part(
        weight=_rounded(weight),
        score=_rounded_down(FULL - FULL * _share_lost(dimension)),
        points_lost=_rounded(points),
        money=min(dimension.lost, dimension.money),
        count=dimension.count,
        findings=[(loss, _rounded(Fraction(loss.money) * a_unit)) for loss in dimension.losses],
        reason=None,
    )


def _share_lost(dimension: Judged) -> Fraction:
    # What is wrong for the stream as a whole and what is wrong with a record may be the same money.
    return min(Fraction(dimension.lost) / Fraction(dimension.money), Fraction(1)) if dimension.lost else Fraction()


def _rounded(points: Fraction) -> Decimal:
    return Decimal(round(points * 10**_DECIMALS)).scaleb(-_DECIMALS)


def _rounded_down(score: Fraction) -> Decimal:
    return Decimal(floor(score * 100)).scaleb(-2)
