"""Who may read what, and what workers may do to tables that they do not own."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    # The policies that `make roles` has built on the function go with it: without them readers would see everybody's
    # rows, so they see nothing until it builds them again.
    op.execute(
        "DO $$ BEGIN IF to_regrole('commission_readonly') IS NOT NULL THEN "
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM commission_readonly; END IF; END $$; "
        "DROP FUNCTION readable_integrations(text) CASCADE; DROP FUNCTION make_webhook_week(date); "
        "DROP FUNCTION drop_webhook_week(date); DROP TABLE data_readers"
    )
