"""The operator that scores one company's data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from airflow.sdk import BaseOperator, Context

from commission_sync.flags.read import with_flags
from commission_sync.operators.database import COMMISSIONS_DB, commissions_connection
from commission_sync.quality import ScoredBy, Scoring
from commission_sync.settings import load_settings
from commission_sync.store.integrations import integration
from commission_sync.streams.stream import Stream


class ScoreQualityOperator(BaseOperator):
    """Scores a company's streams from what is stored; HubSpot is not asked.

    :param streams: what to score
    :param integration_id: for whom
    :param company: the integration's company, which names the mapped task instance
    :param database_conn_id: the Airflow connection of the commissions database
    """

    template_fields = ("integration_id", "company")

    def __init__(
        self,
        *,
        streams: Sequence[Stream],
        integration_id: str,
        company: str,
        database_conn_id: str = COMMISSIONS_DB,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.streams = tuple(streams)
        self.integration_id = integration_id
        self.company = company
        self.database_conn_id = database_conn_id

    def execute(self, context: Context) -> dict[str, str | None]:
        """Return each stream's score, None where there was nothing to judge."""
        dag_run = context["dag_run"]
        by = ScoredBy(f"dag run {dag_run.run_id}", dag_run.dag_id, dag_run.run_id)
        with commissions_connection(self.database_conn_id) as conn:
            with conn.transaction():
                company = with_flags(conn, integration(conn, UUID(self.integration_id)))
            scored = Scoring(conn, company, load_settings(), by, self.streams).run()
        return {s.stream.name: None if s.score.score is None else str(s.score.score) for s in scored}
