"""The sensor that waits until HubSpot's search finds something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot.client.reading import filters_of
from airflow_hubspot.hooks.hubspot import HubSpotHook
from airflow_hubspot.links import HubSpotRecordsLink
from airflow_hubspot.portal import Portal
from airflow_hubspot.retry import HubSpotRetryPolicy
from airflow_hubspot.triggers.search import HubSpotSearchTrigger, count_matching


class HubSpotSearchSensor(BaseSensorOperator):
    """Waits until at least so many records match; returns how many they are.

    Each look is one search. HubSpot's index lags seconds to minutes behind its records.

    :param object_type: such as `deals`, or a custom object's type id
    :param filters: at most four, all of which have to hold; see `HubSpotReadObjectsOperator`
    :param min_results: how many have to match
    :param deferrable: wait in the triggerer, without a worker
    :param hubspot_conn_id: a connection of type `hubspot`
    """

    template_fields: Sequence[str] = ("object_type", "filters", "hubspot_conn_id")
    operator_extra_links = (HubSpotRecordsLink(),)

    def __init__(
        self,
        *,
        object_type: str,
        filters: Sequence[Mapping[str, str]],
        min_results: int = 1,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        hubspot_conn_id: str = HubSpotHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retry_policy", HubSpotRetryPolicy())
        super().__init__(**kwargs)
        self.object_type = object_type
        self.filters = filters
        self.min_results = min_results
        self.deferrable = deferrable
        self.hubspot_conn_id = hubspot_conn_id
        self.records_url = ""

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - Airflow's signature
        """Look once."""
        with HubSpotHook(self.hubspot_conn_id).get_conn() as client:
            self.records_url = self.records_url or Portal.of(client).records_url(self.object_type)
            found = count_matching(client, self.object_type, self.filters)
        self.log.info("search looked type=%s found=%s wanted=%s", self.object_type, found, self.min_results)
        return PokeReturnValue(found >= self.min_results, found)

    def execute(self, context: Context) -> Any:
        """Wait, in this worker or in the triggerer."""
        try:
            filters_of(self.filters)
        except ValueError as error:
            raise AirflowFailException(str(error)) from None
        if not self.deferrable:
            return super().execute(context)
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        return self.defer(
            trigger=HubSpotSearchTrigger(
                object_type=self.object_type,
                filters=[dict(one) for one in self.filters],
                min_results=self.min_results,
                poke_interval=self.poke_interval,
                hubspot_conn_id=self.hubspot_conn_id,
                records_url=self.records_url,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> int:  # noqa: ARG002 - Airflow's signature
        """Go on with what the triggerer saw.

        :raises AirflowFailException: when HubSpot will not answer this search before a person has helped.
        """
        self.records_url = event["records_url"]
        if "error" in event:
            raise AirflowFailException(event["error"])
        return int(event["found"])
