"""`GET /hubspot/health` over real HTTP: booleans for anybody, reasons with a login."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from api_server import running_api_server
from commission_sync.store import migrate

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
