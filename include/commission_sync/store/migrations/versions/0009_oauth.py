"""What refreshing tokens and installing the app need beside the credentials."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP TABLE oauth_states; ALTER TABLE crm_credentials DROP COLUMN forced_at")
