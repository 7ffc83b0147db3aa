"""What is a default, what the user set, and which of them wins."""

import json
import socket
from pathlib import Path

import pytest

from commission_sync.local.environment import Project, build, given, without_databases
from commission_sync.local.errors import LocalError
from commission_sync.settings import Settings
from handbook import ROOT

NAMED = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg://u:p@db.example/airflow",
    "AIRFLOW_CONN_COMMISSIONS_DB": "postgresql://u:p@db.example/commissions",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_environment_wins_over_env_file_and_that_over_defaults(project: Project) -> None:
    (project.root / ".env").write_text("AIRFLOW__API__HOST=0.0.0.0\nAIRFLOW__CORE__PARALLELISM=3\n")
    variables = given(project, {**NAMED, "AIRFLOW__CORE__PARALLELISM": "5"})
    found = build(project, variables).variables
    assert found["AIRFLOW__CORE__PARALLELISM"] == "5"
    assert found["AIRFLOW__API__HOST"] == "0.0.0.0"
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"


def test_airflow_maps_as_many_tasks_as_a_run_may_have(project: Project) -> None:
    limit = build(project, given(project, NAMED)).variables["AIRFLOW__CORE__MAX_MAP_LENGTH"]
    assert Settings(mapped_tasks_at_most=int(limit))
    assert f"ENV AIRFLOW__CORE__MAX_MAP_LENGTH={limit}\n" in (ROOT / "Dockerfile").read_text()


def test_a_variable_set_to_nothing_means_its_default(project: Project) -> None:
    (project.root / ".env").write_text("AIRFLOW__API__HOST=\nSYNC_INTERVAL_MINUTES=\n")
    variables = given(project, {**NAMED, "AIRFLOW__CORE__EXECUTOR": ""})
    found = build(project, variables).variables
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "SYNC_INTERVAL_MINUTES" not in found


def test_a_redis_makes_celerys_workers_of_what_ran_beside_the_scheduler(project: Project) -> None:
    url = "redis://:secret@redis.example:6379/0"
    scaled = build(project, {**NAMED, "REDIS_URL": url})
    assert scaled.has_workers
    assert scaled.variables["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert scaled.variables["AIRFLOW__CELERY__BROKER_URL"] == url
    assert not build(project, NAMED).has_workers


def test_no_server_is_started_when_both_databases_are_named(project: Project) -> None:
    environment = build(project, NAMED)
    assert environment.server is None
    assert environment.variables["AIRFLOW_CONN_COMMISSIONS_DB"] == NAMED["AIRFLOW_CONN_COMMISSIONS_DB"]
    assert not (project.home / "postgres").exists()


def test_a_port_of_the_user_is_used_in_every_place(project: Project) -> None:
    found = build(project, {**NAMED, "AIRFLOW__API__PORT": "9123"}, serves_api=True)
    assert found.api_url == "http://127.0.0.1:9123"
    assert found.variables["AIRFLOW__API__BASE_URL"] == "http://localhost:9123"
    assert found.variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9123/execution/"


def test_another_port_is_taken_when_the_usual_one_is_not_free_and_other_commands_learn_it(
    project: Project,
) -> None:
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            usual.bind(("127.0.0.1", 8080))
        except OSError:
            pass  # Somebody else has it, which is as good.
        else:
            usual.listen()
        serving = build(project, NAMED, serves_api=True)
        asking = build(project, NAMED)
    assert serving.variables["AIRFLOW__API__PORT"] != "8080"
    assert asking.api_url == serving.api_url


def test_keys_and_password_stay_and_only_their_owner_can_read_them(project: Project) -> None:
    first, second = build(project, NAMED).variables, build(project, NAMED).variables
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"):
        assert first[name] == second[name]
    for file in ("keys.json", "simple_auth_manager_passwords.json.generated"):
        assert (project.home / file).stat().st_mode & 0o777 == 0o600


def test_no_secret_shows_in_a_representation(project: Project) -> None:
    environment = without_databases(project, {"HUBSPOT_ACCESS_TOKEN": "pat-secret"})
    assert "pat-secret" not in repr(environment)
    assert environment.variables["AIRFLOW__CORE__FERNET_KEY"] not in repr(environment)


def test_a_hubspot_token_becomes_a_connection_of_every_command(project: Project) -> None:
    found = build(project, {**NAMED, "HUBSPOT_ACCESS_TOKEN": "pat-1", "COMPANY": "Big & Co"}).variables
    connection = json.loads(found["AIRFLOW_CONN_HUBSPOT_BIG_CO"])
    assert connection == {"conn_type": "hubspot", "host": "https://api.hubapi.com", "password": "pat-1"}


def test_our_own_airflow_comes_first_on_the_path(project: Project) -> None:
    environment = build(project, {**NAMED, "PATH": "/somewhere/bin"})
    first, *others = environment.variables["PATH"].split(":")
    assert Path(environment.airflow).parent == Path(first)
    assert others == ["/somewhere/bin"]


def test_a_database_that_is_no_url_is_refused_without_its_value(project: Project) -> None:
    with pytest.raises(LocalError, match="AIRFLOW_CONN_COMMISSIONS_DB must be a URL such as") as caught:
        given(project, {"AIRFLOW_CONN_COMMISSIONS_DB": "mysql://u:secret@host/db"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", ["abc", "0", "70000", "-1"])
def test_a_port_that_is_none_is_named(project: Project, value: str) -> None:
    with pytest.raises(LocalError, match=f"EMBEDDED_POSTGRES_PORT='{value}' is not a port"):
        build(project, {"EMBEDDED_POSTGRES_PORT": value})


def test_unreadable_keys_are_named_with_the_way_out(project: Project) -> None:
    project.home.mkdir()
    (project.home / "keys.json").write_text("{")
    with pytest.raises(LocalError, match=r"Cannot use the keys in .*keys.json"):
        build(project, NAMED)
