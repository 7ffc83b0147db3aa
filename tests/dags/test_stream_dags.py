"""The DAGs of line items, activities and the reconciliation: their files, and whole runs in a real Airflow."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from hubspot_emulator import PortalSpec, running_emulator
from world import connection_variables, register

DAGS = Path(__file__).parents[2] / "dags"

DESCRIBE = """
import json, runpy, socket, sys
def refused(*_): raise AssertionError("a DAG file must not open a connection")
socket.socket.connect = refused
from airflow.serialization.serialized_objects import DagSerialization
dag = runpy.run_path(sys.argv[1])["companies"].dag
work = next(t for t in dag.tasks if t.task_id != "companies")
given = getattr(work, "partial_kwargs", None) or vars(work)  # in a mapped task group, the tasks are plain ones
print(json.dumps({
    "dag_id": dag.dag_id, "tags": sorted(dag.tags), "catchup": dag.catchup, "doc": dag.doc_md,
    "timetable": type(dag.timetable).__name__, "runs": dag.max_active_runs,
    "params": {k: dag.params.get_param(k).dump() for k in dag.params},
    "serialized": json.dumps(DagSerialization.to_dict(dag), default=str),
    "retries": given["retries"], "outlets": [o.name for o in given["outlets"]],
}, default=str))
"""

SYNC_PARAMS = ["companies", "mode", "window_from", "window_to"]
ACTIVITY_ALIASES = [f"hubspot {kind}" for kind in ("emails", "notes", "calls", "meetings", "tasks")]


def described(dag_id):
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, str(DAGS / f"{dag_id}.py")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("dag_id", "params", "outlets"),
    [
        ("hubspot_line_items", SYNC_PARAMS, ["hubspot line_items"]),
        ("hubspot_activities", SYNC_PARAMS, ACTIVITY_ALIASES),
        (
            "hubspot_reconcile",
            ["companies", "history_of", "max_archived_percent", *SYNC_PARAMS[1:]],
            ["hubspot deals", "hubspot line_items", *ACTIVITY_ALIASES],
        ),
    ],
)
def test_a_dag_file_is_short_documented_and_stable(dag_id, params, outlets):
    dag = described(dag_id)
    assert (dag["dag_id"], dag["catchup"], dag["timetable"]) == (dag_id, False, "CronDataIntervalTimetable")
    assert (dag["retries"], dag["runs"]) == (3, 1)
    assert sorted(dag["params"]) == params
    assert all(p["schema"].get("title") and p.get("description") for p in dag["params"].values())
    assert dag["outlets"] == outlets
    assert {"hubspot", "sync"} <= set(dag["tags"])
    assert " at 0x" not in dag["serialized"]
    assert len((DAGS / f"{dag_id}.py").read_text().splitlines()) <= 60


ACME, GLOBEX = PortalSpec("acme", 1001, 60, "pat-na1-acme"), PortalSpec("globex", 1002, 20, "pat-na1-globex")


@pytest.fixture
def companies(database_dsn):
    with running_emulator([ACME, GLOBEX], limits=False) as emulator:
        for portal in (ACME, GLOBEX):
            register(database_dsn, portal)
        connections = connection_variables([ACME, GLOBEX], emulator.url)
        yield {"AIRFLOW_CONN_COMMISSIONS_DB": database_dsn, **connections}


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


@pytest.mark.slow
def test_every_dag_lands_each_companys_records_and_tells_of_it_by_asset(airflow, database_dsn, postgres, companies):
    for dag in ("hubspot_deals", "hubspot_line_items", "hubspot_activities", "hubspot_reconcile"):
        code, said = airflow.run({}, dag=dag, **companies)
        assert code == 0, said
    assert rows(database_dsn, "SELECT company_id, count(*)::int FROM deal_line_items GROUP BY 1 ORDER BY 1") == [
        ("acme", 90),
        ("globex", 30),
    ]
    assert rows(database_dsn, "SELECT count(DISTINCT type)::int FROM deal_activities") == [(5,)]
    assert rows(
        database_dsn, "SELECT count(*)::int FROM deal_line_items WHERE deal_id IS NULL AND deal_crm_id <> ''"
    ) == [(0,)]
    assert rows(database_dsn, "SELECT count(*)::int FROM crm_owners") > [(0,)]
    assert rows(
        database_dsn,
        "SELECT company_id, count(*)::int, count(score)::int, min(q.dag_id) FROM data_quality_scores q "
        "JOIN crm_integrations i ON i.id = q.integration_id GROUP BY 1 ORDER BY 1",
    ) == [("acme", 7, 7, "hubspot_reconcile"), ("globex", 7, 7, "hubspot_reconcile")]
    named = rows(
        postgres.dsn("airflow_of_the_tests"),
        "SELECT DISTINCT task_id, rendered_map_index FROM task_instance WHERE dag_id = 'hubspot_reconcile' "
        "AND map_index >= 0 AND run_id = (SELECT run_id FROM dag_run WHERE dag_id = 'hubspot_reconcile' "
        "ORDER BY id DESC LIMIT 1) ORDER BY 1, 2",
    )
    assert named == [(task, company) for task in ("reconcile", "score") for company in ("acme", "globex")]
    events = rows(
        postgres.dsn("airflow_of_the_tests"),
        "SELECT a.uri, e.extra->>'company', e.source_dag_id FROM asset_event e JOIN asset a ON a.id = e.asset_id",
    )
    for company in ("acme", "globex"):
        assert (f"hubspot://{company}/deals", company, "hubspot_deals") in events
        assert (f"hubspot://{company}/line_items", company, "hubspot_line_items") in events
        assert (f"hubspot://{company}/notes", company, "hubspot_activities") in events


@pytest.mark.slow
def test_a_company_without_the_feature_is_left_out_and_the_log_says_so(airflow, database_dsn, companies):
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            "UPDATE crm_integrations SET feature_flags = '{\"line_items\": false}' WHERE company_id = 'globex'"
        )
    code, said = airflow.run({}, dag="hubspot_line_items", **companies)
    assert code == 0, said
    assert "left out, as feature_flags.line_items is false: globex" in said
    assert rows(database_dsn, "SELECT DISTINCT company_id FROM deal_line_items") == [("acme",)]


@pytest.mark.slow
def test_a_reconciliation_has_no_window(airflow, companies):
    window = {"mode": "window", "window_from": "2026-01-01T00:00:00Z", "window_to": "2026-02-01T00:00:00Z"}
    code, said = airflow.run(window, dag="hubspot_reconcile", **companies)
    assert code != 0
    assert "a reconciliation compares what is there now and has no window" in said


@pytest.mark.slow
def test_a_company_is_scored_although_its_reconciliation_fails_and_the_run_has_failed(airflow, database_dsn, companies):
    code, said = airflow.run({}, dag="hubspot_deals", **companies)
    assert code == 0, said
    connection = json.loads(companies["AIRFLOW_CONN_HUBSPOT_GLOBEX"]) | {"password": "pat-na1-revoked"}
    companies |= {"AIRFLOW_CONN_HUBSPOT_GLOBEX": json.dumps(connection)}
    code, _ = airflow.run({}, dag="hubspot_reconcile", **companies)
    assert code != 0
    assert rows(
        database_dsn,
        "SELECT company_id, q.score IS NOT NULL, q.parts->'parity'->>'reason' FROM data_quality_scores q "
        "JOIN crm_integrations i ON i.id = q.integration_id WHERE stream = 'deals' ORDER BY 1",
    ) == [("acme", True, None), ("globex", True, "no figures were compared with HubSpot in the last 7 days")]
