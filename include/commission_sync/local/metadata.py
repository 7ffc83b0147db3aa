"""Airflow's own database: migrated when it needs to be, without paying for `airflow db migrate` each time."""

import importlib.metadata
import json
import subprocess
from pathlib import Path

import psycopg

from commission_sync.local.environment import Environment
from commission_sync.local.errors import LocalError


def prepare_metadata(environment: Environment, *, even_if_used: bool = False) -> None:
    """Bring Airflow's database to the schema of the installed Airflow.

    The embedded database and an empty one are always migrated; one of somebody's own that is in use only with
    `even_if_used`, as older Airflows may share it.

    :raises LocalError: the database cannot be reached, or the migration failed.
    """
    revision = _revision(environment.metadata_url)
    if revision is not None and _stamp(revision) == _read(_stamp_file(environment)):
        return
    if revision is None or even_if_used or _is_embedded(environment):
        _migrate(environment)
        record_metadata(environment)


def record_metadata(environment: Environment) -> None:
    """Remember that Airflow's database has the schema of the installed Airflow."""
    stamp = _stamp(_revision(environment.metadata_url))
    _stamp_file(environment).write_text(json.dumps(stamp))


def _stamp_file(environment: Environment) -> Path:
    return environment.project.home / "metadata.json"


def _is_embedded(environment: Environment) -> bool:
    server = environment.server
    return server is not None and f"@{server.host}:{server.port}/" in environment.metadata_url


def _revision(url: str) -> str | None:
    """Read the revision that Airflow's migrations left, None for an empty database."""
    scheme, _, rest = url.partition("://")
    if not scheme.startswith("postgres"):
        raise LocalError(
            f"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names {scheme.partition('+')[0]} and this project "
            "runs on PostgreSQL: use postgresql+psycopg://…, or unset it to use the embedded one."
        )
    try:
        with psycopg.connect(f"postgresql://{rest}", connect_timeout=10) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    except psycopg.Error as error:
        cause = str(error).splitlines()[0]
        raise LocalError(
            f"Airflow's database at {rest.rpartition('@')[2]} cannot be used ({cause}): start that server or "
            "correct AIRFLOW__DATABASE__SQL_ALCHEMY_CONN; unset, the embedded PostgreSQL is used."
        ) from None


def _stamp(revision: str | None) -> dict[str, str | None]:
    return {"airflow": importlib.metadata.version("apache-airflow-core"), "revision": revision}


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _migrate(environment: Environment) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [environment.airflow, "db", "migrate"],
        env=dict(environment.variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        log = environment.project.home / "logs" / "migrate.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text(done.stdout + done.stderr)
        raise LocalError(f"Airflow's database could not be migrated: `airflow db migrate` failed, see {log}.")
