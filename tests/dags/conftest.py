"""A real Airflow for the DAGs: its own metadata database, its own home, the project's DAG files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from commission_sync.local.postgres import Server

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Airflow:
    """The `airflow` command in an environment of its own."""

    variables: Mapping[str, str]

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("airflow")), *arguments]
        environment = {**os.environ, **self.variables, **variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)

    def run(self, conf: Mapping[str, object], *, dag: str = "hubspot_deals", **variables: str) -> tuple[int, str]:
        """Run a DAG once, mapped tasks included, and return its exit code and everything it said."""
        done = self("dags", "test", dag, "--conf", json.dumps(conf), **variables)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def airflow(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE airflow_of_the_tests")
    command = Airflow(
        {
            "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.dsn("airflow_of_the_tests", driver="postgresql+psycopg"),
        }
    )
    migrated = command("db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    return command
