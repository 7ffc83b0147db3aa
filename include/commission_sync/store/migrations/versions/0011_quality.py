"""How good a company's data are, and the rows that say so."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "ALTER TABLE reconcile_checks DROP COLUMN is_money; DROP TABLE data_quality_findings, data_quality_scores"
    )
