"""The DAG file: it parses without database and network, shows its form, and retries as the settings say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DAG_FILE = Path(__file__).parents[2] / "dags" / "hubspot_deals.py"

# In a process of its own: the settings are read once per process, as Airflow parses DAG files.
DESCRIBE = """
import json, runpy, socket, sys
def refused(*_): raise AssertionError("a DAG file must not open a connection")
socket.socket.connect = refused
from airflow.serialization.serialized_objects import DagSerialization
found = runpy.run_path(sys.argv[1])
dag = found["companies"].dag
sync = dag.get_task("sync")
print(json.dumps({
    "dag_id": dag.dag_id, "tags": sorted(dag.tags), "catchup": dag.catchup, "doc": dag.doc_md,
    "params": {k: dag.params.get_param(k).dump() for k in dag.params}, "tasks": sorted(dag.task_ids),
    "serialized": json.dumps(DagSerialization.to_dict(dag), default=str),
    "retries": sync.partial_kwargs["retries"], "owner": sync.partial_kwargs["owner"],
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


def test_it_is_the_dag_of_the_contract(dag):
    assert (dag["dag_id"], dag["tasks"], dag["catchup"]) == ("hubspot_deals", ["companies", "sync"], False)
    assert {"hubspot", "sync"} <= set(dag["tags"])
    assert dag["owner"] == "commission-sync"
    assert "backfill" in dag["doc"].lower()


def test_its_form_has_a_help_text_for_every_param(dag):
    assert sorted(dag["params"]) == ["companies", "mode", "window_from", "window_to"]
    assert all(param["schema"].get("title") and param.get("description") for param in dag["params"].values())
    assert dag["params"]["mode"]["schema"]["enum"] == ["incremental", "window", "full"]


def test_its_retries_are_those_of_the_setting(dag):
    assert dag["retries"] == 3
    assert described(MAX_SYNC_RETRIES="7")["retries"] == 7


def test_parsing_it_again_makes_no_new_version_of_the_dag(dag):
    assert "Stream('deals')" in dag["serialized"]
    assert " at 0x" not in dag["serialized"]


def test_it_is_short():
    assert len(DAG_FILE.read_text().splitlines()) <= 60
