"""Brings owners and pipeline stages up to date."""

from __future__ import annotations

from dataclasses import asdict

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.store.integrations import Integration
from commission_sync.store.reference import save_owners, save_stages


def refresh_reference(client: HubSpotClient, conn: psycopg.Connection, integration: Integration) -> list[str]:
    """Read owners, archived ones too, and the stages of deal pipelines (three calls); return the pipelines' ids."""
    owners = client.reference.owners() + client.reference.owners(archived=True)
    stages = client.reference.stages("deals")
    listed = []
    for owner in owners:
        row = asdict(owner)
        listed.append({"crm_id": row.pop("id"), "is_archived": row.pop("archived"), **row})
    with conn.transaction():
        save_owners(conn, integration.id, listed)
        save_stages(conn, integration.id, [asdict(stage) for stage in stages])
    return list(dict.fromkeys(stage.pipeline for stage in stages))
