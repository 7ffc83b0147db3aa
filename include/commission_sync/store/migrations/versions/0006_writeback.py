"""Commissions back onto the deals: plans, their rows, and the desk for deals that change after approval."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER take_fingerprints_on_insert ON deal_commissions; "
        "DROP TRIGGER take_fingerprints_on_update ON deal_commissions; "
        "DROP VIEW writeback_problems; "
        "DROP TABLE commission_writebacks, writeback_plans, commission_reviews, commission_fingerprints; "
        "DROP FUNCTION take_fingerprints(), decide_review(uuid, text, text, text), decide_writeback(uuid, text, text), "
        "changed_inputs(jsonb, jsonb), commission_fingerprint(jsonb), commission_inputs(deals); "
        "ALTER TABLE crm_integrations DROP COLUMN writeback_settings"
    )
