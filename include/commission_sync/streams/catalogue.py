"""The portal's own list of properties, which drives what a stream asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from airflow_hubspot.client import HubSpotClient, PropertyDefinition, is_clock_like
from commission_sync.store.catalog import save_catalog
from commission_sync.store.integrations import Integration


@dataclass(frozen=True)
class Catalogue:
    """The properties that exist now, and those of them whose values differ at every read."""

    names: tuple[str, ...]
    clock_like: frozenset[str]


def refresh_catalogue(
    client: HubSpotClient, conn: psycopg.Connection, integration: Integration, object_type: str
) -> Catalogue:
    """Ask HubSpot for the properties of an object type (one call) and keep the answer.

    It is asked at every run: a value of a property that nobody asked for would be missing without a trace.
    """
    definitions = [d for d in client.properties.list(object_type) if not d.archived]
    with conn.transaction():
        save_catalog(conn, integration.id, object_type, described(definitions))
    return Catalogue(
        tuple(sorted(d.name for d in definitions)), frozenset(d.name for d in definitions if is_clock_like(d))
    )


def described(definitions: Iterable[PropertyDefinition]) -> list[dict[str, Any]]:
    """Return definitions as the catalogue keeps them."""
    return [
        {
            "name": d.name,
            "label": d.label,
            "type": d.type,
            "field_type": d.field_type,
            "group_name": d.group_name,
            "calculated": d.calculated,
            "read_only": d.read_only,
            "options": list(d.options),
        }
        for d in definitions
    ]
