"""What monitoring counts, per company and stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg

_AGES = """
SELECT i.company_id, c.stream, extract(epoch FROM now() - c.cursor_at)::float
FROM sync_cursors c JOIN crm_integrations i ON i.id = c.integration_id WHERE i.is_active AND c.stream NOT LIKE '%/%'
"""

_TRIES = """
SELECT i.company_id, r.stream, r.state, count(*), sum(r.api_calls)::bigint, sum(r.inserted + r.updated)::bigint
FROM sync_runs r JOIN crm_integrations i ON i.id = r.integration_id
WHERE i.is_active AND r.finished_at > now() - %(lately)s
GROUP BY 1, 2, 3
"""

_REJECTS = """
SELECT i.company_id, r.stream, count(*)
FROM sync_rejects r JOIN crm_integrations i ON i.id = r.integration_id
WHERE i.is_active AND r.resolved_at IS NULL
GROUP BY 1, 2
"""

_QUALITY = """
SELECT company_id, stream, score::float FROM (
    SELECT DISTINCT ON (i.id, q.stream) i.company_id, q.stream, q.score
    FROM data_quality_scores q JOIN crm_integrations i ON i.id = q.integration_id
    WHERE i.is_active ORDER BY i.id, q.stream, q.day DESC
) newest WHERE score IS NOT NULL
"""

Rows = Sequence[tuple[Any, ...]]


def ages(conn: psycopg.Connection) -> Rows:
    """Return (company, stream, seconds since the time to which it is complete)."""
    return conn.execute(_AGES).fetchall()


def recent_tries(conn: psycopg.Connection, *, lately: timedelta) -> Rows:
    """Return (company, stream, state, tries, calls, rows written) of tries that ended within `lately`."""
    return conn.execute(_TRIES, {"lately": lately}).fetchall()


def open_rejects(conn: psycopg.Connection) -> Rows:
    """Return (company, stream, records that could not be read)."""
    return conn.execute(_REJECTS).fetchall()


def quality_scores(conn: psycopg.Connection) -> Rows:
    """Return (company, stream, newest score); a stream that could not be judged has none."""
    return conn.execute(_QUALITY).fetchall()
