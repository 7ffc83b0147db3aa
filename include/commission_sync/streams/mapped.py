"""Brings a company's mapping and a stream together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.mapping.compiled import DealColumn, Portal
from commission_sync.mapping.derive import DealMapping
from commission_sync.mapping.fields import FieldType
from commission_sync.mapping.recompute import Recomputed, recompute
from commission_sync.mapping.versions import Active, active_mapping, adopt
from commission_sync.store.catalog import read_catalog
from commission_sync.store.integrations import Integration
from commission_sync.store.property_gaps import records_with_gaps
from commission_sync.streams.backfill import PropertyBackfill
from commission_sync.streams.report import Report
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.stream import Stream

_TYPES = {
    "numeric": FieldType.NUMBER,
    "text": FieldType.TEXT,
    "bool": FieldType.BOOLEAN,
    "timestamptz": FieldType.DATETIME,
}


def portal_of(conn: psycopg.Connection, integration: Integration, stream: Stream) -> Portal:
    """Return what a mapping has to know of a company's portal, its properties as they were last seen."""
    currency = integration.portal_currency or integration.base_currency
    columns = tuple(
        DealColumn(
            field.column,
            field.property_name,
            _TYPES[field.pg_type],
            currency if field.column == stream.currency_column else None,
        )
        for field in stream.fields
    )
    return Portal(read_catalog(conn, integration.id, stream.object_type), columns, _zone(integration))


def current_mapping(conn: psycopg.Connection, integration: Integration, stream: Stream) -> DealMapping:
    """Return the mapping that counts now, in the caller's transaction."""
    return active_mapping(conn, integration.id, portal_of(conn, integration, stream)).compiled.mapping


def load_mapping(conn: psycopg.Connection, integration: Integration, stream: Stream) -> Active:
    """Return the mapping that counts and what is wrong with it; what was written into the table itself counts, too."""
    with conn.transaction():
        portal = portal_of(conn, integration, stream)
        adopt(conn, integration.id, portal)
        return active_mapping(conn, integration.id, portal)


def recompute_stored(conn: psycopg.Connection, integration: Integration, stream: Stream) -> tuple[Recomputed, bool]:
    """Bring a company's stored records to the mapping that counts, and return what that did.

    The second value says whether some never got all of the properties that it needs: the next run reads those alone.
    """
    mapping = load_mapping(conn, integration, stream).compiled.mapping
    needed = sorted(mapping.live_properties)
    with conn.transaction():
        gaps = bool(records_with_gaps(conn, integration.id, stream.table, needed, after="", limit=1))
    return recompute(conn, integration.id, mapping, is_final=not gaps), gaps


def stored_row_builder(
    conn: psycopg.Connection, integration: Integration, stream: Stream, clock_like: Collection[str]
) -> RowBuilder:
    """Return the builder of a stream's rows with the mapping that counts, leaving stored rows as they are."""
    mapping = load_mapping(conn, integration, stream).compiled.mapping if stream.is_mapped else None
    return RowBuilder(stream, clock_like, integration.portal_currency or integration.base_currency, mapping)


@dataclass(frozen=True)
class Preparation:
    """Makes what builds a stream's rows, the company's mapping included."""

    client: HubSpotClient
    conn: psycopg.Connection
    integration: Integration
    stream: Stream
    clock_like: Collection[str]
    report: Report

    def row_builder(self) -> RowBuilder:
        """Return the builder of the stream's rows, once the catalogue is fresh."""
        currency = self.integration.portal_currency or self.integration.base_currency
        mapping = self.mapping() if self.stream.is_mapped else None
        return RowBuilder(self.stream, self.clock_like, currency, mapping)

    def mapping(self) -> DealMapping:
        """Return the mapping that counts, once all stored deals have been computed with it.

        That is work only after a change: properties that it needs and that were never stored are read, those alone, and
        everything else comes from what is stored.
        """
        while not (active := load_mapping(self.conn, self.integration, self.stream)).is_recomputed:
            if not self._apply(active.compiled.mapping).superseded:
                break
        for issue in active.issues:
            self.report.mapping_issue(issue.field, issue.kind, issue.message, is_error=issue.is_error)
        return active.compiled.mapping

    def fill_gaps(self, mapping: DealMapping) -> int:
        """Read the properties that a mapping needs for the deals that never got them, and return for how many."""
        backfill = PropertyBackfill(self.client, self.conn, self.integration.id, self.stream, self.clock_like)
        return backfill.run(mapping.live_properties)

    def _apply(self, mapping: DealMapping) -> Recomputed:
        filled = self.fill_gaps(mapping)
        done = recompute(self.conn, self.integration.id, mapping)
        self.report.recomputed(mapping.version, done.deals, done.changed, done.problems, filled)
        return done


def _zone(integration: Integration) -> tzinfo:
    try:
        return ZoneInfo(integration.portal_time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
