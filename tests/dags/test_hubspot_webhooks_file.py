"""The DAG file of the webhooks: it parses without database and network, wakes by the inbox and by a timer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DAG_FILE = Path(__file__).parents[2] / "dags" / "hubspot_webhooks.py"

DESCRIBE = """
import json, runpy, socket, sys
def refused(*_): raise AssertionError("a DAG file must not open a connection")
socket.socket.connect = refused
from airflow.serialization.serialized_objects import DagSerialization
found = runpy.run_path(sys.argv[1])
dag = found["lanes"].dag
print(json.dumps({
    "dag_id": dag.dag_id, "tags": sorted(dag.tags), "catchup": dag.catchup, "doc": dag.doc_md, "tasks": sorted(dag.task_ids),
    "params": {k: dag.params.get_param(k).dump() for k in dag.params},
    "serialized": json.dumps(DagSerialization.to_dict(dag), default=str),
}, default=str))
"""


def described(**variables: str) -> dict:
    command = [sys.executable, "-c", DESCRIBE, str(DAG_FILE)]
    environment = {"PATH": "/usr/bin:/bin", **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def dag() -> dict:
    return described()


def test_it_is_the_dag_of_the_contract(dag):
    assert (dag["dag_id"], dag["tasks"], dag["catchup"]) == ("hubspot_webhooks", ["drain", "lanes"], False)
    assert "replay" in dag["doc"].lower()


def test_it_wakes_by_the_inbox_and_by_a_timer(dag):
    assert "commission_sync.operators.inbox_trigger.InboxTrigger" in dag["serialized"]
    assert "*/5 * * * *" in dag["serialized"]
    assert "*/2 * * * *" in described(WEBHOOK_TIMER_MINUTES="2")["serialized"]


def test_its_form_has_a_help_text_for_every_param(dag):
    assert {"companies", "replay", "replay_ids", "replay_from", "replay_to", "replay_types"} == set(dag["params"])
    assert all(param["schema"].get("title") and param.get("description") for param in dag["params"].values())


def test_it_is_short():
    assert len(DAG_FILE.read_text().splitlines()) <= 60
