"""Airflow assets by which other DAGs are scheduled on fresh data of one company.

Which companies there are is known when a DAG runs, not when it is parsed: so a task's outlet is an alias, and each of
its mapped instances adds its own company's asset to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from airflow.sdk import Asset, AssetAlias, Context
from pydantic import JsonValue

from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.stream import Stream


def fresh(stream: str, company: str) -> Asset:
    """Return the asset that is updated whenever a stream of a company was synced: `fresh("deals", "acme")`."""
    return Asset(name=f"hubspot {stream} of {company}", uri=f"hubspot://{quote(company, safe='')}/{stream}")


def outlets(*streams: Stream) -> list[AssetAlias]:
    """Return the outlets of a task that syncs `streams`."""
    return [_alias(stream) for stream in streams]


def tell_it_is_fresh(context: Context, streams: Sequence[Stream], company: Integration, counts: RunCounts) -> None:
    """Emit an event for each stream that the task has an outlet for; what has changed is in its `extra`."""
    known = {outlet.name for outlet in _aliases(context)}
    extra: dict[str, JsonValue] = {
        "company": company.company_id,
        "integration_id": str(company.id),
        "changed": counts.inserted + counts.updated + counts.archived,
        "rejected": counts.rejected,
    }
    for stream in streams:
        if (alias := _alias(stream)).name in known and company.has_feature(stream.feature):
            context["outlet_events"][alias].add(fresh(stream.name, company.company_id), extra=extra)


def told(context: Context) -> list[dict[str, Any]]:
    """Return, as JSON has it, what the task has told so far: a deferral would lose it."""
    return [
        {
            "alias": event.source_alias_name,
            "name": event.dest_asset_key.name,
            "uri": event.dest_asset_key.uri,
            "extra": event.extra,
        }
        for alias in _aliases(context)
        for event in context["outlet_events"][alias].asset_alias_events
    ]


def tell_again(context: Context, events: Iterable[dict[str, Any]]) -> None:
    """Tell after a deferral what was `told` before it."""
    for event in events:
        asset = Asset(name=event["name"], uri=event["uri"])
        context["outlet_events"][AssetAlias(event["alias"])].add(asset, extra=event["extra"])


def _aliases(context: Context) -> list[AssetAlias]:
    return [outlet for outlet in context["task"].outlets if isinstance(outlet, AssetAlias)]


def _alias(stream: Stream) -> AssetAlias:
    return AssetAlias(f"hubspot {stream.name}")
