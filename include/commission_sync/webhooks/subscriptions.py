"""Which subscriptions the features that are on need, and how they differ from those that the app has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg

from airflow_hubspot.client.subscriptions import AppWebhooks, Subscription, Topic
from commission_sync.flags.read import all_with_flags
from commission_sync.store.integrations import active_integrations
from commission_sync.streams.stream import Stream
from commission_sync.webhooks.events import OBJECT_TYPES
from commission_sync.webhooks.refresh import STREAMS

# HubSpot offers events of these by name, of all other types by their id as `object.*`.
_BY_NAME = {"deal", "line_item", "product"}
_TYPE_IDS = {name: type_id for type_id, name in OBJECT_TYPES.items()}
_EVENTS = ("creation", "deletion", "restore", "merge", "associationChange")
_NOT_OFFERED = {"product.associationChange"}
# HubSpot does not tell of what every change changes.
_NOT_TOLD = {"hs_lastmodifieddate", "hs_createdate", "createdate"}

# Names in a company's mappings and formulas that are properties of the portal, wherever in the documents they stand.
_MAPPED = """
SELECT DISTINCT c.object_type, c.name
FROM crm_integrations i
CROSS JOIN LATERAL jsonb_path_query(
    jsonb_build_array(i.property_mappings, i.calculated_fields), '$.** ? (@.type() == "string")'
) s
JOIN property_catalog c ON c.integration_id = i.id AND c.archived_at IS NULL
  AND c.name = ANY (regexp_split_to_array(s #>> '{}', '[^A-Za-z0-9_]+'))
WHERE i.id = ANY (%s)
"""


@dataclass(frozen=True)
class Comparison:
    """What the app has of what is needed."""

    present: Sequence[Subscription]
    inactive: Sequence[Subscription]
    missing: Sequence[Topic]
    unneeded: Sequence[Subscription]

    @property
    def is_complete(self) -> bool:
        """Whether nothing that is needed is missing."""
        return not self.inactive and not self.missing


def needed(conn: psycopg.Connection | None) -> list[Topic]:
    """Return the topics that some active company needs; without a database, those that all features need."""
    if conn is None:
        return [topic for stream in STREAMS.values() for topic in _topics(stream, ())]
    companies = [i for i in all_with_flags(conn, active_integrations(conn)) if i.has_feature("webhooks")]
    mapped = conn.execute(_MAPPED, ([company.id for company in companies],)).fetchall()
    streams = [s for s in STREAMS.values() if any(company.has_feature(s.feature) for company in companies)]
    return [
        topic
        for stream in streams
        for topic in _topics(stream, (name for object_type, name in mapped if object_type == stream.object_type))
    ]


def compare(wanted: Iterable[Topic], found: Iterable[Subscription]) -> Comparison:
    """Tell apart what is there, what is switched off, what is missing, and what nobody needs."""
    topics, known = list(wanted), {one.topic: one for one in found}
    there = [known[topic] for topic in topics if topic in known]
    return Comparison(
        present=[one for one in there if one.active],
        inactive=[one for one in there if not one.active],
        missing=[topic for topic in topics if topic not in known],
        unneeded=[one for topic, one in known.items() if topic not in set(topics)],
    )


def create(app: AppWebhooks, comparison: Comparison) -> None:
    """Add what is missing and switch on what is off; what nobody needs is left alone, as other systems may use it."""
    for subscription in comparison.inactive:
        app.activate(subscription)
    for topic in comparison.missing:
        app.subscribe(topic)


def _topics(stream: Stream, mapped: Iterable[str]) -> list[Topic]:
    by_name = stream.entity in _BY_NAME
    prefix, type_id = (stream.entity, None) if by_name else ("object", _TYPE_IDS[stream.entity])
    events = [f"{prefix}.{what}" for what in _EVENTS if f"{stream.entity}.{what}" not in _NOT_OFFERED]
    own = {field.property_name for field in stream.fields}
    names = sorted((own | set(stream.pay_properties) | set(mapped)) - _NOT_TOLD)
    return [
        *(Topic(event, None, type_id) for event in events),
        *(Topic(f"{prefix}.propertyChange", name, type_id) for name in names),
    ]
