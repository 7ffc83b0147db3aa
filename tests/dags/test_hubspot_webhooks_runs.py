"""The webhooks in a real Airflow: the receiver and its API in the web server, and whole DAG runs."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from commission_sync.local.port import any_free
from hubspot_emulator import PortalSpec, running_emulator
from lane import receive
from webhook_requests import SECRET, body_of, event, signed_headers
from world import connection_variables, register

pytestmark = pytest.mark.slow

PORTALS = [PortalSpec("acme", 1001, 40, "pat-na1-acme"), PortalSpec("globex", 1002, 20, "pat-na1-globex")]


@pytest.fixture
def companies(database_dsn):
    """Two companies on an emulator, and the variables of an Airflow that knows them; globex has a wrong token."""
    with running_emulator(PORTALS, limits=False) as emulator:
        for portal in PORTALS:
            register(database_dsn, portal)
        connections = connection_variables(PORTALS, emulator.url, globex="pat-na1-wrong")
        yield emulator, {"AIRFLOW_CONN_COMMISSIONS_DB": database_dsn, "WEBHOOK_QUIET_SECONDS": "0", **connections}


def run(airflow, conf, variables):
    done = airflow("dags", "test", "hubspot_webhooks", "--conf", json.dumps(conf), **variables)
    return done.returncode, done.stdout + done.stderr


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


def states(dsn):
    return dict(
        rows(
            dsn,
            "SELECT company_id || ' ' || state, count(*)::int FROM webhook_events e "
            "JOIN crm_integrations i ON i.id = e.integration_id GROUP BY 1",
        )
    )


def test_each_company_is_worked_off_alone_and_a_wrong_token_fails_only_its_own(airflow, database_dsn, companies):
    emulator, variables = companies
    acme, globex = (emulator.admin.truth_ids(p.portal_id)[0] for p in PORTALS)
    receive(database_dsn, event(int(acme)), event(int(globex), portalId=1002))
    code, said = run(airflow, {}, variables)
    assert code != 0
    assert states(database_dsn) == {"acme done": 1, "globex retry": 1}
    assert rows(database_dsn, "SELECT crm_id FROM deals") == [(acme,)]
    assert "webhooks worked off company=acme" in said
    assert "a-value-that-nobody-may-log" not in said


def test_the_runs_params_replay_dead_letters(airflow, database_dsn, companies):
    emulator, variables = companies
    ids = emulator.admin.truth_ids(1001)[:2]
    receive(database_dsn, *(event(int(i)) for i in ids))
    with psycopg.connect(database_dsn) as conn:
        conn.execute("UPDATE webhook_events SET state = 'dead', finished_at = now()")
    code, said = run(
        airflow, {"companies": ["acme"], "replay": ["dead"], "replay_to": "2020-01-01T00:00:00Z"}, variables
    )
    assert code == 0, said
    assert states(database_dsn) == {"acme dead": 2}
    code, said = run(airflow, {"companies": ["acme"], "replay": ["dead"]}, variables)
    assert code == 0, said
    assert states(database_dsn) == {"acme done": 2}, said
    assert "made webhook_events_" in said or rows(database_dsn, "SELECT count(*) FROM pg_inherits")[0][0] > 1
    code, said = run(airflow, {"companies": ["hooli"]}, variables)
    assert code != 0
    assert "no active integration for 'hooli'" in said


@contextmanager
def web_server(airflow, variables):
    """Yield the address of Airflow's web server with our plugin, and a token of its admin."""
    port = any_free()
    url = f"http://127.0.0.1:{port}"
    more = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).parents[2] / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ana:admin,vic:viewer",
        "AIRFLOW__API__BASE_URL": url,
        "HUBSPOT_WEBHOOK_SECRET": SECRET,
        "HUBSPOT_WEBHOOK_URL": f"{url}/hubspot/webhooks",
    }
    log = Path(airflow.variables["AIRFLOW_HOME"]) / f"web-{port}.log"
    command = [str(Path(sys.executable).with_name("airflow")), "api-server", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **airflow.variables, **variables, **more}, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: httpx.get(f"{url}/api/v2/version", timeout=2).status_code == 200)
        yield url, log
    finally:
        process.terminate()
        process.wait(30)


def wait_for(claim, seconds=120):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if claim():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.5)


def login(airflow, url, user):
    kept = Path(airflow.variables["AIRFLOW_HOME"]) / "simple_auth_manager_passwords.json.generated"
    password = json.loads(kept.read_text())[user]
    answer = httpx.post(f"{url}/auth/token", json={"username": user, "password": password})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_receiver_is_public_and_its_api_is_not(airflow, database_dsn, companies):
    _, variables = companies
    with web_server(airflow, variables) as (url, log):
        hook, api = f"{url}/hubspot/webhooks", f"{url}/hubspot/api/webhooks"
        body = body_of(event(1), event(2), event(3, objectId="bad"))
        assert httpx.post(hook, content=body).status_code == 401
        assert httpx.post(hook, content=body, headers=signed_headers(body, url=hook)).status_code == 200
        assert httpx.get(hook).status_code == 405

        for path in ("/dead-letters", "/delivery"):
            assert httpx.get(api + path).status_code == 401
        ana, vic = login(airflow, url, "ana"), login(airflow, url, "vic")
        (letter,) = httpx.get(f"{api}/dead-letters", headers=ana).json()
        assert letter["company_id"] == "acme"
        assert httpx.get(f"{api}/delivery", headers=vic).json()[0]["accepted"] == 3

        dismissal = {"ids": [letter["id"]], "reason": "a test"}
        assert httpx.post(f"{api}/dismiss", json=dismissal).status_code == 401
        assert httpx.post(f"{api}/dismiss", json=dismissal, headers=vic).status_code == 403
        assert (
            httpx.post(f"{api}/dismiss", json=dismissal, headers={**ana, "Origin": "https://evil.example"}).status_code
            == 403
        )
        assert httpx.post(
            f"{api}/dismiss", content=json.dumps(dismissal), headers={**ana, "Content-Type": "text/plain"}
        ).status_code in {415, 422}
        assert httpx.post(f"{api}/dismiss", json=dismissal | {"reason": ""}, headers=ana).status_code == 422
        assert httpx.post(f"{api}/dismiss", json=dismissal, headers={**ana, "Origin": url}).json() == {"dismissed": 1}
        assert httpx.post(f"{api}/replay", json={"ids": [letter["id"]], "states": ["dead"]}, headers=ana).json() == {
            "replayed": 1
        }
        assert httpx.post(f"{api}/replay", json={"states": ["processing"]}, headers=ana).status_code == 422
        assert httpx.post(f"{api}/lanes/acme/pause", json={"reason": "moving"}, headers=ana).status_code == 200
        assert rows(database_dsn, "SELECT paused_reason, paused_by FROM webhook_lanes") == [("moving", "ana")]
        assert httpx.post(f"{api}/lanes/hooli/pause", json={"reason": "x"}, headers=ana).status_code == 404
        assert httpx.post(f"{api}/lanes/acme/resume", json={}, headers=ana).json()["lane"] == "resumed"
    said = log.read_text(errors="replace")
    assert SECRET not in said
    assert "a-value-that-nobody-may-log" not in said
