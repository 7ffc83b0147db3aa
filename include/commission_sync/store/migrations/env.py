"""Alembic's entry; `upgrade.py` hands it the connection to use."""

from alembic import context

from commission_sync.store.migrations import VERSION_TABLE
from commission_sync.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
