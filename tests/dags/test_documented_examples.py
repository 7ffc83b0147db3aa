"""The examples in the documentation work as they stand there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]


def example(page: str) -> str:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    return block


@pytest.mark.slow
def test_the_commission_engine_is_scheduled_on_two_assets_of_its_company(tmp_path):
    file = tmp_path / "engine.py"
    file.write_text(example("assets.md"))
    code = (
        "import json, runpy, sys\n"
        "from airflow.sdk import DAG\n"
        "made = []\n"
        "enter = DAG.__enter__\n"
        "DAG.__enter__ = lambda dag: made.append(dag) or enter(dag)\n"
        "runpy.run_path(sys.argv[1])\n"
        "(dag,) = made\n"
        "print(json.dumps([sorted(a.uri for a in dag.timetable.asset_condition.objects), sorted(dag.task_ids)]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assets, tasks = json.loads(done.stdout.splitlines()[-1])
    assert assets == ["hubspot://acme/deals", "hubspot://acme/line_items"]
    assert tasks == ["compute", "something_changed"]


def test_the_custom_object_is_a_stream_whose_columns_its_table_has(database_dsn):
    names: dict = {}
    exec(example("streams.md"), names)
    stream = names["SUBSCRIPTIONS"]
    with psycopg.connect(database_dsn) as conn:
        columns = {
            row[0]
            for row in conn.execute(
                f"SELECT column_name FROM information_schema.columns WHERE table_name = '{stream.table}'"
            )
        }
    assert {column.name for column in stream.spec.columns} | {"type", "deal_id", "deal_crm_id"} <= columns
