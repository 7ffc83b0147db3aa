"""The DAG file of the write-back: its graph, its form, and that it is cheap to read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DAG_FILE = Path(__file__).parents[2] / "dags" / "commission_writeback.py"

DESCRIBE = """
import json, runpy, socket, sys
def refused(*_): raise AssertionError("a DAG file must not open a connection")
socket.socket.connect = refused
from airflow.serialization.serialized_objects import DagSerialization
dag = runpy.run_path(sys.argv[1])["companies"].dag
print(json.dumps({
    "dag_id": dag.dag_id, "catchup": dag.catchup, "doc": dag.doc_md, "schedule": dag.schedule.expression,
    "edges": {t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks},
    "params": {k: dag.params.get_param(k).dump() for k in dag.params},
    "serialized": json.dumps(DagSerialization.to_dict(dag), default=str),
}, default=str))
"""


def described(**variables: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, str(DAG_FILE)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **variables},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def dag() -> dict:
    return described()


def test_each_company_goes_from_plan_to_verified(dag):
    assert (dag["dag_id"], dag["catchup"]) == ("commission_writeback", False)
    steps = ["plan", "approve", "apply", "verify"]
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        assert dag["edges"][f"write_back.{step}"] == ([f"write_back.{following}"] if following else [])
    assert "write_back.plan" in dag["edges"]["companies"]


def test_it_runs_as_often_as_the_setting_says():
    assert described(SYNC_INTERVAL_MINUTES="15")["schedule"] == "*/15 * * * *"


def test_its_form_has_a_help_text_for_every_param(dag):
    assert sorted(dag["params"]) == ["companies", "undo_run_id", "verify_now"]
    assert all(param["schema"].get("title") and param.get("description") for param in dag["params"].values())


def test_parsing_it_again_makes_no_new_version_of_the_dag(dag):
    assert " at 0x" not in dag["serialized"]


def test_it_is_short():
    assert len(DAG_FILE.read_text().splitlines()) <= 60
