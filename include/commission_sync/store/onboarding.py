"""Adds a company's portal to `crm_integrations`, or renews what is there; never one that is somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb


class PortalMismatch(ValueError):
    """A portal and a company do not belong together; the text says which do."""


@dataclass(frozen=True)
class Onboarding:
    """A company and the portal that a person connected to it; `feature_flags` are for a new one."""

    company_id: str
    portal_id: int
    conn_id: str
    feature_flags: dict[str, Any]
    portal_currency: str | None
    portal_time_zone: str | None
    actor: str


@dataclass(frozen=True)
class Onboarded:
    """The integration's row, and whether it is a new one."""

    id: UUID
    is_new: bool


# What stands there may be another connection and a company that was switched off; the audit row tells.
_UPSERT = """
WITH before AS (
    SELECT conn_id, is_active FROM crm_integrations WHERE portal_id = %(portal_id)s
), kept AS (
    INSERT INTO crm_integrations (company_id, portal_id, conn_id, feature_flags, base_currency, portal_currency,
                                  portal_time_zone)
    VALUES (%(company_id)s, %(portal_id)s, %(conn_id)s, %(feature_flags)s, coalesce(%(portal_currency)s, 'USD'),
            %(portal_currency)s, %(portal_time_zone)s)
    ON CONFLICT (portal_id) DO UPDATE
    SET conn_id = excluded.conn_id, is_active = true, portal_currency = excluded.portal_currency,
        portal_time_zone = excluded.portal_time_zone, updated_at = now()
    WHERE crm_integrations.company_id = excluded.company_id
    RETURNING id, conn_id, xmax = 0 AS is_new
), noted AS (
    INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor)
    SELECT kept.id, 'integration', kept.id::text, CASE WHEN kept.is_new THEN 'insert' ELSE 'authorize' END,
           CASE WHEN kept.is_new THEN '{}'::jsonb ELSE (
               SELECT jsonb_strip_nulls(jsonb_build_object(
                   'conn_id', CASE WHEN b.conn_id <> kept.conn_id THEN jsonb_build_array(b.conn_id, kept.conn_id) END,
                   'is_active', CASE WHEN NOT b.is_active THEN '[false, true]'::jsonb END))
               FROM before b)
           END, %(actor)s
    FROM kept
)
SELECT id, is_new FROM kept
"""


def onboard(conn: psycopg.Connection, wanted: Onboarding) -> Onboarded:
    """Add the integration or renew it, with an audit row.

    :raises PortalMismatch: when the portal is another company's, or the company has another portal
    """
    elsewhere = conn.execute(
        "SELECT company_id, portal_id FROM crm_integrations WHERE (company_id = %s) <> (portal_id = %s) "
        "AND NOT EXISTS (SELECT FROM crm_integrations WHERE company_id = %s AND portal_id = %s) LIMIT 1",
        (wanted.company_id, wanted.portal_id, wanted.company_id, wanted.portal_id),
    ).fetchone()
    if elsewhere is not None:
        raise _mismatch(wanted, *elsewhere)
    row = conn.execute(_UPSERT, vars(wanted) | {"feature_flags": Jsonb(wanted.feature_flags)}).fetchone()
    if row is None:
        raise _mismatch(wanted, "another one", wanted.portal_id)
    return Onboarded(*row)


def flags_of(conn: psycopg.Connection, company_id: str) -> dict[str, Any] | None:
    """Return a company's feature flags; None when it is not there yet."""
    row = conn.execute(
        "SELECT feature_flags FROM crm_integrations WHERE company_id = %s ORDER BY is_active DESC, created_at LIMIT 1",
        (company_id,),
    ).fetchone()
    return None if row is None else row[0]


def _mismatch(wanted: Onboarding, company_id: str, portal_id: int) -> PortalMismatch:
    if portal_id == wanted.portal_id:
        return PortalMismatch(
            f"portal {portal_id} belongs to company {company_id!r}, so it cannot be connected to "
            f"{wanted.company_id!r}; nothing was changed. Choose another account on HubSpot's page"
        )
    return PortalMismatch(
        f"company {company_id!r} is connected to portal {portal_id}, but portal {wanted.portal_id} was chosen; nothing "
        "was changed. Choose the right account on HubSpot's page, or another company_id for the other portal"
    )
