"""The companies that are synced, and how their syncs are doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row


class UnknownCompany(LookupError):
    """A run was asked for companies that have no active integration."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        self.names, self.known = tuple(names), tuple(known)
        super().__init__(
            f"no active integration for {', '.join(map(repr, names))}; active are: {', '.join(known) or 'none'}. "
            "Correct the name, or set is_active on its row in crm_integrations"
        )


@dataclass(frozen=True)
class Integration:
    """One company's connection to one HubSpot portal, as its row in `crm_integrations` says."""

    id: UUID
    company_id: str
    portal_id: int
    conn_id: str
    base_currency: str
    feature_flags: dict[str, Any]
    portal_currency: str | None
    portal_time_zone: str | None
    verified_token_fingerprint: str | None

    def has_feature(self, name: str | None) -> bool:
        """Whether a feature is on; only `false` in `feature_flags` switches one off."""
        return name is None or self.feature_flags.get(name) is not False


_COLUMNS = """
SELECT id, company_id, portal_id, conn_id, base_currency, feature_flags, portal_currency, portal_time_zone,
       verified_token_fingerprint
FROM crm_integrations
"""


def active_integrations(conn: psycopg.Connection, companies: Sequence[str] = ()) -> list[Integration]:
    """Return the active integrations, by company, or only those of the given companies.

    :raises UnknownCompany: when one of `companies` has none.
    """
    with conn.cursor(row_factory=class_row(Integration)) as cursor:
        active = cursor.execute(_COLUMNS + "WHERE is_active ORDER BY company_id").fetchall()
    known = [i.company_id for i in active]
    if unknown := sorted(set(companies) - set(known)):
        raise UnknownCompany(unknown, known)
    return [i for i in active if not companies or i.company_id in companies]


def integration(conn: psycopg.Connection, integration_id: UUID) -> Integration:
    """Return one integration.

    :raises UnknownCompany: when its row is gone.
    """
    with conn.cursor(row_factory=class_row(Integration)) as cursor:
        found = cursor.execute(_COLUMNS + "WHERE id = %s", (integration_id,)).fetchone()
    if found is None:
        raise UnknownCompany([str(integration_id)], [])
    return found


def of_company(conn: psycopg.Connection, company: str) -> Integration | None:
    """Return a company's integration, active or not; of several the one that is active and the newest."""
    with conn.cursor(row_factory=class_row(Integration)) as cursor:
        query = _COLUMNS + "WHERE company_id = %s ORDER BY is_active DESC, created_at DESC LIMIT 1"
        return cursor.execute(query, (company,)).fetchone()


def companies_like(conn: psycopg.Connection, part: str, most: int) -> list[str]:
    """Return the names of companies that have something in them, those that begin with it first."""
    rows = conn.execute(
        "SELECT DISTINCT company_id, strpos(lower(company_id), lower(%(part)s)) > 1 FROM crm_integrations "
        "WHERE strpos(lower(company_id), lower(%(part)s)) > 0 ORDER BY 2, 1 LIMIT %(most)s",
        {"part": part, "most": most},
    )
    return [name for name, _ in rows.fetchall()]


def record_account(
    conn: psycopg.Connection,
    integration_id: UUID,
    *,
    token_fingerprint: str,
    currency: str | None,
    time_zone: str | None,
) -> None:
    """Keep what HubSpot says of the portal, and which token was proven to belong to it."""
    conn.execute(
        "UPDATE crm_integrations SET verified_token_fingerprint = %s, portal_currency = %s, portal_time_zone = %s, "
        "updated_at = now() WHERE id = %s",
        (token_fingerprint, currency, time_zone, integration_id),
    )
