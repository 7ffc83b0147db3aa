"""The health endpoint of 1,000 companies, asked 50 times a second through Airflow's own server."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg

from benchmarks.airflow_site import airflow_site
from benchmarks.table import Figure
from commission_sync.health.report import report
from commission_sync.settings import Settings
from commission_sync.store import connect

COMPANIES, RATE, SECONDS = 1_000, 50, 40
CLIENTS = 4
TARGET_MS = 20
HEALTH = "/hubspot/health"
# It does nothing, so it shows what the server and the machine take.
AIRFLOWS_OWN = "/api/v2/version"

# Each company has its cursors and a week of tries, one every half hour and stream.
_DATA = """
INSERT INTO crm_integrations (company_id, portal_id, conn_id, created_at)
SELECT 'company ' || n, 1000 + n, 'x', now() - interval '90 days' FROM generate_series(1, %(companies)s) n;
INSERT INTO sync_cursors (integration_id, stream, cursor_at)
SELECT id, stream, now() + interval '1 hour' FROM crm_integrations, unnest(%(streams)s::text[]) stream;
INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number, state, started_at, finished_at)
SELECT id, stream, 'incremental', 'hubspot', n::text, 1, 'success', at, at
FROM crm_integrations, unnest(%(streams)s::text[]) stream, generate_series(1, 336) n,
     LATERAL (SELECT now() - n * interval '30 minutes' AS at) t
WHERE stream IN ('deals', 'line_items', 'notes')
"""
STREAMS = ["deals", "line_items", "emails", "notes", "calls", "meetings", "tasks"]


@dataclass(frozen=True)
class Answers:
    """How long answers took, in order, and their codes."""

    milliseconds: list[float]
    answers: Counter[int]

    @property
    def p99(self) -> float:
        """What 99 of 100 stay below."""
        return self.milliseconds[int(len(self.milliseconds) * 0.99)]

    def __str__(self) -> str:
        p50, slowest = self.milliseconds[len(self.milliseconds) // 2], self.milliseconds[-1]
        return f"p50 {p50:.1f} ms, p99 {self.p99:.1f} ms, slowest {slowest:.0f} ms, answers {dict(self.answers)}"


def health() -> list[Figure]:
    """Measure answers from when they were due, so that a server that stands still cannot hide it."""
    with airflow_site() as site:
        _fill(site.dsn)
        made = _report_milliseconds(site.dsn)
        for path in (HEALTH, AIRFLOWS_OWN):
            _ask(site.airflow.api.url, path, seconds=3)
        airflows_own = _ask(site.airflow.api.url, AIRFLOWS_OWN, seconds=SECONDS)
        ours = _ask(site.airflow.api.url, HEALTH, seconds=SECONDS)
    return [
        Figure(
            f"GET {HEALTH} of {COMPANIES:,} companies, {RATE} requests/s x {SECONDS} s",
            f"{ours}; Airflow's own {AIRFLOWS_OWN} on the same server: {airflows_own}",
            f"p99 <= {TARGET_MS} ms",
            ours.p99 <= TARGET_MS and set(ours.answers) == {200},
        ),
        Figure("the report behind it, made every 5 s", f"{made:.0f} ms", "-", True),
    ]


def _fill(dsn: str) -> None:
    # Values are written into the statements by the client, as several at once take no parameters.
    with psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor) as conn:
        conn.execute(_DATA, {"companies": COMPANIES - 1, "streams": STREAMS})
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("ANALYZE")


def _report_milliseconds(dsn: str) -> float:
    with closing(connect(dsn)) as conn:
        report(conn, Settings())
        started = time.perf_counter()
        found = report(conn, Settings())
        assert len(found.companies) == COMPANIES
        assert found.healthy, [company for company in found.companies if not company.healthy][:3]
        return (time.perf_counter() - started) * 1_000


def _ask(url: str, path: str, *, seconds: float) -> Answers:
    milliseconds: list[float] = []
    answers: Counter[int] = Counter()
    gap = CLIENTS / RATE
    began = time.perf_counter() + 0.1

    def client(number: int) -> None:
        with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)) as server:
            for turn in range(int(seconds / gap)):
                due = began + (turn + number / CLIENTS) * gap
                time.sleep(max(0.0, due - time.perf_counter()))
                server.request("GET", path)
                answer = server.getresponse()
                answer.read()
                milliseconds.append((time.perf_counter() - due) * 1_000)
                answers[answer.status] += 1

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    return Answers(sorted(milliseconds), answers)
