"""Running it on one machine: an embedded PostgreSQL, the environment of `bin/airflow`, the demo."""

from commission_sync.local.errors import LocalError, PostgresError
from commission_sync.local.postgres import EmbeddedPostgres, Server

__all__ = ["EmbeddedPostgres", "LocalError", "PostgresError", "Server"]
