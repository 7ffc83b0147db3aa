"""What a run brought, per company, from `sync_runs`."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row
from rich.table import Table

# All tries of the run are told as one.
OUTCOMES = """
SELECT i.company_id AS company,
       coalesce(sum(r.fetched), 0)::bigint AS fetched,
       coalesce(sum(r.inserted), 0)::bigint AS inserted,
       coalesce(sum(r.updated), 0)::bigint AS updated,
       coalesce(sum(r.unchanged), 0)::bigint AS unchanged,
       coalesce(sum(r.rejected), 0)::bigint AS rejected,
       coalesce(sum(r.api_calls), 0)::bigint AS calls,
       coalesce(sum(extract(epoch FROM r.finished_at - r.started_at)), 0)::float AS seconds,
       coalesce((array_agg(r.state::text ORDER BY r.started_at DESC))[1], '') AS state,
       coalesce((array_agg(r.error ORDER BY r.started_at DESC))[1], '') AS error
  FROM crm_integrations i
  LEFT JOIN sync_runs r ON r.integration_id = i.id AND r.dag_id = %s AND r.run_id = %s
 WHERE i.company_id = ANY(%s)
 GROUP BY i.company_id
 ORDER BY fetched DESC, company
"""
ROWS = """
SELECT i.company_id, count(d.crm_id)
  FROM crm_integrations i LEFT JOIN deals d ON d.integration_id = i.id
 WHERE i.company_id = ANY(%s)
 GROUP BY i.company_id ORDER BY 2 DESC, 1
"""
NUMBERS = ("fetched", "inserted", "updated", "unchanged", "rejected", "calls")


@dataclass(frozen=True)
class Outcome:
    """One company's part; `state` is that of its latest try, empty when there was none."""

    company: str
    fetched: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    calls: int
    seconds: float
    state: str
    error: str

    @property
    def trouble(self) -> str:
        """What failed and why, empty when nothing did."""
        if self.state == "success":
            return f"{self.rejected} rows in sync_rejects" if self.rejected else ""
        return self.error or {"": "its task never started", "running": "it has not ended"}.get(self.state, self.state)

    @property
    def failed(self) -> bool:
        """Say whether the company's data are not up to date."""
        return self.state != "success"


def read_outcomes(dsn: str, companies: Sequence[str], dag_id: str, run_id: str) -> list[Outcome]:
    """Read what happened to each company in a DAG run."""
    with psycopg.connect(dsn, row_factory=class_row(Outcome)) as connection:
        return connection.execute(OUTCOMES, (dag_id, run_id, list(companies))).fetchall()


def landed(connection: psycopg.Connection[tuple[str, int]], companies: Sequence[str]) -> dict[str, int]:
    """Count the deals that each company has in the database."""
    return dict(connection.execute(ROWS, (list(companies),)).fetchall())


def as_table(outcomes: Sequence[Outcome]) -> Table:
    """Lay the outcomes out for the terminal."""
    table = Table(title="What landed, per company", title_justify="left")
    table.add_column("company")
    for number in NUMBERS:
        table.add_column("API calls" if number == "calls" else number, justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("what failed, and why", overflow="fold")
    for outcome in outcomes:
        numbers = [f"{getattr(outcome, number):,}" for number in NUMBERS]
        table.add_row(outcome.company, *numbers, f"{outcome.seconds:.1f}", outcome.trouble or "nothing")
    return table
