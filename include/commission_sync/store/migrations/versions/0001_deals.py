"""The tables that deals need."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP TABLE sync_rejects, sync_receipts, sync_runs, sync_cursors, property_catalog, deals, audit_log, "
        "crm_integrations; DROP TYPE sync_status; DROP FUNCTION refuse_change()"
    )
