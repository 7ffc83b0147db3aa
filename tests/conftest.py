"""Fixtures that every test may use: a real PostgreSQL, and a fresh, migrated database in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

import published
from commission_sync.local.postgres import EmbeddedPostgres, Server
from commission_sync.store import migrate
from hubspot_emulator import PortalSpec, running_emulator
from hubspot_emulator.recording import VARIABLE
from world import World, register

TEMPLATE = "migrated"
RECORDED = pytest.StashKey[Path]()
VERDICT = pytest.StashKey[published.Verdict]()


def pytest_configure(config: pytest.Config) -> None:
    """Let every emulator of the run, in whichever process, keep what it was asked and what it answered."""
    if hasattr(config, "workerinput") or not published.DOCUMENTS.is_dir():
        return
    config.stash[RECORDED] = Path(tempfile.mkdtemp(prefix="hubspot-exchanges-"))
    os.environ[VARIABLE] = str(config.stash[RECORDED])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how what was recorded compares with HubSpot's published documents."""
    if hasattr(config, "workerinput"):
        return
    terminalreporter.section("HubSpot's published documents")
    if (folder := config.stash.get(RECORDED, None)) is None:
        terminalreporter.write_line(f"not compared: they are not at {published.DOCUMENTS}")
        return
    for line in config.stash[VERDICT].lines():
        terminalreporter.write_line(line)
    shutil.rmtree(folder)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the run fail where an exchange differs from the documents for no known reason."""
    if (folder := session.config.stash.get(RECORDED, None)) is None:
        return
    verdict = session.config.stash[VERDICT] = published.judge(folder)
    if verdict.unexplained and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL server of this test process's own; without fsync, as its data need not survive it."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings={"fsync": "off"}) as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        migrate(server.dsn(TEMPLATE))
        yield server


@pytest.fixture
def database_dsn(postgres: Server) -> Iterator[str]:
    """The URL of a fresh database with all of the product's tables."""
    with _database(postgres) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def fresh_database(postgres: Server) -> Iterator[str]:
    """The same for all tests of a module, which put back what they change."""
    with _database(postgres) as dsn:
        yield dsn


@contextmanager
def _database(postgres: Server) -> Iterator[str]:
    name = sql.Identifier(f"test_{uuid4().hex[:12]}")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(TEMPLATE)))
        yield postgres.dsn(name.as_string()[1:-1])
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def world(database_dsn: str) -> Iterator[Callable[..., World]]:
    """A maker of companies, each with a portal of its own on an emulator without limits."""
    with ExitStack() as stack:

        def make(deals: int = 500, **spec: object) -> World:
            portal = PortalSpec(company="acme", portal_id=1001, deals=deals, token="pat-na1-acme", tier="pro", **spec)
            emulator = stack.enter_context(running_emulator([portal], limits=False))
            return World(emulator, portal, database_dsn, register(database_dsn, portal))

        yield make
