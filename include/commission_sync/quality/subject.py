"""What is judged: the live records of a table, each with the money that hangs on it.

The money at stake with a deal is its amount, times the chance that it is paid for: 1 once it is won, 0 once it is lost,
and its stage's probability before. An unknown amount counts as the median of the known ones, and every record at least
as one unit of the company's currency, so that nothing wrong is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

_CHANCE: LiteralString = """CASE WHEN d.is_won THEN 1 WHEN d.is_closed THEN 0
    ELSE least(greatest(coalesce(s.probability, 0.5), 0), 1) END"""
_STAGE: LiteralString = """LEFT JOIN crm_stages s
    ON s.integration_id = d.integration_id AND s.pipeline = d.pipeline AND s.stage = d.stage"""
_LIVE_DEAL: LiteralString = "d.archived_at IS NULL AND d.merged_into_crm_id IS NULL"
_WAITS_FOR: LiteralString = "min(r.deal_crm_id) FILTER (WHERE r.deal_id IS NULL) AS waits_for"


@dataclass(frozen=True)
class Subject:
    """A table whose records are judged.

    :param records: a row for each with crm_id, money (null: not known), chance, and what the rules look at
    """

    table: str
    records: LiteralString


DEALS = Subject(
    "deals",
    f"""
    SELECT d.id, d.crm_id, abs(coalesce(d.amount_base, d.amount)) AS money, {_CHANCE} AS chance,
           d.amount, d.currency, d.owner_crm_id, d.closed_at, d.pipeline, d.stage, d.fx_waiting,
           coalesce(d.is_won, false) AS is_won,
           coalesce(d.is_closed, false) AND NOT coalesce(d.is_won, false) AS is_lost
    FROM deals d {_STAGE}
    WHERE d.integration_id = %(integration_id)s AND {_LIVE_DEAL}
    """,
)

# HubSpot says nothing of line items whose deal is archived, and nobody is paid from them.
LINE_ITEMS = Subject(
    "deal_line_items",
    f"""
    SELECT r.id, r.crm_id, abs(coalesce(r.amount_base, r.total)) AS money,
           CASE WHEN d.id IS NULL THEN 1 ELSE {_CHANCE} END AS chance,
           r.quantity, r.total, r.currency, d.id AS deal_id, d.currency AS deal_currency, d.crm_id AS deal,
           r.deal_crm_id AS named_deal, r.detached_at
    FROM deal_line_items r LEFT JOIN deals d ON d.id = r.deal_id {_STAGE}
    WHERE r.integration_id = %(integration_id)s AND r.archived_at IS NULL AND (d.id IS NULL OR {_LIVE_DEAL})
    """,
)

# What hangs on several deals has several rows, and all their money.
ACTIVITIES = Subject(
    "deal_activities",
    f"""
    SELECT r.crm_id, coalesce(sum(abs(coalesce(d.amount_base, d.amount)) * {_CHANCE}), 0) AS money, 1 AS chance,
           min(r.occurred_at) AS occurred_at, {_WAITS_FOR}
    FROM deal_activities r LEFT JOIN deals d ON d.id = r.deal_id AND {_LIVE_DEAL} {_STAGE}
    WHERE r.integration_id = %(integration_id)s AND r.type = %(type)s AND r.archived_at IS NULL
    GROUP BY r.crm_id
    """,
)

OBJECTS = Subject(
    "deal_objects",
    f"""
    SELECT r.crm_id, max(abs(r.amount)) AS money, 1 AS chance, min(r.currency) AS currency, {_WAITS_FOR}
    FROM deal_objects r
    WHERE r.integration_id = %(integration_id)s AND r.type = %(type)s AND r.archived_at IS NULL
    GROUP BY r.crm_id
    """,
)

SUBJECTS = {subject.table: subject for subject in (DEALS, LINE_ITEMS, ACTIVITIES, OBJECTS)}
