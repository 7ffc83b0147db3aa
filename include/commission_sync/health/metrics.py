"""The figures in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import psycopg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from commission_sync.health.report import report
from commission_sync.settings import Settings
from commission_sync.store.figures import ages, open_rejects, quality_scores, recent_tries

LATELY = timedelta(hours=1)


class _Figures(Collector):
    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Hand the figures to the registry."""
        yield from self._families


def prometheus_text(conn: psycopg.Connection, settings: Settings) -> bytes:
    """Return the figures of all active companies; those of tries are of the last hour."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures([*_health(conn, settings), *_sync(conn)]))
    return generate_latest(registry)


def _health(conn: psycopg.Connection, settings: Settings) -> Iterator[GaugeMetricFamily]:
    healthy = GaugeMetricFamily(
        "hubspot_sync_healthy", "1 when a check passes for a company", labels=("company", "check")
    )
    for company in report(conn, settings).companies:
        for check, wrong in company.checks.items():
            healthy.add_metric((company.company, check), float(wrong is None))
    yield healthy


def _sync(conn: psycopg.Connection) -> Iterator[GaugeMetricFamily]:
    with conn.transaction():
        yield _family("hubspot_sync_age_seconds", "Age of the time to which a stream is complete", ages(conn))
        yield _family("hubspot_sync_open_rejects", "Records that could not be read", open_rejects(conn))
        yield _family("hubspot_sync_quality_score", "Newest data quality score, out of 100", quality_scores(conn))
        tries = recent_tries(conn, lately=LATELY)
    labels = ("company", "stream", "state")
    for place, (name, what) in enumerate(
        (
            ("hubspot_sync_recent_tries", "Tries that ended in the last hour"),
            ("hubspot_sync_recent_api_calls", "Calls to HubSpot of those tries"),
            ("hubspot_sync_recent_rows_written", "Rows that those tries wrote"),
        ),
        start=3,
    ):
        yield _family(name, what, [(*row[:3], row[place]) for row in tries], labels)


def _family(
    name: str, what: str, rows: Iterable[tuple[str | float, ...]], labels: tuple[str, ...] = ("company", "stream")
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=labels)
    for row in rows:
        family.add_metric([str(value) for value in row[:-1]], float(row[-1]))
    return family
