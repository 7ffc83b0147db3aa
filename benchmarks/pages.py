"""The pages of a thousand companies: how soon the first byte comes, and what their slowest query takes."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.airflow_site import AirflowSite, airflow_site
from benchmarks.table import Figure

CROWD = Path(__file__).with_name("crowd.sql").read_text()
COMPANY = "company-0500"
PAGES = {
    "overview": "/hubspot/",
    "company": f"/hubspot/companies/{COMPANY}",
    "webhooks": "/hubspot/inbox",
    "mapping": f"/hubspot/mapping/{COMPANY}",
    "deal": f"/hubspot/deals/{COMPANY}/40",
}
WARM, REQUESTS = 5, 100
STATEMENTS = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top"}

_SLOWEST = """
SELECT round(max_exec_time::numeric, 1), left(regexp_replace(query, '\\s+', ' ', 'g'), 60)
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat_statements%'
ORDER BY max_exec_time DESC LIMIT 1
"""


def pages() -> list[Figure]:
    """Measure every page against a whole Airflow."""
    with airflow_site(settings=STATEMENTS) as site:
        with psycopg.connect(site.dsn, autocommit=True) as conn:
            conn.execute("DELETE FROM crm_integrations")
            conn.execute(CROWD)
            conn.execute("CREATE EXTENSION pg_stat_statements")
        ask = _asker(site)
        return [figure for name, path in PAGES.items() for figure in _page(site, ask, name, path)]


def _page(site: AirflowSite, ask: Callable[[str], float], name: str, path: str) -> list[Figure]:
    for _ in range(WARM):
        ask(path)
    with psycopg.connect(site.dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_stat_statements_reset()")
        first_bytes = sorted(ask(path) for _ in range(REQUESTS))
        slowest, query = conn.execute(_SLOWEST).fetchone() or (0, "none")
    p50, p99 = (_quantile(first_bytes, share) for share in (0.5, 0.99))
    return [
        Figure(
            f"{name} page, 1,000 companies, first byte", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms", "<= 200 ms", p99 <= 200
        ),
        Figure(f"{name} page, slowest query", f"{slowest} ms ({query} …)", "<= 50 ms", slowest <= 50),
    ]


def _asker(site: AirflowSite) -> Callable[[str], float]:
    """Return what asks for a path, logged in, over one connection, and tells the milliseconds to the first byte."""
    api = site.airflow.api
    server = http.client.HTTPConnection(urlsplit(site.airflow.api.url).netloc, timeout=60)
    server.request("POST", "/auth/token", json.dumps({"username": api.user, "password": api.password}),
                   {"Content-Type": "application/json"})  # fmt: skip
    token = json.loads(server.getresponse().read())["access_token"]
    headers = {"Accept": "text/html", "Cookie": f"_token={token}"}

    def ask(path: str) -> float:
        began = time.perf_counter()
        server.request("GET", path, headers=headers)
        answer = server.getresponse()
        took = (time.perf_counter() - began) * 1000
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return took

    return ask


def _quantile(times: list[float], share: float) -> float:
    return times[int(len(times) * share)]
