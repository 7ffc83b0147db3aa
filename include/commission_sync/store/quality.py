"""Data quality scores: the newest scoring of a company's stream on a day stands, with the rows that explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

# Scores are kept for ever, the rows behind them for a quarter.
FINDINGS_KEPT = timedelta(days=92)


@dataclass(frozen=True)
class ScoredBy:
    """Who scored: a DAG run, or a person."""

    actor: str
    dag_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class ScoreRow:
    """A stream's score on the UTC day of `at`; `parts` is JSON with the figures as strings."""

    stream: str
    at: datetime
    score: Decimal | None
    reason: str | None
    records: int
    money: Decimal
    parts: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """Something that cost points; `crm_id` is None where it concerns the stream as a whole."""

    dimension: str
    rule: str
    entity: str
    crm_id: str | None
    points_lost: Decimal
    money: Decimal
    what: str


_SAVE = """
INSERT INTO data_quality_scores (integration_id, stream, day, score, reason, records, money, parts, dag_id, run_id,
                                 scored_by, scored_at)
VALUES (%(integration_id)s, %(stream)s, %(day)s, %(score)s, %(reason)s, %(records)s, %(money)s, %(parts)s, %(dag_id)s,
        %(run_id)s, %(actor)s, %(at)s)
ON CONFLICT (integration_id, stream, day) DO UPDATE
SET score = excluded.score, reason = excluded.reason, records = excluded.records, money = excluded.money,
    parts = excluded.parts, dag_id = excluded.dag_id, run_id = excluded.run_id, scored_by = excluded.scored_by,
    scored_at = excluded.scored_at
RETURNING id
"""

_FORGET = """
DELETE FROM data_quality_findings
WHERE score_id = %(score_id)s OR integration_id = %(integration_id)s AND stream = %(stream)s AND day < %(kept_from)s
"""

_EXPLAIN = """
INSERT INTO data_quality_findings (score_id, integration_id, stream, day, dimension, rule, entity, crm_id, points_lost,
                                   money, what)
SELECT %(score_id)s, %(integration_id)s, %(stream)s, %(day)s, f.*
FROM unnest(%(dimensions)s::text[], %(rules)s::text[], %(entities)s::text[], %(crm_ids)s::text[], %(points)s::numeric[],
            %(moneys)s::numeric[], %(whats)s::text[]) AS f
"""


def save_score(
    conn: psycopg.Connection, integration_id: UUID, row: ScoreRow, findings: Sequence[Finding], by: ScoredBy
) -> None:
    """Keep a score in place of the one that the stream had on the same day, in the caller's transaction."""
    day: date = row.at.date()
    values = {
        "integration_id": integration_id,
        "stream": row.stream,
        "day": day,
        "score": row.score,
        "reason": row.reason,
        "records": row.records,
        "money": row.money,
        "parts": Jsonb(row.parts),
        "dag_id": by.dag_id,
        "run_id": by.run_id,
        "actor": by.actor,
        "at": row.at,
        "kept_from": day - FINDINGS_KEPT,
        "dimensions": [f.dimension for f in findings],
        "rules": [f.rule for f in findings],
        "entities": [f.entity for f in findings],
        "crm_ids": [f.crm_id for f in findings],
        "points": [f.points_lost for f in findings],
        "moneys": [f.money for f in findings],
        "whats": [f.what for f in findings],
    }
    saved = conn.execute(_SAVE, values).fetchone()
    assert saved is not None
    values["score_id"] = saved[0]
    conn.execute(_FORGET, values)
    if findings:
        conn.execute(_EXPLAIN, values)
