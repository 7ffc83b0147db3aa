"""The DAG file of the exchange rates: it parses without database and network, and shows its form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DAG_FILE = Path(__file__).parents[2] / "dags" / "fx_rates.py"

DESCRIBE = """
import json, runpy, socket, sys
def refused(*_): raise AssertionError("a DAG file must not open a connection")
socket.socket.connect = refused
from airflow.sdk.definitions.timetables.interval import CronDataIntervalTimetable
found = runpy.run_path(sys.argv[1])
dag = found["fetch"].dag
print(json.dumps({
    "dag_id": dag.dag_id, "tags": sorted(dag.tags), "catchup": dag.catchup, "doc": dag.doc_md,
    "params": {k: dag.params.get_param(k).dump() for k in dag.params}, "tasks": sorted(dag.task_ids),
    "upstream": {task: sorted(dag.get_task(task).upstream_task_ids) for task in dag.task_ids},
    "interval": isinstance(dag.timetable, CronDataIntervalTimetable), "owner": found["fetch"].owner,
}, default=str))
"""


@pytest.fixture(scope="module")
def dag() -> dict:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, str(DAG_FILE)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_the_dag_of_the_contract(dag):
    assert (dag["dag_id"], dag["catchup"], dag["owner"]) == ("fx_rates", False, "commission-sync")
    assert dag["interval"]
    assert "fx" in dag["tags"]
    assert "backfill" in dag["doc"].lower()


def test_amounts_are_converted_once_the_rates_are_there(dag):
    assert dag["upstream"]["convert"] == ["companies", "fetch"]


def test_its_form_has_a_help_text_for_every_param(dag):
    assert sorted(dag["params"]) == ["companies", "from_date", "to_date"]
    assert all(param["schema"].get("title") and param.get("description") for param in dag["params"].values())


def test_it_is_short():
    assert len(DAG_FILE.read_text().splitlines()) <= 60
