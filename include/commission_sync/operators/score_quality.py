"""The operator that scores companies' data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from airflow.sdk import Context

from commission_sync.operators.for_companies import ForCompaniesOperator
from commission_sync.quality import ScoredBy, Scoring
from commission_sync.settings import load_settings
from commission_sync.store.integrations import Integration
from commission_sync.streams.stream import Stream


class ScoreQualityOperator(ForCompaniesOperator):
    """Scores a company's streams from what is stored; HubSpot is not asked.

    :param streams: what to score
    """

    def __init__(self, *, streams: Sequence[Stream], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.streams = tuple(streams)

    def work_for(self, company: Integration, conn: psycopg.Connection, context: Context) -> dict[str, str | None]:
        """Return each stream's score, None where there was nothing to judge."""
        dag_run = context["dag_run"]
        by = ScoredBy(f"dag run {dag_run.run_id}", dag_run.dag_id, dag_run.run_id)
        scored = Scoring(conn, company, load_settings(), by, self.streams).run()
        return {s.stream.name: None if s.score.score is None else str(s.score.score) for s in scored}
