"""Converts a company's deals: right after a merge those it touched, once a day those whose rate has come since."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg

from commission_sync.fx.currencies import exponents
from commission_sync.fx.providers import provider
from commission_sync.mapping.fields import UnreadableValue, day_reader
from commission_sync.settings import Settings
from commission_sync.store.anchor_days import Convertible
from commission_sync.store.clock import database_now
from commission_sync.store.conversion import (
    DEALS,
    LINE_ITEMS,
    Company,
    Rule,
    Standing,
    convert,
    read_company,
    standing,
)

FLAG = "fx"
# Every table whose rows carry money in a deal's currency.
TABLES: tuple[Convertible, ...] = (DEALS, LINE_ITEMS)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Amounts:
    """The conversion of one company's amounts; `conn` in its methods has autocommit off."""

    integration_id: UUID
    settings: Settings

    def of_deals(self, conn: psycopg.Connection, crm_ids: Sequence[str], sync_run_id: UUID | None) -> int:
        """Convert what belongs to the given deals, in the caller's transaction; return how many results changed."""
        return self._convert(conn, crm_ids, sync_run_id)

    def of_line_items(self, conn: psycopg.Connection, crm_ids: Sequence[str], sync_run_id: UUID | None) -> int:
        """Convert the given line items, in the caller's transaction; return how many results changed."""
        company = read_company(conn, self.integration_id)
        rule = rule_for(company, self.settings, now=database_now(conn))
        return convert(conn, LINE_ITEMS, company, rule, rows=crm_ids, sync_run_id=sync_run_id)

    def of_all(self, conn: psycopg.Connection, sync_run_id: UUID | None) -> int:
        """Convert whatever has another result than is stored, in the caller's transaction."""
        return self._convert(conn, None, sync_run_id)

    def tell(self, conn: psycopg.Connection) -> Standing:
        """Warn of what a person should look at."""
        with conn.transaction():
            company = read_company(conn, self.integration_id).company_id
            found = standing(conn, self.integration_id)
        if found.waiting:
            _log.warning(
                'deals wait for a rate company=%s deals=%s next="see deals_waiting_for_rate; they are converted by '
                'themselves once the rate is there"',
                company,
                found.waiting,
            )
        if found.drifting:
            _log.warning(
                'rates drift from HubSpot\'s own company=%s deals=%s next="see deals_fx_drift"', company, found.drifting
            )
        return found

    def _convert(self, conn: psycopg.Connection, deals: Sequence[str] | None, sync_run_id: UUID | None) -> int:
        company = read_company(conn, self.integration_id)
        rule = rule_for(company, self.settings, now=database_now(conn))
        return sum(convert(conn, t, company, rule, deals=deals, sync_run_id=sync_run_id) for t in TABLES)


def rule_for(company: Company, settings: Settings, *, now: datetime) -> Rule:
    """Return how a company's amounts are converted; what it has set up wrongly becomes the rule's obstacle."""
    zone, obstacle = _zone(company)
    source = provider(
        settings, portal_id=company.portal_id, portal_currency=company.portal_currency or company.base_currency
    )
    exponent = exponents().get(company.base_currency)
    if exponent is None:
        obstacle = f"the company's base_currency {company.base_currency!r} is not a currency of ISO 4217"
    return Rule(
        source=source.name,
        pivot=source.pivot,
        max_days=None if source.holds else settings.fx_max_staleness_days,
        base_currency=company.base_currency,
        exponent=exponent,
        zone=zone.key,
        anchor=company.fx_anchor,
        today=now.astimezone(zone).date(),
        currencies=sorted(exponents()),
        read_day=partial(_day, day_reader(company.anchor_type, zone)),
        obstacle=obstacle,
    )


def _day(read: Callable[[str], date | None], written: str) -> date | None:
    try:
        return read(written)
    except UnreadableValue:
        return None


def _zone(company: Company) -> tuple[ZoneInfo, str | None]:
    try:
        return ZoneInfo(company.portal_time_zone or "UTC"), None
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC"), f"the portal's time zone {company.portal_time_zone!r} is not known"
