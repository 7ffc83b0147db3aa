"""Computes the mapped and calculated fields of stored deals anew, from what HubSpot said of them before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg

from commission_sync.mapping.derive import DealMapping
from commission_sync.store.mapping_problems import Problem, settle_problems
from commission_sync.store.mapping_rows import replace_derived, stored_deals
from commission_sync.store.mapping_versions import hold_version, mark_recomputed
from commission_sync.store.merge import take_turn

CHUNK = 5_000


@dataclass(frozen=True)
class Recomputed:
    """What a recomputation did; `superseded` when another version became active meanwhile, which stopped it."""

    deals: int = 0
    changed: int = 0
    problems: int = 0
    superseded: bool = False

    def __add__(self, other: Recomputed) -> Recomputed:
        return Recomputed(
            self.deals + other.deals,
            self.changed + other.changed,
            self.problems + other.problems,
            self.superseded or other.superseded,
        )


def recompute(
    conn: psycopg.Connection,
    integration_id: UUID,
    mapping: DealMapping,
    *,
    chunk: int = CHUNK,
    is_final: bool = True,
) -> Recomputed:
    """Bring every stored deal of a company to its active mapping, a transaction for every few thousand.

    HubSpot is not asked. Only deals whose fields come out differently are written, each with an audit row. Killed and
    run again it goes over all deals and writes what is left.

    :param is_final: whether the stored properties are all there are; otherwise the next run reads what is missing and
        recomputes once more
    """
    total, after = Recomputed(), ""
    while True:
        with conn.transaction():
            done, last = _next(conn, integration_id, mapping, after, chunk)
            total += done
            if last is None and is_final and not done.superseded:
                mark_recomputed(conn, integration_id, mapping.version)
        if last is None:
            return total
        after = last


def _next(
    conn: psycopg.Connection, integration_id: UUID, mapping: DealMapping, after: str, chunk: int
) -> tuple[Recomputed, str | None]:
    if hold_version(conn, integration_id) != mapping.version:
        return Recomputed(superseded=True), None
    take_turn(conn, integration_id, "deals")
    changed, looked_at, problems = [], [], []
    for deal in stored_deals(conn, integration_id, mapping.properties, after=after, limit=chunk):
        derived = mapping.derive(deal.properties, all_were_asked_for=False)
        if (deal.mapped, deal.calculated) != (derived.mapped, derived.calculated):
            news = changes({**deal.mapped, **deal.calculated}, {**derived.mapped, **derived.calculated})
            changed.append((deal.crm_id, *derived.documents(), orjson.dumps(news).decode()))
        looked_at.append((deal.crm_id, deal.crm_updated_at))
        problems += [Problem(deal.crm_id, deal.crm_updated_at, name, reason) for name, reason in derived.problems]
    if not looked_at:
        return Recomputed(), None
    replace_derived(conn, integration_id, changed, actor=f"mapping:{mapping.version}")
    settle_problems(conn, integration_id, looked_at, problems)
    return Recomputed(len(looked_at), len(changed), len(problems)), looked_at[-1][0]


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    """Return `{field: [old, new]}` for every field that differs."""
    names = sorted(before.keys() | after.keys())
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}
