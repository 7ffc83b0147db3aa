"""Exchange rates, what deals are worth in the company's own currency, and the commissions that freeze it."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP VIEW deals_waiting_for_rate, deals_fx_drift, fx_rates_in_force; "
        "DROP TABLE deal_commissions, fx_rate_rejects, fx_rate_corrections, fx_fetches, fx_rates; "
        "DROP FUNCTION freeze_fx(), fx_date(text, text), fx_number(text); "
        "ALTER TABLE deals DROP COLUMN fx_pair, DROP COLUMN fx_source, DROP COLUMN fx_rate_ids, "
        "DROP COLUMN fx_anchor_date, DROP COLUMN fx_waiting, DROP COLUMN fx_frozen_at; "
        "ALTER TABLE crm_integrations DROP COLUMN fx_anchor, DROP COLUMN fx_drift_threshold"
    )
