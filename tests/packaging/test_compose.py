"""compose.yaml, as far as it goes without docker: what its services run, set, ask for and wait for."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from commission_sync.local.environment import COMMISSIONS, METADATA, Project, build
from handbook import ROOT, page

TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "hubspot-commission-sync"}


def test_the_parts_of_an_airflow_with_workers_are_there():
    run = {service["command"] for service in OURS.values()}
    assert {
        f"airflow {part}" for part in ("api-server", "scheduler", "dag-processor", "triggerer", "celery worker")
    } < run


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_there_is(name, tmp_path):
    program, *arguments = OURS[name]["command"].split()
    if program == "python":
        assert arguments[:2] == ["-P", "-m"]
        command = [sys.executable, "-P", "-c", f"import {arguments[2]}"]
    else:
        command = [sys.executable, "-P", "-m", program, *arguments, "--help"]
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_is_there_and_can_come(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        ends_by_itself = SERVICES[other].get("restart", "no") == "no"
        has_check = "healthcheck" in SERVICES[other]
        fits = {"service_completed_successfully": ends_by_itself, "service_healthy": has_check}
        assert fits[how["condition"]], other


def test_what_is_set_is_a_setting_of_airflow():
    # Celery's come with its provider.
    known = subprocess.run(
        [sys.executable, "-P", "-m", "airflow", "config", "list", "--include-env-vars", "--defaults"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "AIRFLOW__CELERY__WORKER_CONCURRENCY" in known
    named = {n for service in OURS.values() for n in service["environment"] if n.startswith("AIRFLOW__")}
    assert len(named) > 8
    # The scheduler reads this one, and Airflow lists it nowhere.
    assert {name for name in named if name not in known} == {"AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES"}


def test_secrets_are_asked_for_and_never_written_down():
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", TEXT))
    assert {"POSTGRES_PASSWORD", "AIRFLOW__CORE__FERNET_KEY", "TOKEN_ENCRYPTION_KEYS"} <= asked
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEY", name):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?\}", value), name


def test_all_parts_share_one_set_of_variables():
    assert len({str(sorted(service["environment"].items())) for service in OURS.values()}) == 1


@pytest.mark.parametrize("what", ["EXTRA_CELERY_CONFIG", "TASK_QUEUED_TIMEOUT", "NUM_STUCK_IN_QUEUED_RETRIES"])
def test_a_dead_workers_tasks_are_found_as_soon_as_with_make_up(what, tmp_path):
    databases = dict.fromkeys((METADATA, COMMISSIONS), "postgresql://db.example/x")
    here = build(Project(tmp_path), {**databases, "REDIS_URL": "redis://redis"}).variables
    (name,) = (name for name in here if name.endswith(f"__{what}"))
    assert {service["environment"][name] for service in OURS.values()} == {here[name]}


def test_its_own_variables_are_explained():
    named = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    explained = "".join(page(f"docs/{name}.md").path.read_text(encoding="utf-8") for name in ("scaling", "settings"))
    assert {name for name in named if name not in explained} == set()
