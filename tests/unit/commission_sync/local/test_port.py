"""No two of our processes take the same port, and a strange program's is recognised."""

import os
import socket
import subprocess
import sys

import pytest

from commission_sync.local import port
from commission_sync.local.environment import Project, build

TAKE = "from commission_sync.local import port; import sys, time; print({}, flush=True); time.sleep(60)"


@pytest.fixture
def another():
    """A process of its own that evaluates an expression about ports, prints it and lives on."""
    running = []

    def run(expression):
        process = subprocess.Popen([sys.executable, "-c", TAKE.format(expression)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        return process.stdout.readline().strip()

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_port_that_one_process_reserved_is_no_other_processs(another):
    taken = int(another("port.any_free()"))
    assert port.is_free(taken), "nobody listens there yet"
    assert not port.reserve(taken)


def test_a_port_is_free_again_when_its_process_has_ended(another):
    mine = port.any_free()
    assert port.reserve(mine), "a process may look at its own port again"
    assert another(f"port.reserve({mine})") == "False"
    ended = subprocess.run(
        [sys.executable, "-c", "from commission_sync.local import port; print(port.any_free())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert port.reserve(int(ended.stdout))


def test_two_starts_in_the_same_moment_take_two_ports(tmp_path, another):
    def api_port(home):
        return (
            f"__import__('commission_sync.local.environment', fromlist=['x'])._api_port("
            f"__import__('types').SimpleNamespace(home=__import__('pathlib').Path({str(home)!r})), choose=True)"
        )

    homes = [tmp_path / name for name in "ab"]
    for home in homes:
        home.mkdir()
    assert len({another(api_port(home)) for home in homes}) == 2


def test_a_strange_server_on_the_port_is_recognised():
    with socket.create_server(("127.0.0.1", 0)) as strange:
        taken = strange.getsockname()[1]
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            assert port.is_open(taken)
            assert not port.is_served_by(taken, [child.pid])
            assert port.is_served_by(taken, [os.getpid()])
        finally:
            child.kill()
            child.wait()
    assert not port.is_open(taken)


def test_an_environment_on_another_port_says_so_everywhere(tmp_path):
    given = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://", "AIRFLOW_CONN_COMMISSIONS_DB": "postgresql://x"}
    environment = build(Project(tmp_path), given, serves_api=True)
    moved = environment.on_another_port()
    assert moved.api_port != environment.api_port
    addresses = ("AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__API__PORT")
    assert all(str(moved.api_port) in moved.variables[name] for name in addresses)
