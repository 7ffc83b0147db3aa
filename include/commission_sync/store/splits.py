"""How deals are split among owners: the stored set becomes the set that HubSpot was read to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import psycopg

from commission_sync.store.audit import Correction, record_corrections
from commission_sync.store.merge import TableSpec, Writing

_CURRENT = """
SELECT d.crm_id, s.owner_crm_id, s.percentage FROM deal_splits s JOIN deals d ON d.id = s.deal_id
WHERE s.integration_id = %(integration_id)s AND d.crm_id = ANY (%(deals)s) AND s.archived_at IS NULL
"""

_SAVE = """
INSERT INTO deal_splits AS s (integration_id, company_id, deal_id, owner_crm_id, percentage)
SELECT %(integration_id)s, %(company_id)s, d.id, w.owner, w.percentage
FROM unnest(%(deals)s::text[], %(owners)s::text[], %(percentages)s::numeric[]) AS w (deal, owner, percentage)
JOIN deals d ON d.integration_id = %(integration_id)s AND d.crm_id = w.deal
ON CONFLICT (deal_id, owner_crm_id) DO UPDATE
SET percentage = excluded.percentage, archived_at = NULL, synced_at = now()
"""

_END = """
UPDATE deal_splits s SET archived_at = now(), synced_at = now() FROM deals d, unnest(%(deals)s::text[],
    %(owners)s::text[]) AS w (deal, owner)
WHERE d.id = s.deal_id AND s.integration_id = %(integration_id)s AND d.crm_id = w.deal AND s.owner_crm_id = w.owner
"""

_MARKS = """
SELECT EXISTS (SELECT FROM property_catalog c WHERE c.integration_id = %(integration_id)s
               AND c.object_type = 'deals' AND c.name = 'hs_is_deal_split' AND c.archived_at IS NULL)
"""

_MAY_BE_SPLIT = """
SELECT d.crm_id FROM deals d
WHERE d.integration_id = %(integration_id)s AND d.crm_id = ANY (%(deals)s)
  AND (NOT %(marked)s OR d.properties ->> 'hs_is_deal_split' = 'true'
       OR EXISTS (SELECT FROM deal_splits s WHERE s.deal_id = d.id AND s.archived_at IS NULL))
"""

Shares = Mapping[str, Decimal]


def marks_split_deals(conn: psycopg.Connection, writing: Writing) -> bool:
    """Whether the portal has the property that tells a split deal from others."""
    row = conn.execute(_MARKS, {"integration_id": writing.integration_id}).fetchone()
    return row is not None and bool(row[0])


def may_be_split(conn: psycopg.Connection, writing: Writing, deals: Sequence[str]) -> list[str]:
    """Return those of the deals that are marked as split, were split before, or cannot be told from such."""
    values = {
        "integration_id": writing.integration_id,
        "deals": list(deals),
        "marked": marks_split_deals(conn, writing),
    }
    return [str(row[0]) for row in conn.execute(_MAY_BE_SPLIT, values)]


def deals_with_splits(conn: psycopg.Connection, writing: Writing) -> list[str]:
    """Return the live deals that have splits."""
    statement = (
        "SELECT DISTINCT d.crm_id FROM deal_splits s JOIN deals d ON d.id = s.deal_id "
        "WHERE s.integration_id = %s AND s.archived_at IS NULL AND d.archived_at IS NULL"
    )
    return [str(row[0]) for row in conn.execute(statement, (writing.integration_id,))]


def save_splits(
    conn: psycopg.Connection, spec: TableSpec, writing: Writing, read: Mapping[str, Shares], why: str
) -> int:
    """Make the shares of each given deal those that were read, and return how many deals that changed."""
    parameters = writing.parameters(spec)
    stored: dict[str, dict[str, Decimal]] = {deal: {} for deal in read}
    for deal, owner, percentage in conn.execute(_CURRENT, {**parameters, "deals": list(read)}):
        stored[deal][owner] = percentage
    changed = {deal: shares for deal, shares in read.items() if dict(shares) != stored[deal]}
    kept = [(deal, owner, share) for deal, shares in changed.items() for owner, share in shares.items()]
    ended = [(deal, owner) for deal, shares in changed.items() for owner in stored[deal].keys() - shares.keys()]
    if kept:
        deals, owners, percentages = map(list, zip(*kept, strict=True))
        conn.execute(_SAVE, {**parameters, "deals": deals, "owners": owners, "percentages": percentages})
    if ended:
        deals, owners = map(list, zip(*ended, strict=True))
        conn.execute(_END, {**parameters, "deals": deals, "owners": owners})
    corrections = [
        Correction(deal, "split", {"splits": [_shown(stored[deal]), _shown(shares)]}, why)
        for deal, shares in sorted(changed.items())
    ]
    record_corrections(conn, spec, writing, corrections)
    return len(changed)


def _shown(shares: Shares) -> dict[str, str]:
    return {owner: str(share) for owner, share in sorted(shares.items())}
