"""Scores a company's streams and keeps the result."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg

from commission_sync.quality.judging import judge
from commission_sync.quality.points import Part, Score, combine
from commission_sync.settings import Settings
from commission_sync.store.clock import database_now
from commission_sync.store.cursors import read_cursor
from commission_sync.store.integrations import Integration
from commission_sync.store.quality import Finding, ScoredBy, ScoreRow, save_score
from commission_sync.streams.standard import STREAMS
from commission_sync.streams.stream import Stream

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scored:
    """A stream's score, of how many records, and the money that hangs on them."""

    stream: Stream
    score: Score
    records: int = 0
    money: Decimal = Decimal()

    def row(self, at: datetime) -> ScoreRow:
        """Return it as it is stored."""
        parts = {name: _as_json(part) for name, part in self.score.parts.items()}
        return ScoreRow(self.stream.name, at, self.score.score, self.score.reason, self.records, self.money, parts)

    def findings(self) -> list[Finding]:
        """Return what cost the points."""
        return [
            Finding(dimension, loss.rule, self.stream.entity, loss.crm_id, points, loss.money, loss.what)
            for dimension, part in self.score.parts.items()
            for loss, points in part.findings
        ]


@dataclass(frozen=True)
class Scoring:
    """Scores one company; `conn` must not be in a transaction.

    :param company: with its flags decided
    """

    conn: psycopg.Connection
    company: Integration
    settings: Settings
    by: ScoredBy
    streams: Sequence[Stream] = STREAMS

    def run(self, now: datetime | None = None) -> list[Scored]:
        """Score every stream, keep the results as those of today (UTC), and return them."""
        return list(self._scored(now or database_now(self.conn)))

    def _scored(self, now: datetime) -> Iterator[Scored]:
        for stream in self.streams:
            scored = self._score(stream, now)
            with self.conn.transaction():
                save_score(self.conn, self.company.id, scored.row(now), scored.findings(), self.by)
            _log.info(
                "quality scored company=%s stream=%s score=%s findings=%s reason=%r",
                self.company.company_id,
                stream.name,
                scored.score.score,
                sum(part.count for part in scored.score.parts.values()),
                scored.score.reason,
            )
            yield scored

    def _score(self, stream: Stream, now: datetime) -> Scored:
        reason = self._why_not(stream)
        if reason is not None:
            return Scored(stream, Score(None, {}, reason))
        verdict = judge(self.conn, self.company, stream, now=now, sla=self.settings.freshness_sla)
        if verdict.is_empty:
            return Scored(stream, Score(None, {}, "no record is stored"))
        return Scored(stream, combine(verdict.dimensions), verdict.records, verdict.money)

    def _why_not(self, stream: Stream) -> str | None:
        if not self.company.has_feature(stream.feature):
            return f"switched off by the feature flag {stream.feature}"
        with self.conn.transaction():
            cursor = read_cursor(self.conn, self.company.id, stream.name)
        return None if cursor is not None else "it was never read completely"


def _as_json(part: Part) -> dict[str, Any]:
    return {
        "score": None if part.score is None else str(part.score),
        "weight": str(part.weight),
        "points_lost": str(part.points_lost),
        "money": f"{part.money:f}",
        "count": part.count,
        "reason": part.reason,
    }
