"""The typed definitions and the migrations describe the same tables."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from commission_sync.store.migrations import VERSION_TABLE
from commission_sync.store.models import Base


def _is_ours(_object, name, kind, _reflected, _compared):
    # Partitions come and go by themselves; their parents are declared.
    return not (kind == "table" and (name == VERSION_TABLE or name.startswith("webhook_events_")))


def test_models_and_migrations_agree(database_dsn):
    engine = create_engine(database_dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _is_ours}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    engine.dispose()
