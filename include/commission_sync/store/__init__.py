"""PostgreSQL: the tables, the migrations, and the only ways in. It knows nothing of HubSpot's API nor of Airflow."""

from commission_sync.store.connection import DatabaseUnavailable, connect
from commission_sync.store.migrations import migrate

__all__ = ["DatabaseUnavailable", "connect", "migrate"]
