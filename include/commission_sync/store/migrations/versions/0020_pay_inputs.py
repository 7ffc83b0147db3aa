"""Watches everything that affects pay, also where a company maps fields."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # The functions that are replaced stay: the migration that made them removes them.
    op.execute(
        "DROP FUNCTION retake_fingerprint(uuid), adopt_fingerprints(uuid), active_mapping(uuid), "
        "commission_inputs(deals, text[], integer), pay_property_names(uuid)"
    )
