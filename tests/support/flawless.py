"""A company without a flaw, the damage that is done to it, and what it scores."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from commission_sync.flags.read import with_flags
from commission_sync.quality import ScoredBy, Scoring
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from world import World

SCORED_BY = ScoredBy("cli:me")
WON = {"deal_currency_code": None, "pipeline": "default", "dealstage": "closedwon", "partner_name": "Initech"}


@dataclass
class Company:
    """A company, and what was done to its records in HubSpot."""

    world: World
    deals: list[str] = field(default_factory=list)
    items: dict[str, list[str]] = field(default_factory=dict)
    changed: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def put(self, crm_id, object_type="deals", **properties):
        """Give a record other values in HubSpot; they are taken back when the test is over."""
        table = "deals" if object_type == "deals" else "deal_line_items"
        before = self.world.value(f"SELECT properties FROM {table} WHERE crm_id = %s", crm_id)
        self.changed.append((crm_id, object_type, {name: before.get(name) for name in properties}))
        self.override(crm_id, object_type, **properties)

    def override(self, crm_id, object_type="deals", **properties):
        self.world.emulator.admin.override(1001, crm_id, properties, object_type)

    def take_back(self):
        while self.changed:
            crm_id, object_type, before = self.changed.pop()
            self.override(crm_id, object_type, **before)

    def catch_up(self):
        self.world.sync_all()
        self.world.reconcile()

    def score(self, streams=(DEALS, LINE_ITEMS), *, integration_id=None, now=None):
        with closing(connect(self.world.dsn)) as conn:
            with conn.transaction():
                company = with_flags(conn, integration(conn, integration_id or self.world.integration_id))
            return {s.stream.name: s for s in Scoring(conn, company, Settings(), SCORED_BY, streams).run(now)}

    def damaged(self, stream="deals"):
        """Score anew and return which dimensions of the stream are below 100, and no other stream may be."""
        scored = self.score()
        assert scored[stream].score.score < 100
        return {name for name, part in scored[stream].score.parts.items() if part.score != 100}

    def findings(self, stream="deals"):
        return set(
            self.world.query(
                "SELECT dimension, rule, crm_id FROM data_quality_findings WHERE integration_id = %s AND stream = %s",
                self.world.integration_id,
                stream,
            )
        )


def make_flawless(acme) -> Company:
    """Give the first deal line items of a million, the last one none, and let every figure agree."""
    deals, owner = acme.emulator.admin.truth_ids(1001), acme.get("/crm/v3/owners")["results"][0]["id"]
    for item, deal in acme.links():
        acme.detach(deal, item)
    numbers = enumerate(acme.emulator.admin.truth_ids(1001, "line_items"))
    company = Company(acme, deals, {})
    for number, item in numbers:
        deal = deals[number % (len(deals) - 1)]
        acme.attach(deal, item)
        company.items.setdefault(deal, []).append(item)
        price = "1000000" if deal == deals[0] else "100"
        nothing = dict.fromkeys(("discount", "hs_discount_percentage", "hs_line_item_currency_code"))
        company.override(item, "line_items", price=price, quantity="1", **nothing)
    for deal in deals:
        amount = len(company.items.get(deal, [])) * (1_000_000 if deal == deals[0] else 100) or 300
        company.override(deal, amount=str(amount), closedate="2026-03-01T00:00:00Z", hubspot_owner_id=owner, **WON)
    company.catch_up()
    return company
