"""Takes back the second reader of days."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_READER = """
CREATE FUNCTION fx_date(value text, zone text) RETURNS date LANGUAGE sql STABLE AS $$ SELECT NULL::date $$
"""


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # The older migrations' way back removes it by name; nothing else needs it.
    op.execute(_READER)
