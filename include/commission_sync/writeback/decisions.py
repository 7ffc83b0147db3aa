"""A person's word on what the write-back cannot settle by itself: conflicts, failures, deals changed after approval."""

from __future__ import annotations

from uuid import UUID

import psycopg

from commission_sync.store.audit import record_action

# What may be decided about a row, by its state.
ROW_DECISIONS = {"conflict": ("ours", "theirs"), "failed": ("dismissed",)}
REVIEW_DECISIONS = ("keep", "reopen", "offset")


class NotDecidable(ValueError):
    """There is nothing (any more) to decide on, or not so."""


# Locked, so that of two people who decide at once the second one is told.
_ROW = """
SELECT crm_id, state, superseded_at IS NOT NULL, resolution, resolved_by FROM commission_writebacks
WHERE id = %s AND integration_id = %s FOR UPDATE
"""

_REVIEW = """
SELECT d.crm_id, r.state, r.decided_by FROM commission_reviews r JOIN deals d ON d.id = r.deal_id
WHERE r.id = %s AND r.integration_id = %s FOR UPDATE OF r
"""


def decide_row(
    conn: psycopg.Connection, integration_id: UUID, row: UUID, decision: str, *, actor: str, why: str | None = None
) -> str:
    """Decide on a row of a company that failed or is in conflict, in the caller's transaction; return its deal's id.

    :param decision: of a conflict `ours` (the next run writes it over theirs) or `theirs` (they stand); of a failure
        `dismissed` (it is not tried again), with a reason
    :raises NotDecidable: when it is none of the company's, is settled meanwhile, or cannot be decided on so
    """
    found = conn.execute(_ROW, (row, integration_id)).fetchone()
    if found is None:
        raise NotDecidable(f"there is no write-back {row} of this company")
    crm_id, state, is_superseded, resolution, resolved_by = found
    if resolution is not None:
        raise NotDecidable(f"{resolved_by} has decided on deal {crm_id} already: {resolution}")
    if is_superseded or state not in ROW_DECISIONS:
        raise NotDecidable(f"deal {crm_id} went on meanwhile, so there is nothing to decide")
    if decision not in ROW_DECISIONS[state]:
        allowed = " or ".join(ROW_DECISIONS[state])
        raise NotDecidable(f"{decision!r} is no decision on a row that is {state}; decide for {allowed}")
    if decision == "dismissed" and not (why or "").strip():
        raise NotDecidable("a failure is dismissed with a reason only")
    conn.execute("SELECT decide_writeback(%s, %s, %s)", (row, decision, actor))
    _record(conn, integration_id, crm_id, f"write-back {decision}", actor=actor, why=why)
    return str(crm_id)


def decide_review(
    conn: psycopg.Connection, integration_id: UUID, review: UUID, decision: str, *, actor: str, why: str | None = None
) -> str:
    """Decide on a deal that changed after approval, in the caller's transaction; return the deal's id.

    :param decision: `keep` (the commission stands), `reopen` (the engine works it out anew), or `offset` (the
        difference is booked later)
    :raises NotDecidable: when it is none of the company's or not open, or there is no such decision
    """
    if decision not in REVIEW_DECISIONS:
        raise NotDecidable(f"{decision!r} is no decision; decide for {', '.join(REVIEW_DECISIONS)}")
    found = conn.execute(_REVIEW, (review, integration_id)).fetchone()
    if found is None:
        raise NotDecidable(f"there is no review {review} of this company")
    crm_id, state, decided_by = found
    if state != "open":
        by = f" by {decided_by}" if decided_by else ""
        raise NotDecidable(f"the review of deal {crm_id} is closed: {state}{by}")
    note = (why or "").strip() or None
    conn.execute("SELECT decide_review(%s, %s, %s, %s)", (review, decision, actor, note))
    _record(conn, integration_id, crm_id, f"review {decision}", actor=actor, why=note)
    return str(crm_id)


def _record(
    conn: psycopg.Connection, integration_id: UUID, crm_id: str, action: str, *, actor: str, why: str | None
) -> None:
    # Of the deal, so that its own page tells of it.
    changes = {"why": why.strip()} if why and why.strip() else {}
    record_action(conn, integration_id, entity="deal", entity_id=crm_id, action=action, actor=actor, changes=changes)
