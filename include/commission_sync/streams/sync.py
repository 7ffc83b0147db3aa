"""One run of one stream for one company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import psycopg

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.windows import SearchReader, Window
from commission_sync.settings import Settings
from commission_sync.store.cursors import read_cursor
from commission_sync.store.integrations import Integration
from commission_sync.store.receipts import resumable_receipts
from commission_sync.store.runs import RunCounts
from commission_sync.streams.catalogue import refresh_catalogue
from commission_sync.streams.landing import Derivation, Landing, Target
from commission_sync.streams.portal import verified
from commission_sync.streams.pump import Pump
from commission_sync.streams.reading import FullReading, Part, Reading, WindowReading, resumed
from commission_sync.streams.record import RunRecord
from commission_sync.streams.request import Mode, Plan, SyncRequest, plan
from commission_sync.streams.rows import RowBuilder
from commission_sync.streams.stream import Stream


@dataclass(frozen=True)
class StreamSync:
    """Reads a stream of one company from HubSpot and lands it in PostgreSQL.

    `conn` is a connection of this run's own, autocommit off. `derivations` follow every merge, in its transaction.
    Airflow is not needed: operators adapt this class.
    """

    stream: Stream
    integration: Integration
    client: HubSpotClient
    conn: psycopg.Connection
    settings: Settings
    derivations: tuple[Derivation, ...] = ()

    def run(self, request: SyncRequest) -> RunCounts:
        """Run one try and return what it did.

        :raises HubSpotError: when HubSpot refuses or stays away; what was landed until then is committed.
        :raises psycopg.Error: when the database does.
        """
        with self.conn.transaction():
            cursor = read_cursor(self.conn, self.integration.id, self.stream.name)
        planned = plan(request, cursor, lookback=self.settings.lookback, now=datetime.now(UTC))
        with self._record(request, planned) as record:
            integration = verified(self.client, self.conn, self.integration)
            catalogue = refresh_catalogue(self.client, self.conn, integration, self.stream.object_type)
            reading = self._reading(request, planned, catalogue.names)
            target = Target(
                self.stream,
                integration,
                record.sync_run_id,
                request.run_key,
                moves_cursor=planned.mode is not Mode.WINDOW,
                derivations=self.derivations,
            )
            builder = RowBuilder(
                self.stream, catalogue.clock_like, integration.portal_currency or integration.base_currency
            )
            self._land(reading, Landing(self.conn, target, builder, reading.reached), record)
        return record.counts

    def _record(self, request: SyncRequest, planned: Plan) -> RunRecord:
        return RunRecord(
            self.conn, self.client, self.integration, stream=self.stream.name, request=request, plan=planned
        )

    def _land(self, reading: Reading, landing: Landing, record: RunRecord) -> None:
        readers = [landing.build(reader) for reader in reading.readers()]
        with Pump(readers, self.client.give_up) as chunks:
            for built in chunks:
                covered = landing.add(built)
                record.counts = landing.counts
                record.progress()
                if reading.is_over(covered):
                    break
        landing.commit()
        record.counts = landing.counts

    def _reading(self, request: SyncRequest, planned: Plan, properties: tuple[str, ...]) -> Reading:
        with self.conn.transaction():
            receipts = resumable_receipts(self.conn, self.integration.id, self.stream.name, request.run_key)
        reader = SearchReader(
            partial(self.client.objects.search_page, self.stream.object_type),
            self.stream.modified_property,
            properties,
        )
        if planned.window_from is not None:
            return WindowReading(reader, Window.between(planned.window_from, planned.window_to), receipts)
        started = [resumed(receipt) for receipt in receipts if receipt.window_from is None]
        part = started[0] if started else Part(None, planned.window_to)
        return FullReading(self.client.objects, self.stream, reader, part)
