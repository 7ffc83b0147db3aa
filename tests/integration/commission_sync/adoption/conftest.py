"""A database that an older service filled from a portal of the emulator."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from commission_sync.commands.adoption import main
from hubspot_emulator import PortalSpec, old_service, running_emulator
from world import World


@dataclass
class Old:
    """The old database, the portal it was filled from, and the command on it."""

    dsn: str
    emulator: object
    portal: PortalSpec
    defects: Counter[str]
    portals: str
    capsys: pytest.CaptureFixture[str]

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run the command and return its exit code and what it said."""
        if arguments[0] in {"check", "run"}:
            arguments = (*arguments, "--portals", self.portals)
        code = main(arguments)
        said = self.capsys.readouterr()
        return code, said.out + said.err

    def query(self, statement: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement, values).fetchall()

    def image(self, schema: str = "public") -> list[tuple]:
        """Everything about the old tables that a dump would show, and where each row lies."""
        parts = [
            "SELECT a.attrelid::regclass::text, attnum, attname, format_type(atttypid, atttypmod), attnotnull, "
            "pg_get_expr(adbin, adrelid) FROM pg_attribute a LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
            "WHERE attrelid IN ('{0}.deals'::regclass, '{0}.crm_integrations'::regclass) ORDER BY attrelid, attnum",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = '{0}' AND tablename IN ('deals', 'crm_integrations') "
            "ORDER BY indexname",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = '{0}'::regnamespace "
            "ORDER BY conname",
            "SELECT ctid, d::text FROM {0}.deals d ORDER BY ctid",
            "SELECT ctid, c::text FROM {0}.crm_integrations c ORDER BY ctid",
            "SELECT relname, relacl::text, relkind, pg_relation_filenode(oid) FROM pg_class "
            "WHERE relnamespace = '{0}'::regnamespace ORDER BY relname",
            "SELECT last_value, is_called FROM {0}.deals_id_seq",
            "SELECT typname FROM pg_type WHERE typnamespace = '{0}'::regnamespace AND typtype = 'e'",
            "SELECT company_id, amount::text FROM public.open_amounts ORDER BY company_id",
        ]
        return [row for part in parts for row in self.query(part.format(schema))]

    def world(self) -> World:
        """The adopted company, to be synced."""
        ((integration_id,),) = self.query("SELECT id FROM public.crm_integrations WHERE company_id = 'acme'")
        return World(self.emulator, self.portal, self.dsn, integration_id)


@pytest.fixture
def empty_dsn(postgres):
    """The URL of a database without tables."""
    name = sql.Identifier(f"old_{uuid4().hex[:12]}")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield postgres.dsn(name.as_string()[1:-1])
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def old(empty_dsn, monkeypatch, capsys, tmp_path, request):
    deals = getattr(request, "param", 400)
    portals = tmp_path / "portals.csv"
    portals.write_text("# company,portal_id,conn_id\nacme,1001\n")
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", empty_dsn)
    portal = PortalSpec(
        company="acme", portal_id=1001, deals=deals, token="pat-na1-acme", line_items_per_deal=0, activities_per_deal=0
    )
    with running_emulator([portal], limits=False) as emulator:
        with psycopg.connect(empty_dsn) as conn:
            defects = old_service.fill(conn, "acme", emulator.admin.truth(1001), datetime.now(UTC))
        yield Old(empty_dsn, emulator, portal, defects, str(portals), capsys)
