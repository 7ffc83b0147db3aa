"""The echo ledger: changes of a deal that are only our own writes coming back.

A write is awaited from the moment that HubSpot took it until the deal is next seen in a version at least as new. When
that version has the values that HubSpot answered to our write, it is an echo; when it has others, somebody changed the
deal in between, which is a near miss. Both end the waiting.
"""

from __future__ import annotations

from uuid import UUID

import psycopg
from psycopg import sql

ENTITY = "deal"

# Properties that HubSpot itself moves with every write.
_BOOKKEEPING = "ARRAY['hs_lastmodifieddate', 'hs_updated_by_user_id']"

# The action of an audit row, over the aliases of the merge's statement: the record's `crm_id` and its `changes`.
ACTION = f"""
CASE WHEN EXISTS (
    SELECT FROM commission_writebacks w
    WHERE w.integration_id = %(integration_id)s AND w.crm_id = written.crm_id
      AND w.state = 'sent' AND w.echoed_at IS NULL AND w.stored ?| ARRAY(SELECT jsonb_object_keys(changes))
      AND NOT EXISTS (
        SELECT FROM jsonb_each(changes) c
        WHERE c.key <> ALL ({_BOOKKEEPING})
          AND (NOT w.stored ? c.key OR coalesce(w.stored ->> c.key, '') <> coalesce(c.value ->> 1, ''))
      )
) THEN 'echo' ELSE 'update' END
"""  # noqa: S608 - a constant

_SETTLE = """
WITH seen AS (
    SELECT w.id, NOT EXISTS (
        SELECT FROM jsonb_each_text(w.stored) ours
        WHERE coalesce(ours.value, '') <> coalesce(s.properties::jsonb ->> ours.key, '')
    ) AS is_echo, row_number() OVER (PARTITION BY w.crm_id ORDER BY w.sent_at DESC) = 1 AS is_last
    FROM {stage} s JOIN commission_writebacks w ON w.crm_id = s.crm_id
    WHERE w.integration_id = %(integration_id)s AND w.state = 'sent' AND w.echoed_at IS NULL
      AND s.crm_updated_at >= w.crm_updated_at
)
UPDATE commission_writebacks w
SET echoed_at = now(),
    verified_at = CASE WHEN seen.is_echo AND seen.is_last THEN coalesce(w.verified_at, now()) ELSE w.verified_at END,
    near_misses = w.near_misses + CASE WHEN seen.is_last AND NOT seen.is_echo THEN 1 ELSE 0 END
FROM seen WHERE w.id = seen.id
"""


def settle_echoes(conn: psycopg.Connection, integration_id: UUID, stage: sql.Composable) -> int:
    """End the waiting for writes that the staged deals show, in the caller's transaction, and return how many."""
    return conn.execute(sql.SQL(_SETTLE).format(stage=stage), {"integration_id": integration_id}).rowcount
