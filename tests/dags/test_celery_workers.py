"""Two of Celery's workers, twenty companies, and the death of a worker: limits hold, and nothing is lost."""

import os
import signal

import psycopg
import pytest

from airflow_server import airflow_server
from commission_sync.local.part import running_part
from commission_sync.local.reaper import descendants
from commission_sync.local.standalone import WITH_WORKERS
from hubspot_emulator import PortalSpec, running_emulator
from redis_server import running_redis
from world import World, connection_variables, register

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("celery")]

DAG_ID = "hubspot_deals"
PORTALS = [PortalSpec(f"company{n:02}", 3001 + n, 300, f"pat-na1-{n:02}", tier="free") for n in range(20)]
SOON = {
    # How soon Airflow takes a task whose worker went silent for dead: five minutes are its default.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    # And one that a worker took and never began: three minutes are ours.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
    "SYNC_INTERVAL_MINUTES": "1440",
}


@pytest.fixture(scope="module")
def emulator():
    with running_emulator(PORTALS) as running:
        yield running


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="module")
def dsn(postgres):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE celery_airflow")
        conn.execute("CREATE DATABASE celery_companies TEMPLATE migrated")
    return postgres.dsn("celery_companies")


@pytest.fixture(scope="module")
def companies(emulator, dsn):
    return [World(emulator, portal, dsn, register(dsn, portal)) for portal in PORTALS]


@pytest.fixture(scope="module")
def airflow(postgres, redis, dsn, emulator, companies, tmp_path_factory):
    metadata = postgres.dsn("celery_airflow", driver="postgresql+psycopg")
    variables = {"REDIS_URL": redis, **SOON, **connection_variables(PORTALS, emulator.url)}
    with airflow_server(tmp_path_factory.mktemp("airflow"), metadata, dsn, **variables) as server:
        yield server


@pytest.fixture
def second(airflow):
    """A second worker on the same machine."""
    command = f"{WITH_WORKERS[-1]} --celery-hostname second@%h"
    with running_part(airflow.standalone.environment, command, "second-worker") as part:
        yield part


def is_at_work(part) -> bool:
    """Say whether a worker has done a task and is at another one."""
    log = part.log.read_text(errors="replace")
    return log.count(" received ") > log.count(" succeeded in ") > 0


def kill(part) -> None:
    """End a worker as a power cut does: everything of it at once."""
    for pid in [part.process.pid, *descendants(part.process.pid)]:
        os.kill(pid, signal.SIGKILL)


def test_limits_hold_and_a_dead_worker_loses_nothing(airflow, second, companies, emulator):
    airflow.standalone.api.wait_for_dag(DAG_ID, seconds=120)
    airflow.wait_for("the second worker", lambda: " ready." in second.log.read_text(errors="replace"))
    airflow.call("PATCH", f"/dags/{DAG_ID}", {"is_paused": False})
    (run,) = airflow.wait_for("the run", lambda: airflow.call("GET", f"/dags/{DAG_ID}/dagRuns")["dag_runs"])
    airflow.wait_for("the second worker's work", lambda: is_at_work(second))
    kill(second)

    assert airflow.ended(DAG_ID, run["dag_run_id"], seconds=480) == "success"
    assert airflow.tries(DAG_ID, run["dag_run_id"])["sync"] > len(companies)
    for company in companies:
        assert not company.difference(), company.portal.company
        assert emulator.admin.refusals(company.portal.portal_id) == 0, company.portal.company
