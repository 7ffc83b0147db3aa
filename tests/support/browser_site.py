"""A real Airflow with the pages in it, three companies behind them, and somebody of every role who may log in."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow_server import is_handed_on
from commission_sync.local.environment import API_PORT, WEBHOOK_SECRET
from commission_sync.local.keys import ADMIN, PASSWORDS_FILE
from commission_sync.local.port import any_free
from commission_sync.local.private import write_private
from companies import INITECH, PORTALS, REVOKED, companies, fill
from hubspot_emulator import running_emulator
from live import LiveAirflow, eventually, live_airflow
from webhook_requests import SECRET, body_of, signed_headers
from world import World

# A user of each of Airflow's roles, by that name; a password is the name.
ROLES = (ADMIN, "op", "user", "viewer")
PAGES = "/hubspot/"


@dataclass(frozen=True)
class Site:
    """What browsers open. `acme` thrives, `globex` waits for an approval, `initech` has a token that was revoked."""

    live: LiveAirflow

    @property
    def url(self) -> str:
        """Airflow's address, without a slash at its end."""
        return self.live.environment.variables["AIRFLOW__API__BASE_URL"]

    @cached_property
    def worlds(self) -> Mapping[str, World]:
        """Each company with its portal and its rows."""
        return companies(self.live.emulator, self.live.dsn)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the commissions database."""
        return self.live.query(statement, *values)

    def token(self, role: str) -> str:
        """Log a role's user in by Airflow's API."""
        body = json.dumps({"username": role, "password": role}).encode()
        return str(self._post("/auth/token", body, {"Content-Type": "application/json"})["access_token"])

    def send_webhooks(self, *events: Mapping[str, Any]) -> None:
        """Deliver events to the receiver as HubSpot does."""
        body = body_of(*events)
        self._post("/hubspot/webhooks", body, signed_headers(body, url=f"{self.url}/hubspot/webhooks"))

    def ask_for_approval(self, company: str = "globex") -> str:
        """Let the write-back's DAG plan until a company's plan waits for a person; return the plan's id."""
        waiting = (
            "SELECT p.id::text FROM writeback_plans p JOIN crm_integrations i ON i.id = p.integration_id "
            "WHERE i.company_id = %s AND p.state = 'awaiting_approval'"
        )
        run_id = self.live.trigger("commission_writeback")
        plan = str(eventually(lambda: self.query(waiting, company) or None, seconds=120)[0][0])
        path = f"/api/v2/dags/commission_writeback/dagRuns/{run_id}/hitlDetails"
        (question, *_) = eventually(lambda: self.live.standalone.api._call("GET", path)["hitl_details"], seconds=120)
        eventually(lambda: is_handed_on(self.live.standalone.log, run_id, question) or None, seconds=120)
        return plan

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", body, dict(headers))
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def browser_site(directory: Path) -> Iterator[Site]:
    """Start everything below `directory`; nothing of it is left behind.

    The DAGs are paused but `hubspot_deals`, which has run once; what else the companies have comes without Airflow.
    """
    home, port = directory / ".airflow", str(any_free())
    home.mkdir()
    write_private(home / PASSWORDS_FILE, json.dumps({role: role for role in ROLES}))
    variables = {
        API_PORT: port,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
        "SYNC_INTERVAL_MINUTES": "1440",
        WEBHOOK_SECRET: SECRET,
        "HUBSPOT_WEBHOOK_URL": f"http://localhost:{port}/hubspot/webhooks",
    }
    with (
        running_emulator(PORTALS, limits=False) as emulator,
        live_airflow(directory, emulator, PORTALS, variables, lambda dsn: fill(emulator, dsn)) as live,
    ):
        live.connect_company(INITECH, token=REVOKED)
        live.ended(live.trigger())
        yield Site(live)
