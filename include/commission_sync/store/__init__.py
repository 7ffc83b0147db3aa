"""PostgreSQL: the tables, the migrations, and the only ways in. It knows nothing of HubSpot's API nor of Airflow."""

from commission_sync.store.connection import DatabaseUnavailable, another, connect
from commission_sync.store.migrations import migrate

__all__ = ["DatabaseUnavailable", "another", "connect", "migrate"]
