"""What a mapping would change, without changing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.mapping.derive import DealMapping
from commission_sync.mapping.recompute import changes
from commission_sync.store.mapping_rows import stored_deals


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
