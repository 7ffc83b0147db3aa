"""Switches adopted companies over one by one: waiting, beside the older service, alone."""

from __future__ import annotations

from enum import StrEnum

import psycopg

from commission_sync.adoption.errors import AdoptionRefused
from commission_sync.adoption.standing import Adoption


class Stage(StrEnum):
    """How far a company is switched over.

    waiting: not synced; the tables are as they were adopted.
    shadow: synced, and nothing is written to HubSpot: the older service still counts.
    live: synced, and written back as its flag says.
    """

    WAITING = "waiting"
    SHADOW = "shadow"
    LIVE = "live"


# The company's own setting of the write-back is kept while it is a shadow, and comes back when it is live.
_SWITCH = """
WITH before AS (
    SELECT c.*, i.feature_flags -> 'writeback' AS flag
    FROM adoption.companies c JOIN crm_integrations i ON i.id = c.integration_id
    WHERE c.adoption_id = %(adoption)s AND c.company_id = %(company)s FOR UPDATE
), kept AS (
    UPDATE adoption.companies c SET stage = %(stage)s, changed_at = now(), changed_by = %(actor)s,
        writeback = CASE WHEN b.stage <> 'shadow' AND %(stage)s = 'shadow' THEN b.flag
                         WHEN %(stage)s = 'shadow' THEN c.writeback END
    FROM before b WHERE c.adoption_id = b.adoption_id AND c.integration_id = b.integration_id AND b.stage <> %(stage)s
    RETURNING c.integration_id, b.stage AS was, b.writeback AS flag_before
), switched AS (
    UPDATE crm_integrations i SET is_active = %(stage)s <> 'waiting', updated_at = now(), feature_flags = CASE
            WHEN %(stage)s = 'shadow' THEN i.feature_flags || '{"writeback": "off"}'
            WHEN kept.was <> 'shadow' THEN i.feature_flags
            WHEN kept.flag_before IS NULL THEN i.feature_flags - 'writeback'
            ELSE i.feature_flags || jsonb_build_object('writeback', kept.flag_before) END
    FROM kept WHERE i.id = kept.integration_id
    RETURNING i.id, kept.was
)
INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
SELECT id, 'integration', id::text, 'update', jsonb_build_object('stage', jsonb_build_array(was, %(stage)s)), %(actor)s
FROM switched
"""


def switch(conn: psycopg.Connection, adoption: Adoption, company: str, stage: Stage, *, actor: str) -> bool:
    """Put a company into a stage, in the caller's transaction, and return whether it was in another.

    :raises AdoptionRefused: when no such company was adopted.
    """
    known = conn.execute(
        "SELECT company_id FROM adoption.companies WHERE adoption_id = %s ORDER BY company_id", (adoption.id,)
    ).fetchall()
    if (company,) not in known:
        raise AdoptionRefused(f"no company {company!r} was adopted; there are: {', '.join(name for (name,) in known)}")
    values = {"adoption": adoption.id, "company": company, "stage": stage.value, "actor": actor}
    return conn.execute(_SWITCH, values).rowcount == 1
