"""What all workers share about a portal: budgets, breaker, credentials, cache."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION take_calls, settle_calls, refuse_calls, note_outcomes, seconds_now; "
        "DROP TABLE api_budgets, circuit_breakers, crm_credentials, portal_cache; "
        "ALTER TABLE sync_runs DROP COLUMN calls_saved; "
        "UPDATE sync_runs SET state = 'failed' WHERE state = 'deferred'; "
        "ALTER TABLE sync_runs DROP CONSTRAINT ck_sync_runs_state; "
        "ALTER TABLE sync_runs ADD CONSTRAINT ck_sync_runs_state "
        "CHECK (state IN ('running', 'success', 'failed', 'abandoned'))"
    )
