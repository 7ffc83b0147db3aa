"""`GET /hubspot/health` over real HTTP: booleans for anybody, reasons with a login."""

import json
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from airflow_hubspot.client import Unauthorized, Unavailable
from api_server import running_api_server
from commission_sync.store import migrate
from hubspot_emulator import PortalSpec, running_emulator
from world import World, register

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dsn(postgres):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE airflow_of_the_health")
        admin.execute("CREATE DATABASE companies_of_the_health")
    migrate(postgres.dsn("companies_of_the_health"))
    return postgres.dsn("companies_of_the_health")


@pytest.fixture(scope="module")
def airflow(postgres, dsn, tmp_path_factory):
    metadata = postgres.dsn("airflow_of_the_health", driver="postgresql+psycopg")
    with running_api_server(tmp_path_factory.mktemp("health"), metadata, AIRFLOW_CONN_COMMISSIONS_DB=dsn) as server:
        yield server


def anybody(airflow):
    try:
        with urlopen(f"{airflow.url}/hubspot/health", timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as refused:
        return refused.code, json.loads(refused.read())


def test_anybody_gets_booleans_and_a_login_gets_names_and_reasons(airflow, dsn):
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id, created_at) "
            "VALUES ('acme', 1001, 'hubspot_acme', now() - interval '1 day')"
        )
    status, body = anybody(airflow)
    assert (status, body["healthy"], body["checks"]["sync_status"]) == (503, False, False)
    assert set(body["checks"]) == {"api", "token", "sync_status", "error_rate"}
    assert "acme" not in json.dumps(body)

    answer = airflow.browser("admin").get("/hubspot/health")
    assert answer.status == 503
    told = json.loads(answer.text)["companies"]["acme"]["checks"]["sync_status"]
    assert told["ok"] is False
    assert "nothing was read completely" in told["reason"]


def eventually(airflow, as_expected):
    """Return what a login is told once it is as expected; an answer is kept for a few seconds."""
    browser, ends = airflow.browser("admin"), time.monotonic() + 20
    while not as_expected((answer := browser.get("/hubspot/health")).status, json.loads(answer.text)):
        assert time.monotonic() < ends, answer.text
        time.sleep(0.2)
    return json.loads(answer.text)


def reasons(body):
    return {
        (company, check): told["reason"]
        for company, found in body["companies"].items()
        for check, told in found["checks"].items()
        if not told["ok"]
    }


def test_each_cause_is_503_with_its_reason_and_back_to_200_by_itself(airflow, dsn):
    names = ("down", "dead", "stale", "failing")
    portals = [PortalSpec(name, 2000 + n, 5, f"pat-na1-{name}") for n, name in enumerate(names)]
    with psycopg.connect(dsn) as conn:
        conn.execute("UPDATE crm_integrations SET is_active = false")
    with running_emulator(portals, limits=False) as emulator:
        down, dead, stale, failing = (World(emulator, p, dsn, register(dsn, p)) for p in portals)
        for company in (down, dead, stale, failing):
            company.sync()

        emulator.admin.set_faults(2000, {"reset": 1.0})
        with pytest.raises(Unavailable):
            down.sync()
        with pytest.raises(Unauthorized):
            dead.sync(token="pat-na1-revoked")
        for _ in range(3):
            with pytest.raises(Unauthorized):
                failing.sync(token="pat-na1-revoked")
        failing.sync()
        ours = f"integration_id = '{stale.integration_id}'"
        stale.execute(f"UPDATE sync_cursors SET cursor_at = cursor_at - interval '2 hours' WHERE {ours}")
        checks = ("api", "token", "sync_status", "error_rate")
        causes = set(zip(names, checks, strict=True))
        wrong = reasons(eventually(airflow, lambda status, body: status == 503 and set(reasons(body)) == causes))
        assert "Unavailable" in wrong["down", "api"]
        assert "Unauthorized" in wrong["dead", "token"]
        assert "deals is complete only to" in wrong["stale", "sync_status"]
        assert "3 of the last 5 tries failed" in wrong["failing", "error_rate"]
        assert anybody(airflow) == (503, {"healthy": False, "checks": dict.fromkeys(checks, False)})

        emulator.admin.set_faults(2000, {})
        for company in (down, dead, stale):
            company.sync()
        failing.execute("UPDATE sync_runs SET finished_at = finished_at - interval '3 hours' WHERE state = 'failed'")
        assert eventually(airflow, lambda status, _: status == 200)["healthy"]
