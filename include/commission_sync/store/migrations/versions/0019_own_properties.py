"""Keeps commissions out of properties that are HubSpot's own."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP TRIGGER refuse_foreign_properties ON crm_integrations; DROP FUNCTION refuse_foreign_properties()")
    op.execute("ALTER TABLE property_catalog DROP COLUMN hubspot_defined")
