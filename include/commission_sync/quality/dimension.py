"""What a dimension is: a weight, and the ways in which something can be wrong, each a query for what is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from commission_sync.quality import subject

EVERY_TABLE = frozenset(subject.SUBJECTS)
DEALS = frozenset({subject.DEALS.table})
LINE_ITEMS = frozenset({subject.LINE_ITEMS.table})
ACTIVITIES = frozenset({subject.ACTIVITIES.table})


@dataclass(frozen=True)
class Rule:
    """A way to be wrong.

    :param found: a query for (crm_id, money at stake, what is wrong in words); it reads `quality_records`, the live
        records with their weights, and has the parameters of `judging.Judging`
    :param tables: whose records it is for
    :param feature: only for companies that have this feature
    """

    name: str
    found: LiteralString
    tables: frozenset[str] = EVERY_TABLE
    feature: str | None = None


@dataclass(frozen=True)
class Dimension:
    """A side of quality.

    :param weight: how it counts beside the others
    :param money: an expression for the money that is judged
    :param unknown: an expression for why nothing can be judged, null where something can
    """

    name: str
    weight: int
    rules: tuple[Rule, ...]
    money: LiteralString = "(SELECT sum(weight) FROM quality_records)"
    unknown: LiteralString = "CASE WHEN NOT EXISTS (SELECT FROM quality_records) THEN 'no record is stored' END"


def record_rule(
    name: str, where: LiteralString, what: LiteralString, *, tables: frozenset[str], feature: str | None = None
) -> Rule:
    """Return a rule about single records: `where` is true of a wrong `r`, `what` an expression that says what is."""
    found: LiteralString = (
        "SELECT r.crm_id, r.weight AS money, " + what + " AS what FROM quality_records r WHERE " + where
    )
    return Rule(name, found, tables, feature)
