"""The inbox of HubSpot's webhooks."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP VIEW webhook_dead_letters, webhook_delivery; DROP FUNCTION replay_webhooks; "
        "DROP TABLE webhook_events, webhook_lanes"
    )
