"""Three companies with something of everything that the pages show: one thriving, one waiting, one in trouble."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from airflow_hubspot.client import Unauthorized
from commission_sync.fx.amounts import Amounts
from commission_sync.fx.conversion import convert_company
from commission_sync.fx.refresh import FetchRequest
from commission_sync.mapping.recompute import recompute
from commission_sync.mapping.versions import Documents, activate, check, save
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.store.rates import Rate, save_rates
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import portal_of
from commissions import WriteBack
from hubspot_emulator import Emulator, PortalSpec
from lane import receive, work
from webhook_requests import event
from world import World

ACME = PortalSpec("acme", 1001, 60, "pat-na1-acme")
GLOBEX = PortalSpec("globex", 1002, 30, "pat-na1-globex")
INITECH = PortalSpec("initech", 1003, 12, "pat-na1-initech")
PORTALS = [ACME, GLOBEX, INITECH]
REVOKED = "pat-na1-revoked"
PAST = Path(__file__).with_name("past.sql").read_text()

MAPPINGS: dict[str, Any] = {
    "contract_length_months": {"field": "months", "type": "number", "required": True},
    "contract_start_date": {"field": "starts_on", "type": "date"},
    "sales_region": {
        "field": "factor",
        "type": "number",
        "values": {"EMEA": "1.5", "AMER": "1", "APAC": "1.25"},
        "default": "1",
    },
    "partner_name": "partner",
}
FORMULAS = {"total_contract_value": "amount * months", "weighted": "round(total_contract_value * factor, 2)"}
RATES = {"USD": "1.1", "JPY": "160", "GBP": "0.85", "KWD": "0.33"}


def companies(emulator: Emulator, dsn: str) -> dict[str, World]:
    """Return each company's world in a database that has them registered."""
    with psycopg.connect(dsn) as conn:
        ids: dict[str, UUID] = dict(conn.execute("SELECT company_id, id FROM crm_integrations").fetchall())
    return {portal.company: World(emulator, portal, dsn, ids[portal.company]) for portal in PORTALS}


def fill(emulator: Emulator, dsn: str) -> None:
    """Sync everything once, as the DAGs would, and let happen what happens to companies."""
    worlds = companies(emulator, dsn)
    with psycopg.connect(dsn) as conn:
        conn.execute(PAST)
    _rates(dsn)
    _spoil_a_deal(worlds["acme"])
    for world in worlds.values():
        world.sync_all()
        _convert(world)
    _map(worlds["acme"], "the fields that pay is worked out from", FORMULAS)
    _map(worlds["acme"], "regions count", FORMULAS | {"bonus": "if(weighted > 100000, weighted * 0.01, 0)"})
    _conflicts(worlds["acme"])
    _let_die(worlds["acme"])
    _commissions_to_approve(worlds["globex"])
    with suppress(Unauthorized):
        worlds["initech"].sync(token=REVOKED)


def _rates(dsn: str) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=n) for n in range(1_400)]
    with closing(connect(dsn)) as conn, conn.transaction():
        save_rates(conn, "ecb", [Rate("EUR", quote, day, Decimal(r)) for day in days for quote, r in RATES.items()])


def _convert(world: World) -> None:
    with closing(connect(world.dsn)) as conn:
        amounts = Amounts(world.integration_id, Settings())
        convert_company(conn, amounts, FetchRequest("fx_rates", "run-1"), world.portal.company)


def _spoil_a_deal(world: World) -> None:
    """Let one deal have an amount that is none; it goes to `sync_rejects`."""
    bad = world.emulator.admin.truth_ids(world.portal.portal_id)[-1]
    world.emulator.admin.override_deal(world.portal.portal_id, bad, {"amount": "twelve"})


def _map(world: World, note: str, formulas: dict[str, str]) -> None:
    with closing(connect(world.dsn)) as conn:
        with conn.transaction():
            portal = portal_of(conn, integration(conn, world.integration_id), DEALS)
        checked = check(Documents(json.dumps(MAPPINGS), json.dumps(formulas)), portal)
        with conn.transaction():
            version = save(conn, world.integration_id, checked, portal, author="ana", note=note)
            activate(conn, world.integration_id, version, portal, actor="ana")
        recompute(conn, world.integration_id, checked.compiled.mapping, is_final=True)


def _flags(world: World, **flags: object) -> None:
    world.query(
        "UPDATE crm_integrations SET feature_flags = %s WHERE id = %s RETURNING 1",
        Jsonb(flags),
        world.integration_id,
    )


def _conflicts(world: World) -> None:
    """Write ten commissions back, let somebody change three of them in HubSpot, and write again."""
    back, ids = WriteBack(world), world.emulator.admin.truth_ids(world.portal.portal_id)
    _flags(world, writeback="on")
    back.pay(ids[:10], "1250.00")
    back.run()
    for crm_id in ids[:3]:
        world.emulator.admin.override_deal(world.portal.portal_id, crm_id, {"commission_amount": "900"})
    back.pay(ids[:10], "1310.50")
    back.run()
    back.pay(ids[10:14], "75.25", currency="EUR", status="pending")
    world.sync()


def _let_die(world: World) -> None:
    """Let two events become dead letters: one that cannot be understood, one whose deal cannot be stored."""
    ids = world.emulator.admin.truth_ids(world.portal.portal_id)
    receive(world.dsn, *(event(int(crm_id), portalId=world.portal.portal_id) for crm_id in ids[:5]))
    receive(world.dsn, event(int(ids[-1]), portalId=world.portal.portal_id))
    receive(world.dsn, {"portalId": world.portal.portal_id, "subscriptionType": "deal.propertyChange"})
    work(world)


def _commissions_to_approve(world: World) -> None:
    ids = world.emulator.admin.truth_ids(world.portal.portal_id)
    _flags(world, writeback="approval")
    WriteBack(world).pay(ids[:10], "480.00")
