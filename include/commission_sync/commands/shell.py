"""What all commands share: the database they work on, who runs them, and one line for each thing that can go wrong."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg

from commission_sync.local.environment import COMMISSIONS, Project, build, given
from commission_sync.local.errors import LocalError
from commission_sync.store import DatabaseUnavailable, connect, migrate
from commission_sync.store.integrations import Integration, UnknownCompany, active_integrations


class CommandError(Exception):
    """A command cannot do what it was asked; the text is for the person as it is."""


@contextmanager
def commissions_database() -> Iterator[psycopg.Connection]:
    """Yield a connection to the database that AIRFLOW_CONN_COMMISSIONS_DB names, or else to the embedded one."""
    project = Project.of_this_code()
    variables = given(project)
    if variables.get(COMMISSIONS):
        with closing(connect(variables[COMMISSIONS])) as conn:
            yield conn
        return
    environment = build(project, variables)
    environment.adopt()
    try:
        migrate(environment.commissions_dsn)
        with closing(connect(environment.commissions_dsn)) as conn:
            yield conn
    finally:
        if environment.server is not None:
            environment.server.release()


def company(conn: psycopg.Connection, name: str) -> Integration:
    """Return an active company by its name."""
    with conn.transaction():
        return active_integrations(conn, [name])[0]


def run(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; what a person can put right is told in one message."""
    try:
        return command()
    except (CommandError, LocalError, DatabaseUnavailable, UnknownCompany) as error:
        sys.stderr.write(f"✗ {error}\n")
    except psycopg.errors.UndefinedTable as error:
        sys.stderr.write(f"✗ a table is missing ({error.diag.message_primary}): run `make migrate` first\n")
    except psycopg.Error as error:
        sys.stderr.write(f"✗ the commissions database refused: {error.diag.message_primary or error}\n")
    return 1


def whoami() -> str:
    """Return who runs the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
