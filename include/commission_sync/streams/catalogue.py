"""The portal's own list of properties, which drives what a stream asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg

from airflow_hubspot.client import HubSpotClient, PropertyDefinition, is_clock_like
from commission_sync.gate.cache import ANY_AGE_IS_TOO_OLD, PortalCache
from commission_sync.store.catalog import save_catalog
from commission_sync.store.integrations import Integration
from commission_sync.streams.portal import verified


@dataclass(frozen=True)
class Catalogue:
    """The properties that exist now, and those of them whose values differ at every read."""

    names: tuple[str, ...]
    clock_like: frozenset[str]


# Younger than the shortest lookback that makes sense, so that what was modified since is read again with a newer one.
CATALOGUE_AGE = timedelta(minutes=10)


def catalogue(
    client: HubSpotClient,
    conn: psycopg.Connection,
    integration: Integration,
    object_type: str,
    cache: PortalCache,
    *,
    goes_on: bool,
) -> Catalogue:
    """Return the properties of an object type, for which HubSpot is asked (one call) at the start of every reading.

    A value of a property that nobody asked for would be missing without a trace. Where a reading only `goes_on` from an
    earlier try, or reads a window anew that others have read, a list of the last minutes will do.
    """

    def ask() -> dict[str, list[str]]:
        definitions = [d for d in client.properties.list(object_type) if not d.archived]
        with conn.transaction():
            save_catalog(conn, integration.id, object_type, described(definitions))
        return {
            "names": sorted(d.name for d in definitions),
            "clock_like": sorted(d.name for d in definitions if is_clock_like(d)),
        }

    known = cache.get(f"properties/{object_type}", CATALOGUE_AGE if goes_on else ANY_AGE_IS_TOO_OLD, ask)
    return Catalogue(tuple(known["names"]), frozenset(known["clock_like"]))


def refreshed(
    client: HubSpotClient, conn: psycopg.Connection, integration: Integration, object_type: str
) -> Integration:
    """Ask HubSpot for the properties that exist now, keep them, and return the integration as it is known then."""
    cache = PortalCache(conn, client, integration.id)
    known = verified(client, conn, integration, cache)
    catalogue(client, conn, known, object_type, cache, goes_on=False)
    return known


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
            "hubspot_defined": bool(d.raw.get("hubspotDefined")),
        }
        for d in definitions
    ]
