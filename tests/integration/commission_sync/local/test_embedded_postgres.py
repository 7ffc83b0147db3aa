"""The embedded PostgreSQL, with real processes that are really killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from commission_sync.local import EmbeddedPostgres, PostgresError
from commission_sync.local.port import any_free, is_free
from postgres_owner import FAST, OWNER, Owner, answers, eventually, kept_row, postmaster, processes, write_row


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    # Below /tmp, not below pytest's own directory, which no other user may enter.
    yield tmp_path / "postgres"
    assert eventually(lambda: not processes(tmp_path)), f"left behind: {processes(tmp_path)}"


@pytest.fixture
def owner(root: Path) -> Iterator[Callable[..., Owner]]:
    owners: list[Owner] = []

    def start(**options: object) -> Owner:
        owners.append(Owner(root, **options))
        return owners[-1]

    yield start
    for each in owners:
        each.kill()


def test_it_serves_two_databases_on_localhost_with_a_password(root: Path) -> None:
    with EmbeddedPostgres(root, settings=FAST) as server:
        assert answers(server.dsn("airflow"))
        assert answers(server.dsn("commissions"))
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", password="guess", dbname="airflow")
        with psycopg.connect(server.dsn("airflow")) as connection:
            shown = connection.execute(
                "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
            ).fetchone()
        assert shown == ("127.0.0.1", "")
        assert server.password not in repr(server)
    assert (root / "password").stat().st_mode & 0o777 == 0o600
    assert not answers(server.dsn("airflow"))


def test_it_is_durable_unless_told_otherwise(root: Path) -> None:
    with EmbeddedPostgres(root) as server, psycopg.connect(server.dsn("airflow")) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_port_password_and_rows_stay_the_same_from_start_to_start(root: Path) -> None:
    with EmbeddedPostgres(root, settings=FAST) as first:
        write_row(first.dsn("commissions"))
    with EmbeddedPostgres(root, settings=FAST) as second:
        assert second.dsn("commissions") == first.dsn("commissions")
        assert kept_row(second.dsn("commissions")) == "here"


def test_several_owners_share_one_server_and_the_last_one_ends_it(root: Path, owner: Callable[..., Owner]) -> None:
    first, second = owner(), owner()
    assert first.dsn == second.dsn
    assert len(processes(root, "bin/postgres")) == 1
    first.kill()
    time.sleep(0.6)
    assert answers(second.dsn)
    second.kill()
    assert eventually(lambda: not processes(root))


def test_many_owners_that_start_at_once_get_one_server(root: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(root), json.dumps(FAST)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    try:
        assert len({json.loads(each.stdout.readline())["port"] for each in started}) == 1
        assert len(processes(root, "bin/postgres")) == 1
    finally:
        for each in started:
            each.kill()
            each.communicate()


def test_rows_survive_a_killed_owner_and_nothing_runs_on(root: Path, owner: Callable[..., Owner]) -> None:
    first = owner(settings={"fsync": "on"})
    write_row(first.dsn)
    first.kill()
    assert eventually(lambda: not processes(root))
    assert kept_row(owner(settings={"fsync": "on"}).dsn) == "here"


def test_a_killed_server_comes_back_by_itself_with_its_rows(root: Path, owner: Callable[..., Owner]) -> None:
    holder = owner(settings={"fsync": "on"})
    write_row(holder.dsn)
    os.kill(postmaster(root), signal.SIGKILL)
    assert eventually(lambda: answers(holder.dsn))
    assert kept_row(holder.dsn) == "here"


def test_a_killed_supervisor_takes_the_server_along_and_the_next_start_works(
    root: Path, owner: Callable[..., Owner]
) -> None:
    first = owner()
    write_row(first.dsn)
    for pid in processes(root, "local.supervisor"):
        os.kill(pid, signal.SIGKILL)
    second = owner()
    assert second.dsn == first.dsn
    assert kept_row(second.dsn) == "here"
    assert len(processes(root, "bin/postgres")) == 1


def test_the_next_start_works_after_everything_was_killed_at_once(root: Path, owner: Callable[..., Owner]) -> None:
    first = owner()
    write_row(first.dsn)
    pids = [first.process.pid, *processes(root, "local.supervisor"), postmaster(root)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert kept_row(owner().dsn) == "here"


def test_a_process_number_taken_over_by_another_program_does_not_stop_the_start(
    root: Path, owner: Callable[..., Owner]
) -> None:
    first = owner()
    pids = [first.process.pid, *processes(root, "local.supervisor"), postmaster(root)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not processes(root))
    # As after a reboot: the number in the file is that of a living process which is no PostgreSQL.
    pid_file = root / "data" / "postmaster.pid"
    pid_file.write_text("\n".join([str(os.getpid()), *pid_file.read_text().splitlines()[1:]]))
    assert answers(owner().dsn)


def test_the_hold_outlives_exec(root: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom commission_sync.local import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1]), settings={'fsync': 'off'}).acquire()\n"
        "server.keep_across_exec()\nprint(server.dsn('airflow'), flush=True)\n"
        "os.execvp('sleep', ['sleep', '600'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)
    dsn = process.stdout.readline().strip()
    time.sleep(1.0)
    assert answers(dsn)
    process.kill()
    process.communicate()
    assert eventually(lambda: not processes(root))


def test_an_interrupted_first_start_is_made_good(root: Path) -> None:
    half_made = root / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(root, settings=FAST) as server:
        assert answers(server.dsn("commissions"))


def test_a_chosen_port_that_somebody_else_took_is_replaced(root: Path) -> None:
    with EmbeddedPostgres(root, settings=FAST) as server:
        first = server.port
    with socket.socket() as other:
        # Connections of the server that are still closing do not hold the port, neither here nor for the server.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first))
        other.listen()
        with EmbeddedPostgres(root, settings=FAST) as server:
            assert server.port != first
            assert answers(server.dsn("airflow"))


def test_a_given_port_that_is_taken_is_named_with_the_way_out(root: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PostgresError, match=f"Port {port} .*EMBEDDED_POSTGRES_PORT"):
            EmbeddedPostgres(root, port=port, settings=FAST).acquire()


def test_a_given_port_is_used(root: Path) -> None:
    port = any_free()
    with EmbeddedPostgres(root, port=port, settings=FAST) as server:
        assert server.port == port
        assert not is_free(port)


def test_data_of_another_version_are_refused_with_both_versions(root: Path) -> None:
    with EmbeddedPostgres(root, settings=FAST):
        pass
    (root / "data" / "PG_VERSION").write_text("13\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 13 .* holds 18: set PG_BIN_DIR"):
        EmbeddedPostgres(root, settings=FAST).acquire()


def test_missing_programs_are_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match=r"'postgres' is not in .*make install.*PG_BIN_DIR"):
        EmbeddedPostgres(root, bin_dir=tmp_path).acquire()


def test_a_data_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PostgresError, match=r"Cannot write to .*make it writable"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").acquire()


def test_a_password_that_does_not_fit_the_data_is_named(root: Path) -> None:
    with EmbeddedPostgres(root, settings=FAST):
        pass
    (root / "password").write_text("another")
    with pytest.raises(PostgresError, match="does not accept the password"):
        EmbeddedPostgres(root, settings=FAST).acquire()


def test_a_server_that_cannot_run_ends_in_one_sentence(root: Path) -> None:
    with pytest.raises(PostgresError, match="no_such_setting") as caught:
        EmbeddedPostgres(root, settings={"no_such_setting": "1"}).acquire()
    assert "\n" not in str(caught.value)
