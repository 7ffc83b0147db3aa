"""Numbers the processes that apply a plan, and keeps what of a row may be on its way to HubSpot."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP INDEX ix_commission_writebacks_unanswered")
    op.execute("ALTER TABLE commission_writebacks DROP COLUMN sending")
    op.execute("ALTER TABLE writeback_plans DROP COLUMN fence")
