"""What people are told when a DAG stops working for a company."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION last_tries, last_good_run; DROP VIEW alert_news; DROP TABLE alert_incidents; "
        "DROP INDEX ix_sync_runs_dag_id_integration_id_finished_at, ix_sync_runs_integration_id_finished_at; "
        "ALTER TABLE sync_runs DROP COLUMN task_id, DROP COLUMN map_index"
    )
