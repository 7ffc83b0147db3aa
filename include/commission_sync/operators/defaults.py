"""What all tasks of the sync DAGs have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_hubspot.retry import HubSpotRetryPolicy
from commission_sync.settings import Settings


def task_defaults(settings: Settings) -> dict[str, Any]:
    """Return the `default_args`: who owns the tasks, and how they are tried again."""
    return {
        "owner": "commission-sync",
        "retries": settings.max_sync_retries,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": HubSpotRetryPolicy(),
    }
