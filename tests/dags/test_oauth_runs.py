"""A whole DAG run of a company that is connected by OAuth: tokens are refreshed under it and seen nowhere."""

import json
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from commission_sync.local.binaries import Binaries
from commission_sync.store import connect
from commission_sync.store.credentials import Tokens, read_credential, store_authorized
from commission_sync.store.keyring import Keyring, new_key
from hubspot_emulator import PortalSpec, running_emulator
from world import register

pytestmark = pytest.mark.slow

PORTAL = PortalSpec("acme", 1001, 300, "pat-na1-acme")
KEY = new_key()


@pytest.fixture
def company(database_dsn):
    with running_emulator([PORTAL], limits=False) as emulator:
        emulator.admin.set_oauth(token_seconds=20, rotates=True)
        integration_id = register(database_dsn, PORTAL)
        with psycopg.connect(database_dsn) as conn:
            conn.execute("UPDATE crm_integrations SET conn_id = 'hubspot_oauth'")
        tokens = emulator.admin.install(1001)
        with closing(connect(database_dsn)) as conn, conn.transaction():
            kept = Tokens(tokens["access_token"], tokens["refresh_token"], 20)
            store_authorized(
                conn, Keyring([KEY]), integration_id, kept, scopes=["oauth"], by="a test", client_id="emulated-app"
            )
        yield emulator, integration_id, tokens


def variables(emulator, dsn):
    app = {"conn_type": "hubspot", "host": emulator.url, "login": "emulated-app", "password": "emulated-secret"}
    return {
        "AIRFLOW_CONN_COMMISSIONS_DB": dsn,
        "AIRFLOW_CONN_HUBSPOT_OAUTH": json.dumps(app),
        "TOKEN_ENCRYPTION_KEYS": KEY,
    }


def dumped(dsn):
    """Everything that pg_dump finds in a database."""
    return subprocess.run(
        [Binaries.find().path("pg_dump"), dsn], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_a_run_refreshes_its_token_and_leaves_no_trace_of_it(airflow, company, database_dsn):
    emulator, integration_id, tokens = company
    with psycopg.connect(database_dsn) as conn:
        conn.execute("UPDATE crm_credentials SET expires_at = clock_timestamp()")
    code, said = airflow.run({}, **variables(emulator, database_dsn))
    assert code == 0, said
    with psycopg.connect(database_dsn) as conn:
        assert conn.execute("SELECT count(*) FROM deals").fetchone() == (300,)
    assert emulator.admin.oauth()["refreshes"] == 1
    assert "token refreshed company=acme" in said

    with closing(connect(database_dsn)) as conn:
        stored = read_credential(conn, Keyring([KEY]), integration_id)
    secrets = {*tokens.values(), stored.access_token, stored.refresh_token, "emulated-secret", KEY}
    assert len(secrets) == 6
    metadata = airflow.variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
    logs = "".join(path.read_text() for path in Path(airflow.variables["AIRFLOW_HOME"]).rglob("*.log"))
    # XComs and rendered fields are in Airflow's database.
    for place, text in {
        "output": said,
        "logs": logs,
        "ours": dumped(database_dsn),
        "Airflow's": dumped(metadata),
    }.items():
        assert [s for s in secrets if s in text] == [], place


def test_a_company_that_has_to_authorize_again_fails_at_once_with_the_address(airflow, company, database_dsn):
    emulator, _, _ = company
    emulator.admin.uninstall(1001)
    with psycopg.connect(database_dsn) as conn:
        conn.execute("UPDATE crm_credentials SET expires_at = clock_timestamp()")
    code, said = airflow.run({}, **variables(emulator, database_dsn))
    assert code != 0
    assert said.count("authorization lost company=acme") == 1
    assert "sync failed company=acme" in said
    assert "/hubspot/oauth/start?company=acme" in said
    calls = emulator.admin.stats(1001)["calls"]
    code, said = airflow.run({}, **variables(emulator, database_dsn))
    assert code != 0
    assert "authorization lost" not in said
    assert emulator.admin.stats(1001)["calls"] == calls
    assert emulator.admin.oauth()["dead_refreshes"] == 1
