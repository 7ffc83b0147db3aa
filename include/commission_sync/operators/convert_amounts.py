"""The operator that converts one company's amounts into its base currency."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from airflow.sdk import BaseOperator, Context

from airflow_hubspot.hooks.hubspot import HubSpotHook
from commission_sync.fx.amounts import FLAG, Amounts
from commission_sync.fx.conversion import convert_company
from commission_sync.fx.refresh import FetchRequest, refresh
from commission_sync.fx.sources.hubspot import HubSpotRates
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.operators.fetch_rates import fetch_request
from commission_sync.settings import ExchangeRateSource, load_settings
from commission_sync.store.integrations import Integration, integration
from commission_sync.streams.portal import verified


class ConvertAmountsOperator(BaseOperator):
    """Converts whatever has another result than is stored: what waited for a rate, and what a new one dates better.

    With `EXCHANGE_RATE_SOURCE=hubspot`, the portal's own rates are read first.

    :param integration_id: for whom
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields = ("integration_id", "company")

    def __init__(
        self, *, integration_id: str, company: str, database_conn_id: str = COMMISSIONS_DB, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Return the run's counters."""
        settings, request = load_settings(), fetch_request(context)
        with commissions_connection(self.database_conn_id) as conn:
            with conn.transaction():
                company = integration(conn, UUID(self.integration_id))
            if not company.feature_flags.get(FLAG, True):
                self.log.info("company %s has the feature %s off: nothing is converted", company.company_id, FLAG)
                return {}
            if settings.exchange_rate_source is ExchangeRateSource.HUBSPOT:
                _refresh_portal(conn, company, request)
            return convert_company(conn, Amounts(company.id, settings), request, company.company_id).as_dict()


def _refresh_portal(conn: psycopg.Connection, company: Integration, request: FetchRequest) -> None:
    with HubSpotHook(company.conn_id).get_conn() as client:
        company = verified(client, conn, company)
        source = HubSpotRates(
            client.currencies,
            portal_id=company.portal_id,
            currency=company.portal_currency or company.base_currency,
            zone=ZoneInfo(company.portal_time_zone or "UTC"),
        )
        refresh(conn, source, request, today=datetime.now(UTC).date())
