"""Owners and pipeline stages, as they were last seen; what HubSpot lists no longer keeps its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

_OWNERS = """
INSERT INTO crm_owners AS o (integration_id, crm_id, email, first_name, last_name, user_id, teams, is_archived)
SELECT %(integration_id)s, r.* FROM jsonb_to_recordset(%(rows)s) AS r (crm_id text, email text, first_name text,
       last_name text, user_id text, teams jsonb, is_archived boolean)
ON CONFLICT (integration_id, crm_id) DO UPDATE
SET email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name,
    user_id = coalesce(excluded.user_id, o.user_id), teams = excluded.teams, is_archived = excluded.is_archived,
    fetched_at = now()
"""

_STAGES = """
INSERT INTO crm_stages (integration_id, pipeline, pipeline_label, stage, stage_label, display_order, is_closed,
                        probability)
SELECT %(integration_id)s, r.* FROM jsonb_to_recordset(%(rows)s) AS r (pipeline text, pipeline_label text, stage text,
       stage_label text, display_order integer, is_closed boolean, probability numeric)
ON CONFLICT (integration_id, pipeline, stage) DO UPDATE
SET pipeline_label = excluded.pipeline_label, stage_label = excluded.stage_label,
    display_order = excluded.display_order, is_closed = excluded.is_closed, probability = excluded.probability,
    archived_at = NULL, fetched_at = now()
"""

_GONE_STAGES = """
UPDATE crm_stages SET archived_at = now() WHERE integration_id = %(integration_id)s AND archived_at IS NULL
  AND NOT EXISTS (SELECT FROM jsonb_to_recordset(%(rows)s) AS r (pipeline text, stage text)
                  WHERE r.pipeline = crm_stages.pipeline AND r.stage = crm_stages.stage)
"""


def save_owners(conn: psycopg.Connection, integration_id: UUID, owners: Sequence[Mapping[str, Any]]) -> None:
    """Keep the owners that HubSpot lists, each a mapping of the columns of `crm_owners`."""
    conn.execute(_OWNERS, {"integration_id": integration_id, "rows": Jsonb(list(owners))})


def save_stages(conn: psycopg.Connection, integration_id: UUID, stages: Sequence[Mapping[str, Any]]) -> None:
    """Keep the stages that HubSpot lists, each a mapping of the columns of `crm_stages`; an empty list changes none."""
    if stages:
        values = {"integration_id": integration_id, "rows": Jsonb(list(stages))}
        conn.execute(_STAGES, values)
        conn.execute(_GONE_STAGES, values)
