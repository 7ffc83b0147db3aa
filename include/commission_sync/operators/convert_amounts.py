"""The operator that converts companies' amounts into their base currencies."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import psycopg
from airflow.sdk import Context

from airflow_hubspot.client import Lane
from commission_sync.fx.amounts import FLAG, Amounts
from commission_sync.fx.conversion import convert_company
from commission_sync.fx.refresh import FetchRequest, refresh
from commission_sync.fx.sources.hubspot import HubSpotRates
from commission_sync.gate import PortalCache
from commission_sync.operators.fetch_rates import fetch_request
from commission_sync.operators.for_companies import ForCompaniesOperator
from commission_sync.operators.gate import gated_client
from commission_sync.settings import ExchangeRateSource, load_settings
from commission_sync.store.clock import database_now
from commission_sync.store.integrations import Integration
from commission_sync.streams.portal import verified


class ConvertAmountsOperator(ForCompaniesOperator):
    """Converts whatever has another result than is stored: what waited for a rate, and what a new one dates better.

    With `EXCHANGE_RATE_SOURCE=hubspot`, the portal's own rates are read first.
    """

    def work_for(self, company: Integration, conn: psycopg.Connection, context: Context) -> dict[str, int]:
        """Return the run's counters."""
        settings, request = load_settings(), fetch_request(context)
        if not company.has_feature(FLAG):
            self.log.info("company %s has the feature %s off: nothing is converted", company.company_id, FLAG)
            return {}
        if settings.exchange_rate_source is ExchangeRateSource.HUBSPOT:
            self._refresh_portal(company, conn, request)
        return convert_company(conn, Amounts(company.id, settings), request, company.company_id).as_dict()

    def _refresh_portal(self, company: Integration, conn: psycopg.Connection, request: FetchRequest) -> None:
        with gated_client(company, Lane.INCREMENTAL, self.database_conn_id) as client:
            company = verified(client, conn, company, PortalCache(conn, client, company.id))
            source = HubSpotRates(
                client.currencies,
                portal_id=company.portal_id,
                currency=company.portal_currency or company.base_currency,
                zone=ZoneInfo(company.portal_time_zone or "UTC"),
            )
            refresh(conn, source, request, today=database_now(conn).date())
