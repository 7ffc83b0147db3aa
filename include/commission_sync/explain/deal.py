"""The whole story of one deal's commission, in the order in which it came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from commission_sync.explain.derivation import Derivation, derivation
from commission_sync.flags.read import read_flags
from commission_sync.mapping.compiled import Catalogue, Compiled, compile_mapping
from commission_sync.mapping.config import read_config
from commission_sync.mapping.issues import Issue
from commission_sync.store.deal_pay import (
    CommissionFacts,
    Review,
    WriteBackFacts,
    deal_commission,
    deal_reviews,
    deal_writebacks,
)
from commission_sync.store.deal_story import (
    AuditEntry,
    Change,
    DealFacts,
    LineItemFacts,
    SplitFacts,
    UsedRate,
    deal_audit,
    deal_facts,
    deal_history,
    deal_line_items,
    deal_shares,
    used_rates,
)
from commission_sync.store.integrations import Integration
from commission_sync.store.mapping_versions import StoredMapping, VersionRow, stored_mapping, version_history
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import portal_of


@dataclass(frozen=True)
class Source:
    """A property that affects pay: what HubSpot has, and the history behind it, newest first."""

    name: str
    label: str
    value: str | None
    is_known: bool
    history: Sequence[Change]

    @property
    def earlier(self) -> int:
        """How many entries of the history are not shown."""
        return self.history[0].entries - len(self.history) if self.history else 0

    @property
    def differs(self) -> bool:
        """Whether the newest entry says something else than the deal: one of the two was read later."""
        return bool(self.history) and (self.history[0].value or "") != (self.value or "")


@dataclass(frozen=True)
class Conversion:
    """What the amount is worth in the company's currency, or why that is not known."""

    rates: Sequence[UsedRate]
    is_on: bool
    hubspot_rate: str | None


@dataclass(frozen=True)
class Story:
    """Each part is a step of the way to the number, and says where its values came from."""

    deal: DealFacts
    sources: Sequence[Source]
    mapping: StoredMapping
    version: VersionRow | None
    issues: Sequence[Issue]
    derivation: Derivation
    conversion: Conversion
    commission: CommissionFacts | None
    reviews: Sequence[Review]
    writeback_mode: str
    writebacks: Sequence[WriteBackFacts]
    line_items: Sequence[LineItemFacts]
    splits: Sequence[SplitFacts]
    audit: Sequence[AuditEntry]


def explain(conn: psycopg.Connection, integration: Integration, crm_id: str) -> Story | None:
    """Tell how a company's deal came to its numbers, in the caller's transaction; None when there is no such deal."""
    deal = deal_facts(conn, integration.id, crm_id)
    if deal is None:
        return None
    portal, stored = portal_of(conn, integration, DEALS), stored_mapping(conn, integration.id)
    compiled = compile_mapping(read_config(stored.property_mappings, stored.calculated_fields), portal, stored.version)
    labels = {name: known.label for name, known in portal.catalogue.items()}
    flags = read_flags(conn, integration)
    return Story(
        deal=deal,
        sources=_sources(conn, integration, deal, compiled, portal.catalogue),
        mapping=stored,
        version=next((row for row in version_history(conn, integration.id) if row.is_active), None),
        issues=compiled.issues,
        derivation=derivation(compiled, labels, deal.properties, (deal.mapped, deal.calculated)),
        conversion=Conversion(
            used_rates(conn, deal.fx_rate_ids), flags.is_on("fx"), deal.properties.get("hs_exchange_rate")
        ),
        commission=deal_commission(conn, deal.id),
        reviews=deal_reviews(conn, deal.id),
        writeback_mode=flags.choice("writeback"),
        writebacks=deal_writebacks(conn, deal.id),
        line_items=deal_line_items(conn, deal.id),
        splits=deal_shares(conn, deal.id),
        audit=deal_audit(conn, integration.id, crm_id),
    )


def _sources(
    conn: psycopg.Connection, integration: Integration, deal: DealFacts, compiled: Compiled, catalogue: Catalogue
) -> list[Source]:
    history: dict[str, list[Change]] = {}
    for change in deal_history(conn, integration.id, deal.crm_id):
        history.setdefault(change.property, []).append(change)
    kind, _, anchor = deal.fx_anchor.partition(":")
    anchors = {anchor} if kind == "property" else set()
    used = {name for names in compiled.sources.values() for name in names} | anchors
    names = [*DEALS.pay_properties, *sorted((used | history.keys()) - set(DEALS.pay_properties))]
    return [
        Source(
            name,
            catalogue[name].label if name in catalogue else name,
            deal.properties.get(name),
            name in deal.properties,
            history.get(name, ()),
        )
        for name in names
    ]
