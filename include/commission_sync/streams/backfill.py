"""Reads properties that were never stored, those alone, for the records that lack them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import psycopg

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.objects import BATCH_LIMIT
from commission_sync.mapping.derive import DealMapping
from commission_sync.store.property_gaps import FilledDocument, documents_for_update, fill_gaps, records_with_gaps
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.stream import Stream

CHECKPOINT_CALLS = 10


@dataclass(frozen=True)
class PropertyBackfill:
    """Fills gaps in the stored documents of one company and one stream.

    A property is missing from a document when it did not exist in HubSpot at the time and the record has not been
    modified since: calculated ones come to have values without that.
    """

    client: HubSpotClient
    conn: psycopg.Connection
    integration_id: UUID
    stream: Stream
    clock_like: Collection[str]

    def run(self, names: Collection[str]) -> int:
        """Read what is missing and return how many records were filled; killed, it goes on where it stopped."""
        wanted, filled, after = sorted(names), 0, ""
        while True:
            with self.conn.transaction():
                ids = records_with_gaps(
                    self.conn, self.integration_id, self.stream.table, wanted, after=after, limit=self._limit
                )
            if not ids:
                return filled
            # No transaction is open while HubSpot is asked.
            found = dict(self._read(ids, wanted))
            with self.conn.transaction():
                filled += self._fill(found, wanted)
            after = ids[-1]

    @property
    def _limit(self) -> int:
        return CHECKPOINT_CALLS * BATCH_LIMIT

    def _read(self, ids: list[str], wanted: list[str]) -> Iterator[tuple[str, dict[str, str | None]]]:
        for start in range(0, len(ids), BATCH_LIMIT):
            answer = self.client.objects.batch_read(self.stream.object_type, ids[start : start + BATCH_LIMIT], wanted)
            for record in answer.results:
                yield record["id"], {name: record["properties"].get(name) for name in wanted}

    def _fill(self, found: dict[str, dict[str, str | None]], wanted: list[str]) -> int:
        # The hash goes along, or the next reading would take the filled record for a changed one.
        builder = RowBuilder(self.stream, self.clock_like, None, DealMapping())
        rows = []
        for crm_id, document in documents_for_update(self.conn, self.integration_id, self.stream.table, list(found)):
            gaps = {name: found[crm_id][name] for name in wanted if name not in document}
            if gaps:
                whole: dict[str, Any] = {**document, **gaps}
                news = {name: [None, value] for name, value in gaps.items() if value is not None}
                rows.append(
                    FilledDocument(
                        crm_id, orjson.dumps(whole).decode(), builder.content_hash(whole), orjson.dumps(news).decode()
                    )
                )
        fill_gaps(self.conn, self.integration_id, self.stream.table, self.stream.entity, rows)
        return len(rows)
