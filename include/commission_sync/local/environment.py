"""The environment of this project's `airflow` command."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from dotenv import dotenv_values

from commission_sync.local.errors import LocalError
from commission_sync.local.keys import Keys, admin_password
from commission_sync.local.port import any_free, reserve
from commission_sync.local.postgres import EmbeddedPostgres, Server
from commission_sync.local.tenants import app_connection, real_connection

METADATA = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
COMMISSIONS = "AIRFLOW_CONN_COMMISSIONS_DB"
API_PORT = "AIRFLOW__API__PORT"
DEFAULT_API_PORT = 8080
REDIS = "REDIS_URL"
WEBHOOK_SECRET = "HUBSPOT_WEBHOOK_SECRET"  # noqa: S105 - a name, not a secret
# glibc gives each thread its own heap and keeps what was freed there: a task with eight readers then holds 40 MiB more.
LEAN_THREADS = {"MALLOC_ARENA_MAX": "2"}

_TASKS_HERE = str(min(8, max(4, 2 * (os.cpu_count() or 1))))


@dataclass(frozen=True)
class Project:
    """A checkout: where its files are."""

    root: Path

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME: everything that is made at run time."""
        return self.root / ".airflow"

    @classmethod
    def of_this_code(cls) -> "Project":
        """Find the checkout this code was installed from.

        :raises LocalError: it runs from somewhere else.
        """
        root = Path(__file__).resolve().parents[3]
        if not (root / "dags").is_dir():
            raise LocalError(
                "The package commission_sync is not installed from a checkout of the project: "
                "run `make install` in one, and use its bin/airflow."
            )
        return cls(root)


@dataclass(frozen=True)
class Environment:
    """Variables for `airflow` and, when a database was not named, the server that stands in for it."""

    project: Project
    variables: Mapping[str, str] = field(repr=False)
    server: Server | None = None

    def on_another_port(self) -> "Environment":
        """Return the same with another port for Airflow's API, which is kept for the next start."""
        port = any_free()
        (self.project.home / "api_port").write_text(str(port))
        return replace(self, variables={**self.variables, **_addresses(str(port))})

    @property
    def api_port(self) -> int:
        """The port that Airflow's API listens on."""
        return int(self.variables[API_PORT])

    @property
    def api_url(self) -> str:
        """Where Airflow's API and pages are, seen from this machine."""
        return f"http://127.0.0.1:{self.variables[API_PORT]}"

    @property
    def commissions_dsn(self) -> str:
        """The database that the sync fills."""
        return self.variables[COMMISSIONS]

    @property
    def metadata_url(self) -> str:
        """Airflow's own database."""
        return self.variables[METADATA]

    @property
    def has_workers(self) -> bool:
        """Whether tasks run in Celery's workers, on this machine or others, instead of below the scheduler."""
        return bool(self.variables.get(REDIS))

    @property
    def airflow(self) -> str:
        """The `airflow` program of this project's virtual environment."""
        return str(Path(sys.executable).parent / "airflow")

    def with_defaults(self, defaults: Mapping[str, str]) -> "Environment":
        """Return the same with further defaults, for what is not set or set to nothing."""
        missing = {name: value for name, value in defaults.items() if not self.variables.get(name)}
        return replace(self, variables={**self.variables, **missing})

    def adopt(self) -> None:
        """Make these variables the calling process's own, for the settings that are read from there."""
        os.environ.update(self.variables)


