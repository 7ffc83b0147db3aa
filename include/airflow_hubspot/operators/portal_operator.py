"""What operators on a portal's records have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import BaseOperator

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.hooks.hubspot import HubSpotHook
from airflow_hubspot.links import HubSpotRecordsLink
from airflow_hubspot.portal import Portal
from airflow_hubspot.retry import HubSpotRetryPolicy


class HubSpotRecordsOperator(BaseOperator):
    """Works on one object type of one portal, links to its records, and is retried as HubSpot asks.

    :param object_type: such as `deals`, or a custom object's type id
    :param hubspot_conn_id: a connection of type `hubspot`
    """

    operator_extra_links = (HubSpotRecordsLink(),)

    def __init__(
        self, *, object_type: str, hubspot_conn_id: str = HubSpotHook.default_conn_name, **kwargs: Any
    ) -> None:
        kwargs.setdefault("retry_policy", HubSpotRetryPolicy())
        super().__init__(**kwargs)
        self.object_type = object_type
        self.hubspot_conn_id = hubspot_conn_id
        self.portal: Portal | None = None

    @property
    def records_url(self) -> str:
        """Where the records are seen; empty before HubSpot has said whose they are."""
        return self.portal.records_url(self.object_type) if self.portal else ""

    @contextmanager
    def connected(self) -> Iterator[HubSpotClient]:
        """Open the portal for as long as the block."""
        with HubSpotHook(self.hubspot_conn_id).get_conn() as client:
            self.portal = Portal.of(client)
            yield client
