"""The tables of line items, activities and what hangs on deals, of history, and of the reconciliation."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP VIEW sync_completeness, sync_coverage; "
        "DROP FUNCTION sync_is_complete, deal_property_as_of, deal_property_at, join_waiting_rows, "
        "move_deal_references; "
        "DROP TABLE deal_line_items, deal_activities, deal_objects, deal_splits, property_history, "
        "property_history_reads, reconcile_state, reconcile_checks, crm_products, crm_owners, crm_stages; "
        "ALTER TABLE deals DROP COLUMN purged_at"
    )
