"""A run's figures for Airflow's own metrics: StatsD or OpenTelemetry, as Airflow's settings say."""

from __future__ import annotations

from airflow.sdk.observability import stats

from commission_sync.store.runs import RunCounts

# Prefixed by Airflow with its own `[metrics] statsd_prefix`.
_PREFIX = "hubspot_sync"


def emit(counts: RunCounts, *, company: str, dag: str) -> None:
    """Count what a run did, by company and DAG."""
    tags = {"company": company, "dag": dag}
    stats.incr(f"{_PREFIX}.runs", tags=tags)
    for name, value in counts.as_dict().items():
        if value:
            stats.incr(f"{_PREFIX}.{name}", count=value, tags=tags)
