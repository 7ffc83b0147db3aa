"""How each company stands: what its last tries came to, how old its data are, and whether its portal can be called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class Standing:
    """One active company; times are aware, `oldest_cursor_at` is None before the first complete reading.

    `error` is that of a stream whose last try failed, the newest one, None where there is none; it, `tries` and
    `failures` are of the asked-for time.
    """

    company_id: str
    created_at: datetime
    oldest_stream: str | None
    oldest_cursor_at: datetime | None
    error: str | None
    tries: int
    failures: int
    breaker: str
    breaker_error: str | None
    credential: str


_STANDINGS = """
SELECT i.company_id, i.created_at, oldest.stream AS oldest_stream, oldest.cursor_at AS oldest_cursor_at, last.error,
       lately.tries, lately.failures, coalesce(b.state, 'closed') AS breaker, b.last_error AS breaker_error,
       coalesce(c.state, 'valid') AS credential
FROM crm_integrations i
LEFT JOIN LATERAL (
    SELECT c.stream, c.cursor_at FROM sync_cursors c
    WHERE c.integration_id = i.id AND c.stream NOT LIKE '%%/%%' AND c.stream <> ALL (%(nightly)s)
      AND (i.id, c.stream) NOT IN (SELECT * FROM unnest(%(off_ids)s::uuid[], %(off_streams)s::text[]))
    ORDER BY c.cursor_at LIMIT 1
) oldest ON true
LEFT JOIN LATERAL (
    SELECT error FROM (
        SELECT DISTINCT ON (stream) error, finished_at FROM sync_runs
        WHERE integration_id = i.id AND finished_at > now() - %(lately)s ORDER BY stream, finished_at DESC
    ) ended
    WHERE error IS NOT NULL ORDER BY finished_at DESC LIMIT 1
) last ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS tries, count(*) FILTER (WHERE state IN ('failed', 'abandoned')) AS failures
    FROM sync_runs WHERE integration_id = i.id AND finished_at > now() - %(lately)s
) lately
LEFT JOIN circuit_breakers b ON b.integration_id = i.id
LEFT JOIN crm_credentials c ON c.integration_id = i.id
WHERE i.is_active
ORDER BY i.company_id
"""


def standings(
    conn: psycopg.Connection, *, lately: timedelta, nightly: Sequence[str], switched_off: Sequence[tuple[UUID, str]]
) -> list[Standing]:
    """Return how each active company stands.

    :param lately: tries are counted that ended within this time
    :param nightly: streams whose cursors move once a night
    :param switched_off: streams, with the company, whose cursors do not move any more
    """
    values = {
        "lately": lately,
        "nightly": list(nightly),
        "off_ids": [integration_id for integration_id, _ in switched_off],
        "off_streams": [stream for _, stream in switched_off],
    }
    with conn.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(_STANDINGS, values).fetchall()
