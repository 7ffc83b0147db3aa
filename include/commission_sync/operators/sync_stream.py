"""The operators that sync companies' streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from airflow.sdk import Context

from airflow_hubspot.client import HubSpotClient
from commission_sync.operators.company import CompanyOperator
from commission_sync.operators.derivations import derivations
from commission_sync.settings import load_settings
from commission_sync.store.integrations import Integration
from commission_sync.store.runs import RunCounts
from commission_sync.streams.request import SyncRequest
from commission_sync.streams.stream import Stream
from commission_sync.streams.sync import StreamSync, in_turn


class SyncStreamOperator(CompanyOperator):
    """Reads what the DAG run asks for from HubSpot and lands it in PostgreSQL.

    :param stream: what to sync
    """

    def __init__(self, *, stream: Stream, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stream = stream

    def work(
        self,
        request: SyncRequest,
        company: Integration,
        client: HubSpotClient,
        conn: psycopg.Connection,
        context: Context,  # noqa: ARG002 - what is asked is in the request
    ) -> RunCounts:
        """Sync the stream."""
        settings = load_settings()
        follow = derivations(self.stream, company, settings)
        return StreamSync(self.stream, company, client, conn, settings, follow).run(request)

    def fresh_streams(self) -> tuple[Stream, ...]:
        """Return the stream."""
        return (self.stream,)


class SyncStreamsOperator(CompanyOperator):
    """Does the same for several streams, one after the other; one that fails leaves the others alone.

    :param streams: what to sync
    """

    def __init__(self, *, streams: Sequence[Stream], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.streams = tuple(streams)

    def work(
        self,
        request: SyncRequest,
        company: Integration,
        client: HubSpotClient,
        conn: psycopg.Connection,
        context: Context,  # noqa: ARG002 - what is asked is in the request
    ) -> RunCounts:
        """Sync the streams."""
        settings = load_settings()
        return in_turn((StreamSync(stream, company, client, conn, settings) for stream in self.streams), request)

    def fresh_streams(self) -> tuple[Stream, ...]:
        """Return the streams."""
        return self.streams
