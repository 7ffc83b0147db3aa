"""Companies that share tasks in a real Airflow, whose triggerer wakes the task of one that had to wait."""

import psycopg
import pytest

from hubspot_emulator import PortalSpec, running_emulator
from live import eventually, live_airflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow")]

NAMES = ("acme", "globex", "hooli", "initech", "umbrella")
PORTALS = [PortalSpec(name, 1001 + n, 20, f"pat-na1-{name}") for n, name in enumerate(NAMES)]
TRIES = """
SELECT company_id, array_agg(state ORDER BY r.started_at), min(map_index), max(map_index)
FROM sync_runs r JOIN crm_integrations i ON i.id = r.integration_id WHERE run_id = %s GROUP BY 1 ORDER BY 1
"""


def fresh(airflow, run_id):
    with psycopg.connect(airflow.environment.metadata_url.replace("+psycopg", "")) as conn:
        return conn.execute(
            "SELECT e.extra->>'company' FROM asset_event e WHERE source_run_id = %s ORDER BY 1", (run_id,)
        ).fetchall()


def test_one_that_waits_and_one_that_is_revoked_are_nobody_elses_business(tmp_path):
    variables = {"MAPPED_TASKS_AT_MOST": "2", "MAX_SYNC_RETRIES": "1"}
    with (
        running_emulator(PORTALS, limits=False) as emulator,
        live_airflow(tmp_path, emulator, PORTALS, variables) as airflow,
    ):
        airflow.connect_company(PORTALS[2], token="pat-na1-revoked")
        emulator.admin.set_faults(1004, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 62})
        run_id = airflow.trigger()
        assert airflow.ended(run_id, seconds=240) == "failed"
        assert airflow.query(TRIES, run_id) == [
            ("acme", ["success"], 0, 0),
            ("globex", ["success"], 0, 0),
            ("hooli", ["failed"], 1, 1),
            ("initech", ["deferred", "success"], 1, 1),
            ("umbrella", ["success"], 1, 1),
        ]
        assert fresh(airflow, run_id) == [("acme",), ("globex",)]
        eventually(lambda: airflow.query("SELECT 1 FROM alert_incidents WHERE closed_at IS NULL") or None, seconds=60)

        run_id = airflow.trigger()
        assert airflow.ended(run_id) == "failed"
        assert {(company, index) for company, _, index, _ in airflow.query(TRIES, run_id)} == {
            *((name, 0) for name in NAMES if name != "hooli"),
            ("hooli", 1),
        }
        assert fresh(airflow, run_id) == [(name,) for name in NAMES if name != "hooli"]
