"""What people have to be told: from when a DAG stops working for a company until it works again, and who knows.

An incident is opened, changed and closed by what `sync_runs` says, and told of by whoever claims it. A claim that is
not settled runs out, so that a mail that could not be sent is tried again by the next review; nobody is told twice
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row

CLAIM = timedelta(minutes=2)


class News(StrEnum):
    """Why people are told of an incident now."""

    OPENED = "opened"
    REMINDER = "reminder"
    RECOVERED = "recovered"


@dataclass(frozen=True)
class Incident:
    """An incident as a mail tells it; `company_id` is None where a run failed before it came to any company."""

    id: UUID
    news: News
    company_id: str | None
    dag_id: str
    kind: str
    error_class: str | None
    message: str | None
    since: datetime
    last_good_at: datetime | None
    closed_at: datetime | None
    run_id: str | None
    task_id: str | None
    map_index: int


# Runs of a given window are left out: whoever started a backfill watches it, and it says nothing of freshness.
_BROKEN = """
SELECT DISTINCT ON (integration_id)
       integration_id, 'failed' AS kind, started_at AS since, last_good_run(dag_id, integration_id) AS last_good_at,
       CASE WHEN finished_at IS NULL THEN 'Vanished' ELSE split_part(error, ':', 1) END AS error_class,
       CASE WHEN finished_at IS NULL THEN 'the process ended without a word'
            ELSE substr(error, strpos(error, ': ') + 2) END AS message,
       task_id, map_index
FROM last_tries(%(dag_id)s, %(run_id)s) WHERE state <> 'success'
ORDER BY integration_id, started_at DESC
"""

_ANY_TRY = "SELECT 1 FROM sync_runs WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s LIMIT 1"

_LATE = """
SELECT i.id AS integration_id, 'late' AS kind, coalesce(good.at, i.created_at) AS since, good.at AS last_good_at,
       split_part(t.error, ':', 1) AS error_class, substr(t.error, strpos(t.error, ': ') + 2) AS message,
       t.task_id, coalesce(t.map_index, -1) AS map_index
FROM crm_integrations i
CROSS JOIN LATERAL (SELECT last_good_run(%(dag_id)s, i.id) AS at) good
LEFT JOIN LATERAL (
    SELECT error, task_id, map_index FROM last_tries(%(dag_id)s, %(run_id)s) r
    WHERE r.integration_id = i.id ORDER BY started_at DESC LIMIT 1
) t ON true
WHERE i.is_active AND coalesce(good.at, i.created_at) < now() - %(sla)s
  AND EXISTS (SELECT FROM sync_runs r WHERE r.dag_id = %(dag_id)s AND r.integration_id = i.id)
"""

_OPEN = """
INSERT INTO alert_incidents AS a (integration_id, dag_id, kind, error_class, message, since, last_good_at, run_id,
                                  task_id, map_index)
VALUES (%(integration_id)s, %(dag_id)s, %(kind)s, %(error_class)s, %(message)s, coalesce(%(since)s, now()),
        %(last_good_at)s, %(run_id)s, %(task_id)s, %(map_index)s)
ON CONFLICT (integration_id, dag_id) WHERE closed_at IS NULL DO UPDATE
SET kind = excluded.kind, error_class = excluded.error_class, message = excluded.message, run_id = excluded.run_id,
    task_id = excluded.task_id, map_index = excluded.map_index, seen_at = now(),
    -- A run that was late and has now failed, or fails for another reason, is news.
    announced_at = CASE WHEN (a.kind, a.error_class) IS NOT DISTINCT FROM (excluded.kind, excluded.error_class)
                        THEN a.announced_at END
"""

_CLOSE = """
WITH worked AS (
    SELECT integration_id FROM last_tries(%(dag_id)s, %(run_id)s) GROUP BY 1 HAVING bool_and(state = 'success')
)
UPDATE alert_incidents SET closed_at = now()
WHERE dag_id = %(dag_id)s AND closed_at IS NULL
  AND (integration_id IN (SELECT integration_id FROM worked)
       OR integration_id IS NULL AND (%(succeeded)s OR EXISTS (SELECT FROM worked)))
