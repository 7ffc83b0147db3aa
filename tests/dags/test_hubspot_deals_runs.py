"""Whole DAG runs in a real Airflow: one mapped task per company, failing alone, with errors that say what to do."""

import json
from contextlib import contextmanager

import psycopg
import pytest

from hubspot_emulator import PortalSpec, running_emulator
from world import connection_variables, register

pytestmark = pytest.mark.slow

PORTALS = [
    PortalSpec("acme", 1001, 300, "pat-na1-acme"),
    PortalSpec("globex", 1002, 40, "pat-na1-globex"),
    PortalSpec("initech", 1003, 20, "pat-na1-initech"),
]


@contextmanager
def companies(dsn, tokens, faults=None):
    """Yield the variables of an Airflow that knows the database and a connection per company."""
    with running_emulator(PORTALS, limits=False) as emulator:
        for portal in PORTALS:
            register(dsn, portal)
        for portal_id, kinds in (faults or {}).items():
            emulator.admin.set_faults(portal_id, kinds)
        connections = connection_variables(PORTALS, emulator.url, **tokens)
        yield {"AIRFLOW_CONN_COMMISSIONS_DB": dsn, **connections}


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


def landed(dsn):
    return dict(rows(dsn, "SELECT company_id, count(*)::int FROM deals GROUP BY company_id"))


def test_a_company_with_a_wrong_token_fails_alone_and_at_once(airflow, database_dsn):
    with companies(database_dsn, {"globex": "pat-na1-wrong-secret"}) as variables:
        code, said = airflow.run({}, **variables)
    assert code != 0
    assert landed(database_dsn) == {"acme": 300, "initech": 20}
    states = dict(
        rows(
            database_dsn,
            "SELECT company_id, state FROM sync_runs JOIN crm_integrations i ON i.id = sync_runs.integration_id",
        )
    )
    assert states == {"acme": "success", "globex": "failed", "initech": "success"}
    assert "sync failed company=globex" in said
    assert "put a valid token into the connection" in said
    assert "wrong-secret" not in said
    for company in ("acme", "initech"):
        assert f"sync finished company={company} stream=deals" in said


def test_companies_that_share_a_task_fail_alone_and_are_tried_together(airflow, database_dsn, postgres):
    with companies(database_dsn, {"globex": "pat-na1-wrong-secret"}) as variables:
        code, said = airflow.run({}, MAPPED_TASKS_AT_MOST="2", **variables)
        assert code != 0
        assert landed(database_dsn) == {"acme": 300, "initech": 20}
        assert "company failed company=globex" in said
        assert "1 of 2 companies failed, the others are done: globex: Unauthorized: " in said
        assert "wrong-secret" not in said
        # The page of each company leads to the log of the task that it was in.
        assert rows(
            database_dsn,
            "SELECT company_id, r.task_id, r.map_index FROM sync_runs r "
            "JOIN crm_integrations i ON i.id = r.integration_id ORDER BY 1",
        ) == [("acme", "sync", 0), ("globex", "sync", 1), ("initech", "sync", 1)]
        (run_id,) = rows(database_dsn, "SELECT DISTINCT run_id FROM sync_runs")[0]
        in_airflow = postgres.dsn("airflow_of_the_tests")
        assert rows(
            in_airflow,
            "SELECT map_index, rendered_map_index, state FROM task_instance "
            f"WHERE run_id = '{run_id}' AND dag_id = 'hubspot_deals' AND task_id = 'sync' ORDER BY 1",
        ) == [(0, "acme", "success"), (1, "globex … initech (2)", "failed")]

        repaired = json.loads(variables["AIRFLOW_CONN_HUBSPOT_GLOBEX"]) | {"password": "pat-na1-globex"}
        variables |= {"AIRFLOW_CONN_HUBSPOT_GLOBEX": json.dumps(repaired)}
        code, said = airflow.run({}, MAPPED_TASKS_AT_MOST="1", **variables)
        assert code == 0, said
        assert landed(database_dsn) == {"acme": 300, "globex": 40, "initech": 20}
        fresh = rows(
            in_airflow,
            "SELECT a.uri FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE e.source_map_index = 0 "
            "AND e.source_run_id = (SELECT source_run_id FROM asset_event ORDER BY id DESC LIMIT 1) ORDER BY 1",
        )
        assert fresh == [(f"hubspot://{name}/deals",) for name in ("acme", "globex", "initech")]

        code, said = airflow.run({}, dag="hubspot_reconcile", MAPPED_TASKS_AT_MOST="2", **variables)
        assert code == 0, said
        scored = rows(
            database_dsn,
            "SELECT DISTINCT company_id FROM data_quality_scores s JOIN crm_integrations i "
            "ON i.id = s.integration_id ORDER BY 1",
        )
        assert scored == [("acme",), ("globex",), ("initech",)]


def test_a_portal_that_is_down_defers_its_task_which_goes_on_by_itself_without_a_retry(airflow, database_dsn):
    with companies(database_dsn, {}, {1001: {"next": ["reset"] * 7}}) as variables:
        code, said = airflow.run({"companies": ["acme", "globex"]}, MAX_SYNC_RETRIES="0", **variables)
    assert code == 0, said
    assert landed(database_dsn) == {"acme": 300, "globex": 40}
    assert "breaker opened company=acme failures=7" in said
    assert "sync deferred company=acme" in said
    assert "breaker closed company=acme" in said
    tries = rows(
        database_dsn,
        "SELECT state, try_number FROM sync_runs JOIN crm_integrations i ON i.id = integration_id "
        "WHERE company_id = 'acme' ORDER BY started_at",
    )
    assert [state for state, _ in tries] == ["deferred", "success"]


def test_params_narrow_a_run_down_and_a_bad_one_stops_it_before_anything_is_read(airflow, database_dsn):
    with companies(database_dsn, {}) as variables:
        code, said = airflow.run({"companies": ["acme", "hooli"]}, **variables)
        assert code != 0
        assert "no active integration for 'hooli'; active are: acme, globex, initech" in said
        assert landed(database_dsn) == {}

        window = {"mode": "window", "window_from": "2026-02-01T00:00:00Z", "window_to": "2026-01-01T00:00:00Z"}
        code, said = airflow.run({"companies": ["initech"], **window}, **variables)
        assert code != 0
        assert "this run cannot start: the window ends before it starts" in said
        assert landed(database_dsn) == {}

        code, said = airflow.run({"companies": ["initech"], "mode": "full"}, **variables)
        assert code == 0, said
        assert landed(database_dsn) == {"initech": 20}


def test_a_database_that_does_not_answer_is_one_clear_message(airflow):
    nowhere = "postgresql://sync:very-secret@127.0.0.1:1/commissions"
    code, said = airflow.run({}, AIRFLOW_CONN_COMMISSIONS_DB=nowhere, MAX_SYNC_RETRIES="0")
    assert code != 0
    assert "cannot use the commissions database 'commissions' on 127.0.0.1:1 as 'sync'" in said
    assert "very-secret" not in said


def test_a_missing_database_connection_says_which_variable_to_set(airflow):
    code, said = airflow.run({})
    assert code != 0
    assert "set AIRFLOW_CONN_COMMISSIONS_DB=postgresql://" in said
