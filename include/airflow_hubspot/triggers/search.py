"""The trigger that looks with HubSpot's search until enough records match."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_hubspot.client import HubSpotClient, HubSpotError, RateLimited, SearchQuery, Unavailable
from airflow_hubspot.client.reading import filters_of
from airflow_hubspot.hooks.hubspot import HubSpotHook


def count_matching(client: HubSpotClient, object_type: str, filters: Sequence[Mapping[str, str]]) -> int:
    """Return how many records match, by one search."""
    return client.objects.search_page(object_type, SearchQuery(filters=filters_of(filters), limit=1)).total


class HubSpotSearchTrigger(BaseTrigger):
    """Looks every `poke_interval` seconds; a limit or an outage makes it look later instead of failing.

    :param records_url: where the sensor's link leads; it comes back with the event
    """

    def __init__(
        self,
        *,
        object_type: str,
        filters: list[dict[str, str]],
        min_results: int,
        poke_interval: float,
        hubspot_conn_id: str,
        records_url: str = "",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.object_type = object_type
        self.filters = filters
        self.min_results = min_results
        self.poke_interval = poke_interval
        self.hubspot_conn_id = hubspot_conn_id
        self.records_url = records_url

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how to make this trigger again, in another process."""
        return "airflow_hubspot.triggers.search.HubSpotSearchTrigger", {
            "object_type": self.object_type,
            "filters": self.filters,
            "min_results": self.min_results,
            "poke_interval": self.poke_interval,
            "hubspot_conn_id": self.hubspot_conn_id,
            "records_url": self.records_url,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event with `found`, or with `error` when only a person can help."""
        while (event := await self._event()) is None:
            await asyncio.sleep(self._delay)
        # What this process knows is all that the task, in another one, will be told.
        yield TriggerEvent({**event, "records_url": self.records_url})  # type: ignore[no-untyped-call]

    async def _event(self) -> dict[str, Any] | None:
        self._delay = self.poke_interval
        try:
            # In a thread of its own: other triggers go on while HubSpot thinks.
            found = await asyncio.to_thread(self._look)
        except (RateLimited, Unavailable) as error:
            self.log.warning("search not answered error=%r", str(error))
            self._delay = max(self.poke_interval, error.retry_after or 0.0)
            return None
        except HubSpotError as error:
            return {"error": str(error)}
        return {"found": found} if found >= self.min_results else None

    def _look(self) -> int:
        with HubSpotHook(self.hubspot_conn_id).get_conn() as client:
            return count_matching(client, self.object_type, self.filters)
