"""The provider's operators in a real Airflow: templates, a deferred sensor, and the link that Airflow keeps."""

import json

import psycopg
import pytest

from hubspot_emulator import PortalSpec, running_emulator

pytestmark = pytest.mark.slow

DAG_FILE = """
from airflow.sdk import DAG, Param
from airflow_hubspot.operators import HubSpotReadObjectsOperator, HubSpotUpsertObjectsOperator
from airflow_hubspot.sensors import HubSpotSearchSensor

with DAG("exchange", params={"name": Param("from the form")}, render_template_as_native_obj=True):
    written = HubSpotUpsertObjectsOperator(
        task_id="write", object_type="deals", id_property="order_number",
        rows=[{"order_number": "A-1", "dealname": "{{ params.name }}"}],
    )
    named = [{"property": "dealname", "operator": "EQ", "value": "{{ params.name }}"}]
    seen = HubSpotSearchSensor(
        task_id="wait", object_type="{{ 'deals' }}", filters=named, deferrable=True, poke_interval=0.5, timeout=60
    )
    read = HubSpotReadObjectsOperator(
        task_id="read", object_type="deals", properties=["dealname"], filters=named,
        path="{{ var.value.target }}",
    )
    written >> seen >> read
"""


def test_a_dag_writes_waits_and_reads(airflow, tmp_path):
    (tmp_path / "exchange.py").write_text(DAG_FILE)
    target = tmp_path / "deals.jsonl"
    with running_emulator([PortalSpec("acme", 1001, 20, "pat-na1-acme")], limits=False) as emulator:
        emulator.admin.set_knobs(1001, lag_seconds=2)
        unique = {"name": "order_number", "label": "Order", "type": "string", "fieldType": "text"}
        emulator.admin.create_property(1001, {**unique, "groupName": "dealinformation", "hasUniqueValue": True})
        connection = {"conn_type": "hubspot", "host": emulator.url, "password": "pat-na1-acme"}
        done = airflow(
            "dags",
            "test",
            "exchange",
            "--conf",
            json.dumps({"name": "Ω deal"}),
            AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path),
            AIRFLOW_CONN_HUBSPOT_DEFAULT=json.dumps(connection),
            AIRFLOW_VAR_TARGET=str(target),
        )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "search looked type=deals found=0 wanted=1" in said, "the index lags, so it had to wait"
    assert [json.loads(line)["properties"]["dealname"] for line in target.read_text().splitlines()] == ["Ω deal"]

    metadata = airflow.variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
    with psycopg.connect(metadata) as conn:
        found = dict(
            conn.execute("SELECT task_id, value #>> '{}' FROM xcom WHERE key = '_link_HubSpotRecordsLink'").fetchall()
        )
    page = "https://app.hubspot.com/contacts/1001/objects/0-3/views/all/list"
    assert found == {"write": page, "wait": page, "read": page}
