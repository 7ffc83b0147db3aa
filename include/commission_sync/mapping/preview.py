"""What a mapping would change, without changing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.mapping.derive import DealMapping
from commission_sync.mapping.recompute import changes
from commission_sync.store.mapping_rows import NewestDeal, newest_deals, stored_deals


@dataclass(frozen=True)
class PreviewedDeal:
    """What would become of a deal: `{field: [now, then]}`, and what has no sound value then."""

    crm_id: str
    changes: Mapping[str, list[Any]]
    problems: tuple[tuple[str, str], ...]


def preview(conn: psycopg.Connection, integration_id: UUID, mapping: DealMapping, most: int) -> Iterator[PreviewedDeal]:
    """Yield the first deals that a mapping would change or has a problem with, in the caller's transaction."""
    after = ""
    while most > 0:
        last = after
        for deal in stored_deals(conn, integration_id, mapping.properties, after=after, limit=1_000):
            last = deal.crm_id
            derived = mapping.derive(deal.properties, all_were_asked_for=False)
            news = changes({**deal.mapped, **deal.calculated}, {**derived.mapped, **derived.calculated})
            if most > 0 and (news or derived.problems):
                most -= 1
                yield PreviewedDeal(deal.crm_id, news, derived.problems)
        if last == after:
            return
        after = last


@dataclass(frozen=True)
class Comparison:
    """A field of a deal before and after; `reason` says why it has no sound value then."""

    field: str
    now: Any
    then: Any
    reason: str | None

    @property
    def changes(self) -> bool:
        """Whether the field would come out differently."""
        return bool(self.now != self.then)


@dataclass(frozen=True)
class ComparedDeal:
    """A deal with all of its fields, before and after."""

    crm_id: str
    name: str | None
    fields: tuple[Comparison, ...]

    @property
    def weight(self) -> tuple[int, int]:
        """How much there is to see: changes, then problems."""
        return sum(one.changes for one in self.fields), sum(one.reason is not None for one in self.fields)


def compare_newest(
    conn: psycopg.Connection, integration_id: UUID, mapping: DealMapping, *, most: int = 5, of: int = 200
) -> list[ComparedDeal]:
    """Return some of the newest deals with every field before and after: those first in which most would change.

    Unlike `preview` it takes no longer with more deals, so a page can ask while somebody types.

    :param of: how many of the newest deals to look at
    """
    deals = newest_deals(conn, integration_id, mapping.properties, limit=of)
    compared = [_compared(mapping, deal) for deal in deals]
    return sorted(compared, key=lambda deal: deal.weight, reverse=True)[:most]


def _compared(mapping: DealMapping, deal: NewestDeal) -> ComparedDeal:
    derived = mapping.derive(deal.properties, all_were_asked_for=False)
    before, after = {**deal.mapped, **deal.calculated}, {**derived.mapped, **derived.calculated}
    reasons = dict(derived.problems)
    names = [*after, *sorted(before.keys() - after.keys())]
    fields = [Comparison(name, before.get(name), after.get(name), reasons.get(name)) for name in names]
    return ComparedDeal(deal.crm_id, deal.name, tuple(fields))
