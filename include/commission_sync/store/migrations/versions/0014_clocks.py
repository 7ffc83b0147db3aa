"""Keeps which version of a deal its history is of, and when clocks differed."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("ALTER TABLE property_history_reads DROP COLUMN crm_updated_at")
    op.execute("ALTER TABLE sync_runs DROP COLUMN clock_warning")