def given(project: Project, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the user set: the environment, and `.env` for what it leaves out.

    :raises LocalError: `.env` cannot be read, or names a database in a way that is not understood.
    """
    try:
        from_file = dotenv_values(project.root / ".env", interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"Cannot read {project.root / '.env'} ({error}): make it a readable text file.") from None
    variables = {name: value for name, value in from_file.items() if value}
    variables.update(os.environ if environ is None else environ)
    dsn = variables.get(COMMISSIONS)
    if dsn and not dsn.startswith(("postgresql://", "postgres://")):
        raise LocalError(
            f"{COMMISSIONS} must be a URL such as postgresql://user:password@host:5432/commissions: "
            "correct it, or unset it to use the embedded PostgreSQL."
        )
    return variables


def without_databases(project: Project, variables: Mapping[str, str]) -> Environment:
    """Build the environment of commands that touch no database."""
    variables = _set(variables)
    return Environment(project, _merged(_defaults(project) | _scale_out(variables), variables))


def build(project: Project, variables: Mapping[str, str], *, serves_api: bool = False) -> Environment:
    """Build the environment; starts the embedded PostgreSQL for each database that is not named.

    :param serves_api: the command listens on the API's port, so it must be free.
    :raises LocalError: in one sentence, what is in the way.
    """
    variables = _set(variables)
    server = None
    if METADATA not in variables or COMMISSIONS not in variables:
        server = _embedded(project, variables)
    defaults = _defaults(project)
    defaults |= _api(project, variables, serves_api=serves_api)
    defaults |= _scale_out(variables)
    defaults |= real_connection(variables) | app_connection(variables)
    if server is not None:
        defaults[METADATA] = server.dsn("airflow", driver="postgresql+psycopg")
        defaults[COMMISSIONS] = server.dsn("commissions")
    return Environment(project, _merged(defaults, variables), server)


def _merged(defaults: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    # `airflow standalone` starts its parts by the name `airflow`: ours, not another one of the machine.
    path = os.pathsep.join([str(Path(sys.executable).parent), variables.get("PATH", os.defpath)])
    return {**defaults, **variables, "PATH": path}


def _set(variables: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is set to nothing, as a line `NAME=` in `.env` does: it means the default."""
    return {name: value for name, value in variables.items() if value or not name.startswith("AIRFLOW")}


def _embedded(project: Project, variables: Mapping[str, str]) -> Server:
    port = variables.get("EMBEDDED_POSTGRES_PORT")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise LocalError(f"EMBEDDED_POSTGRES_PORT={port!r} is not a port: use a number from 1 to 65535.")
    directory = variables.get("PG_BIN_DIR")
    return EmbeddedPostgres(
        project.home / "postgres",
        port=int(port) if port else None,
        bin_dir=Path(directory) if directory else None,
    ).acquire()


def _defaults(project: Project) -> dict[str, str]:
    home = project.home
    try:
        home.mkdir(exist_ok=True)
        keys = Keys.load(home)
        admin_password(home)
    except OSError as error:
        raise LocalError(f"Cannot write to {home} ({error.strerror}): make it writable for this user.") from None
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project.root / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # Airflow's default is 32 forked processes.
        "AIRFLOW__CORE__PARALLELISM": _TASKS_HERE,
        # Its default of 1024 would end the write-back, which has tasks of its own for each company.
        "AIRFLOW__CORE__MAX_MAP_LENGTH": "10000",
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet,
        # The Test button of a connection is off by default.
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__API__SECRET_KEY": keys.api,
        # Encrypts the customers' OAuth tokens; another one than Airflow's own.
        "TOKEN_ENCRYPTION_KEYS": keys.tokens,
        # What the emulated HubSpot signs its webhooks with.
        WEBHOOK_SECRET: keys.webhooks,
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt,
        # Its default is every address of the machine.
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        **LEAN_THREADS,
    }


def _scale_out(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what makes Airflow hand its tasks to Celery's workers, if there is a Redis to do it through.

    :raises LocalError: the packages for it are not installed.
    """
    if not variables.get(REDIS):
        return {}
    if find_spec("airflow.providers.celery") is None:
        raise LocalError(
            f"{REDIS} is set, so tasks are to run in Celery's workers, but the packages for it are not installed: "
            "install hubspot-commission-sync[celery], or unset it."
        )
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        # How many tasks all workers run at once, and how many of one DAG; each worker runs as many as fit this machine.
        "AIRFLOW__CORE__PARALLELISM": "256",
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "128",
        "AIRFLOW__CELERY__BROKER_URL": variables[REDIS],
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": _TASKS_HERE,
        # A worker takes a task when it can begin it: what a dead one had put by would wait until it counts as stuck.
        "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": '{"worker_disable_prefetch": true}',
        # What waits for workers is queued anew, in case the one that took it is dead; it does not fail for waiting.
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "180",
        "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "1000",
    }


def _api(project: Project, variables: Mapping[str, str], *, serves_api: bool) -> dict[str, str]:
    port = variables.get(API_PORT) or str(_api_port(project, choose=serves_api))
    return _addresses(port)


def _addresses(port: str) -> dict[str, str]:
    return {
        API_PORT: port,
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    }


def _api_port(project: Project, *, choose: bool) -> int:
    """Return the port that Airflow's API listens on: the usual one unless somebody else has it."""
    kept_in = project.home / "api_port"
    kept = int(kept_in.read_text()) if kept_in.exists() else DEFAULT_API_PORT
    if not choose:
        return kept
    port = next((port for port in (DEFAULT_API_PORT, kept) if reserve(port)), None) or any_free()
    kept_in.write_text(str(port))
    return port
