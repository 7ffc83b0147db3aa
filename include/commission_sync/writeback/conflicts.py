"""Finds out who changed a contested property in HubSpot, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_hubspot.client import HubSpotClient, PastValue
from airflow_hubspot.client.objects import HISTORY_BATCH_LIMIT
from commission_sync.writeback.properties import OBJECT_TYPE


def contested_by(client: HubSpotClient, contested: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, Any]]]:
    """Return, by record, who gave each contested property the value that it has: `{property, value, at, source, by}`.

    `contested` maps record ids to properties. One call for every 50 records; a record that has gone meanwhile has none.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    ids = list(contested)
    for start in range(0, len(ids), HISTORY_BATCH_LIMIT):
        some = ids[start : start + HISTORY_BATCH_LIMIT]
        names = sorted({name for crm_id in some for name in contested[crm_id]})
        for record in client.objects.batch_read_history(OBJECT_TYPE, some, names).results:
            histories = record.get("propertiesWithHistory") or {}
            found[record["id"]] = [
                _entry(name, histories[name][0]) for name in contested[record["id"]] if histories.get(name)
            ]
    return found


def _entry(name: str, newest: PastValue) -> dict[str, Any]:
    user = newest.get("updatedByUserId")
    return {
        "property": name,
        "value": newest["value"],
        "at": newest["timestamp"],
        "source": newest["sourceType"],
        "by": f"userId:{user}" if user else newest.get("sourceLabel") or newest.get("sourceId"),
    }


def in_words(conflict: Sequence[Mapping[str, Any]]) -> str:
    """Return a conflict as one line."""
    return "; ".join(
        f"{c['property']} was set to {c['value']!r} at {c['at']} by {c['by'] or 'somebody'} ({c['source']})"
        for c in conflict
    )
