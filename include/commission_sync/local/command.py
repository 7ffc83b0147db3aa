"""The `airflow` command with this project's environment; run by `bin/airflow`."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from commission_sync.local.environment import Environment, Project, build, given, without_databases
from commission_sync.local.errors import LocalError
from commission_sync.local.metadata import prepare_metadata
from commission_sync.settings import InvalidSetting, load_settings
from commission_sync.store import DatabaseUnavailable, migrate

# These answer from the installed code alone.
NEED_NO_DATABASE = {"version", "cheat-sheet"}
SERVE_THE_API = {"standalone", "api-server"}


def main(arguments: Sequence[str]) -> NoReturn:
    """Prepare what the command needs, then become it."""
    try:
        environment = prepare(arguments)
    except (LocalError, InvalidSetting, DatabaseUnavailable) as error:
        sys.exit(str(error))
    become(environment, arguments)


def become(environment: Environment, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by `airflow`, which then holds the embedded PostgreSQL."""
    if environment.server is not None:
        environment.server.keep_across_exec()
    variables = dict(environment.variables)
    os.execve(environment.airflow, ["airflow", *arguments], variables)  # noqa: S606 - our own program


def prepare(arguments: Sequence[str]) -> Environment:
    """Return the environment for one `airflow` command, its databases reachable and migrated.

    :raises LocalError: something about this machine or checkout is in the way.
    :raises DatabaseUnavailable: a database named in the environment cannot be used.
    :raises InvalidSetting: a variable has a value that makes no sense.
    """
    project = Project.of_this_code()
    variables = given(project)
    command = next((argument for argument in arguments if not argument.startswith("-")), None)
    if command is None or command in NEED_NO_DATABASE:
        return without_databases(project, variables)
    environment = build(project, variables, serves_api=command in SERVE_THE_API)
    environment.adopt()
    load_settings()
    if command != "db":
        prepare_metadata(environment)
    migrate(environment.commissions_dsn)
    return environment


if __name__ == "__main__":
    main(sys.argv[1:])
