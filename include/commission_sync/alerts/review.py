"""Looks at what a DAG run did, and tells people what is new to them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial

import psycopg

from commission_sync.alerts.mail import Links, mail
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.incidents import claim_news, has_news, run_is_late, run_is_over, settle_news

_log = logging.getLogger(__name__)

# DAGs that fail together, as when HubSpot is down, are told of in one mail.
GATHER_SECONDS = 5.0


@dataclass(frozen=True)
class Review:
    """Opens and closes incidents in the database at `dsn` and hands one mail about all news to `send`."""

    dsn: str
    settings: Settings
    links: Links
    send: Callable[[EmailMessage], None]
    pause: Callable[[float], None] = time.sleep

    def of_ended_run(self, dag_id: str, run_id: str, *, succeeded: bool, reason: str | None = None) -> int:
        """Review a DAG run that is over and return how many incidents a mail was sent about."""
        return self._told(
            lambda conn: run_is_over(conn, dag_id=dag_id, run_id=run_id, succeeded=succeeded, reason=reason)
        )

    def of_late_run(self, dag_id: str, run_id: str) -> int:
        """Review a DAG run that has missed its deadline and return how many incidents a mail was sent about."""
        return self._told(partial(run_is_late, dag_id=dag_id, run_id=run_id, sla=self.settings.freshness_sla))

    def _told(self, look: Callable[[psycopg.Connection], None]) -> int:
        with closing(connect(self.dsn)) as conn:
            with conn.transaction():
                look(conn)
            return self._tell(conn)

    def _tell(self, conn: psycopg.Connection) -> int:
        recipients = self.settings.alert_recipients
        with conn.transaction():
            if not recipients or not has_news(conn):
                return 0
        self.pause(GATHER_SECONDS)
        with conn.transaction():
            news = claim_news(conn)
        if not news:
            return 0
        self.send(mail(news, self.links, recipients, datetime.now(UTC)))
        with conn.transaction():
            settle_news(conn, news)
        _log.info("alert sent incidents=%s recipients=%s", len(news), len(recipients))
        return len(news)