"""

_WHOLE_RUN = {
    "integration_id": None,
    "error_class": None,
    "since": None,
    "last_good_at": None,
    "task_id": None,
    "map_index": -1,
}


def run_is_over(conn: psycopg.Connection, *, dag_id: str, run_id: str, succeeded: bool, reason: str | None) -> None:
    """Open and close incidents by how a DAG run ended for each company, in the caller's transaction.

    A run that failed before it tried any company, as when they could not be listed, has failed as a whole.
    """
    run = {"dag_id": dag_id, "run_id": run_id}
    conn.execute(_CLOSE, {**run, "succeeded": succeeded})
    broken = _found(conn, _BROKEN, run)
    if not succeeded and not _found(conn, _ANY_TRY, run):
        broken = [{**_WHOLE_RUN, "kind": "failed", "message": reason}]
    _open(conn, broken, run)


def run_is_late(conn: psycopg.Connection, *, dag_id: str, run_id: str, sla: timedelta) -> None:
    """Open an incident for each company whose last good run is older than `sla`, in the caller's transaction.

    Where that is nobody, as in a DAG that works for no company in particular, the run itself is late.
    """
    run = {"dag_id": dag_id, "run_id": run_id}
    late = _found(conn, _LATE, {**run, "sla": sla})
    if not late:
        minutes = round(sla.total_seconds() / 60)
        message = f"the run is not over {minutes} minutes after it was queued"
        late = [{**_WHOLE_RUN, "kind": "late", "message": message}]
    _open(conn, late, run)


def in_trouble(conn: psycopg.Connection, dag_id: str) -> set[UUID]:
    """Return the integrations of the companies for which a DAG has not worked since it last failed or was late."""
    rows = conn.execute(
        "SELECT integration_id FROM alert_incidents "
        "WHERE dag_id = %s AND closed_at IS NULL AND integration_id IS NOT NULL",
        (dag_id,),
    )
    return {row[0] for row in rows}


def _found(conn: psycopg.Connection, query: LiteralString, values: dict[str, Any]) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def _open(conn: psycopg.Connection, problems: list[dict[str, Any]], run: dict[str, str]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(_OPEN, [{**problem, **run} for problem in problems])


_CLAIM = """
WITH due AS (
    SELECT n.id, n.news FROM alert_news n JOIN alert_incidents i USING (id)
    WHERE n.claimed_until IS NULL OR n.claimed_until < now()
    FOR UPDATE OF i SKIP LOCKED
)
UPDATE alert_incidents a SET claimed_until = now() + %(claim)s
FROM due
WHERE a.id = due.id
RETURNING a.id, due.news
"""

_CLAIMED = """
SELECT a.id, c.news, i.company_id, a.dag_id, a.kind, a.error_class, a.message, a.since, a.last_good_at, a.closed_at,
       a.run_id, a.task_id, a.map_index
FROM unnest(%(ids)s::uuid[], %(news)s::text[]) AS c (id, news)
JOIN alert_incidents a USING (id) LEFT JOIN crm_integrations i ON i.id = a.integration_id
ORDER BY a.dag_id, a.kind, a.error_class, i.company_id
"""

_SETTLE = """
UPDATE alert_incidents a
SET claimed_until = NULL,
    announced_at = CASE c.news WHEN 'opened' THEN now() ELSE announced_at END,
    reminded_at = CASE c.news WHEN 'reminder' THEN now() ELSE reminded_at END,
    recovery_announced_at = CASE c.news WHEN 'recovered' THEN now() ELSE recovery_announced_at END
FROM unnest(%(ids)s::uuid[], %(news)s::text[]) AS c (id, news)
WHERE a.id = c.id
"""


def has_news(conn: psycopg.Connection) -> bool:
    """Whether there is anything that people have not been told yet and nobody is telling them."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM alert_news WHERE claimed_until IS NULL OR claimed_until < now())"
    ).fetchone()
    return row is not None and bool(row[0])


def claim_news(conn: psycopg.Connection) -> list[Incident]:
    """Take everything that people have not been told yet, in the caller's transaction; `settle_news` afterwards."""
    taken = conn.execute(_CLAIM, {"claim": CLAIM}).fetchall()
    values = {"ids": [row[0] for row in taken], "news": [row[1] for row in taken]}
    with conn.cursor(row_factory=class_row(Incident)) as cursor:
        return [replace(i, news=News(i.news)) for i in cursor.execute(_CLAIMED, values)]


def settle_news(conn: psycopg.Connection, told: list[Incident]) -> None:
    """Say that people have been told."""
    conn.execute(_SETTLE, {"ids": [i.id for i in told], "news": [str(i.news) for i in told]})
