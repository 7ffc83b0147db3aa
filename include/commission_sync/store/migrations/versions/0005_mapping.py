"""Mappings in versions, what is wrong with them, and feature flags."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # audit_log.integration_id stays nullable: rows without one may be there, and the log is append-only.
    op.execute(
        "DROP TABLE feature_flags, mapping_breaches, mapping_problems, mapping_versions; "
        "DROP FUNCTION json_difference(jsonb, jsonb)"
    )
