"""`airflow backfill create`, the command of the manual, over an interval of the past that no incremental run asks for."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from hubspot_emulator import PortalSpec, running_emulator
from live import eventually, live_airflow
from world import EVERY_STREAM, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow")]

PORTAL = PortalSpec("acme", 1001, 60, "pat-na1-acme")
STREAMS = {"hubspot_deals": (DEALS,), "hubspot_line_items": (LINE_ITEMS,), "hubspot_activities": ACTIVITIES}
HALF_HOURS = 3

RUNS = """
SELECT stream, count(*)::int, sum(fetched)::int, min(window_from), max(window_to), bool_and(state = 'success')
FROM sync_runs WHERE dag_id = %s AND mode = 'window' GROUP BY 1 ORDER BY 1
"""
RECEIPTS = """
SELECT count(*)::int, sum(s.announced)::int, sum(s.landed)::int, bool_and(s.completed_at IS NOT NULL)
FROM sync_receipts s JOIN sync_runs r ON r.id = s.sync_run_id WHERE r.dag_id = %s AND r.mode = 'window'
"""


def create(airflow, dag_id, start, end):
    command = [Path(sys.executable).with_name("airflow"), "backfill", "create", "--dag-id", dag_id]
    dates = ["--from-date", start.isoformat(), "--to-date", end.isoformat()]
    done = subprocess.run(
        [*command, *dates, "--max-active-runs", "2"],
        env=airflow.environment.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def windows_read(airflow, dag_id, streams):
    """Wait for the end of a backfill's runs and return what each stream's were."""
    over = "SELECT count(*) FROM sync_runs WHERE dag_id = %s AND mode = 'window' AND finished_at IS NOT NULL"
    eventually(lambda: airflow.query(over, dag_id) == [(HALF_HOURS * streams,)] or None, seconds=120)
    return airflow.query(RUNS, dag_id)


def cursors(world):
    """Return each stream's cursor, with how many runs have moved it: those over no window of their own."""
    runs = "SELECT count(*)::int FROM sync_runs r WHERE r.stream = c.stream AND r.mode <> 'window'"
    found = world.query(f"SELECT c.stream, ({runs}), c.cursor_at, c.cursor_id FROM sync_cursors c ORDER BY 1")
    return {stream: (moves, at, crm_id) for stream, moves, at, crm_id in found}


def edit(world, start):
    """Edit records of each type in each of the half hours, and return how many of each type differ now."""
    edited = {}
    for stream in EVERY_STREAM:
        at = [start + timedelta(minutes=30 * n + 10) for n in range(HALF_HOURS)]
        how = {"count": 4, "type": stream.object_type}
        ids = [world.emulator.admin.edit(1001, at_ms=int(t.timestamp() * 1000), **how) for t in at]
        edited[stream.name] = len(set().union(*ids))
    return edited


def test_each_streams_interval_of_the_past_is_read_and_the_cursors_stay_where_they_are(tmp_path):
    start = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=3)
    with (
        running_emulator([PORTAL], limits=False) as emulator,
        live_airflow(tmp_path, emulator, [PORTAL], {}) as airflow,
    ):
        (company,) = airflow.query("SELECT id FROM crm_integrations")
        acme = World(emulator, PORTAL, airflow.dsn, company[0])
        for dag_id in STREAMS:
            assert airflow.ended(airflow.trigger(dag_id), dag_id) == "success"
        before = cursors(acme)
        edited = edit(acme, start)
        assert {name: len(found.stale) for name, found in acme.differences().items()} == edited

        end = start + timedelta(minutes=30 * HALF_HOURS)
        for dag_id, streams in STREAMS.items():
            create(airflow, dag_id, start, end - timedelta(minutes=30))
            names = sorted(stream.name for stream in streams)
            assert windows_read(airflow, dag_id, len(names)) == [
                (name, HALF_HOURS, edited[name], start, end, True) for name in names
            ]
            read = sum(edited[name] for name in names)
            assert airflow.query(RECEIPTS, dag_id) == [(HALF_HOURS * len(names), read, read, True)]
        assert acme.differences() == {}
        after = cursors(acme)
        # Where a half hour has passed meanwhile, the schedule's own run moves a cursor, and only forward.
        scheduled = {name for name in before if after[name][0] > before[name][0]}
        assert all(after[name][1] >= before[name][1] for name in scheduled)
        assert {name: at for name, at in after.items() if name not in scheduled} == {
            name: at for name, at in before.items() if name not in scheduled
        }
