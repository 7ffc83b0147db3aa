"""The roles on a real PostgreSQL: each can do its work, and nothing else."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

from commission_sync.commands.roles import main
from commission_sync.health.metrics import prometheus_text
from commission_sync.health.report import report
from commission_sync.roles.declared import READABLE, READONLY, SYNC, WEB
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.credentials import Tokens, store_authorized, use_state
from commission_sync.store.keyring import Keyring
from commission_sync.store.onboarding import Onboarding, onboard
from commission_sync.streams.request import Mode
from commission_sync.webhooks.letters import Selection, replay
from commission_sync.webhooks.retention import keep_weeks
from lane import receive, work
from webhook_requests import event


@pytest.fixture
def apply(database_dsn, monkeypatch, capsys):
    """The command on the fresh database; it returns the exit code and what was said."""
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", database_dsn)

    def run(*arguments):
        code = main(arguments or ("apply",))
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def login(database_dsn, apply):
    """A maker of logins in a role; it returns the login's URL of the database."""
    code, said = apply()
    assert code == 0, said
    made = []

    def make(role, name=None):
        name = name or f"{role}_{uuid4().hex[:8]}"
        with psycopg.connect(database_dsn, autocommit=True) as admin:
            statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' {}")
            group = sql.SQL("IN ROLE {}").format(sql.Identifier(role)) if role else sql.SQL("")
            admin.execute(statement.format(sql.Identifier(name), group))
        made.append(name)
        where = database_dsn.rpartition("@")[2]
        return f"postgresql://{name}:x@{where}"

    yield make
    with psycopg.connect(database_dsn, autocommit=True) as admin:
        for name in made:
            admin.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def refused(dsn, *statements):
    """Which of the statements are refused for want of a right."""
    found = []
    for statement in statements:
        with psycopg.connect(dsn) as conn:
            try:
                conn.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                found.append(statement)
    return found


def test_a_worker_can_do_all_that_syncs_do(world, login):
    made = world(deals=30)
    worker = replace(made, dsn=login(SYNC))
    assert worker.sync(gated=True).inserted == 30
    worker.sync_all()
    made.archive(made.emulator.admin.truth_ids(1001)[0])
    assert worker.reconcile(Mode.FULL).archived >= 1
    assert not made.differences()
    with psycopg.connect(worker.dsn) as conn:
        weeks = keep_weeks(conn, keep=timedelta(days=30), now=datetime.now(UTC))
    assert len(weeks) == 4
    assert receive(made.dsn, event(made.emulator.admin.truth_ids(1001)[0])) == 1
    assert work(worker).done == 1


def test_a_worker_changes_no_table_rewrites_no_log_and_pays_nobody(login):
    statements = (
        "DROP TABLE deals",
        "ALTER TABLE deals ADD COLUMN x text",
        "CREATE TABLE public.mine (x text)",
        "CREATE FUNCTION public.mine() RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE deals",
        "UPDATE fx_rates SET rate = 1",
        "UPDATE deal_commissions SET amount = 1",
        "INSERT INTO deal_commissions (deal_id) VALUES (gen_random_uuid())",
        "INSERT INTO data_readers (role_name, company_id, granted_by) VALUES ('x', 'acme', 'x')",
        "UPDATE commission_fingerprints SET inputs = '{}'",
        "UPDATE commission_fingerprints SET fingerprint = ''",
        "DELETE FROM commission_fingerprints",
        "INSERT INTO commission_fingerprints (deal_id) VALUES (gen_random_uuid())",
        "ALTER TABLE deals DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_log DISABLE TRIGGER append_only",
        "UPDATE commission_sync_version SET version_num = '0001'",
    )
    assert refused(login(SYNC), *statements) == list(statements)


def test_the_pages_can_do_all_that_they_do(world, login):
    made, dsn = world(deals=5), login(WEB)
    made.sync()
    assert receive(dsn, event(7)) == 1
    keyring = Keyring([Fernet.generate_key().decode()])
    with closing(connect(dsn)) as conn:
        assert report(conn, Settings()).unavailable is None
        assert b"acme" in prometheus_text(conn, Settings())
        with conn.transaction():
            assert use_state(conn, "once", keep_seconds=60)
            new = onboard(conn, Onboarding("globex", 2002, "hubspot_app", {}, "EUR", "UTC", "user:ana"))
            for _ in range(2):
                store_authorized(
                    conn, keyring, new.id, Tokens("a", "r", 1800), scopes=["oauth"], by="ana", client_id="app"
                )
        with conn.transaction():
            conn.execute("SELECT * FROM webhook_delivery, webhook_dead_letters")
            assert replay(conn, Selection(states=["dead"]), actor="ana") == 0


def test_the_pages_read_no_token_and_remove_nothing(login):
    statements = (
        "SELECT refresh_token FROM crm_credentials",
        "SELECT access_token FROM crm_credentials",
        "SELECT * FROM crm_credentials",
        "UPDATE crm_credentials SET last_error = refresh_token",
        "DELETE FROM crm_credentials",
        "DELETE FROM deals",
        "UPDATE deals SET amount = 0",
        "DELETE FROM webhook_events",
        "DELETE FROM commission_fingerprints",
        "UPDATE commission_fingerprints SET inputs = '{}'",
        "UPDATE audit_log SET actor = 'nobody'",
        "UPDATE deal_commissions SET amount = 1",
        "INSERT INTO data_readers (role_name, company_id, granted_by) VALUES ('x', 'acme', 'x')",
        "SELECT drop_webhook_week('2026-11-23')",
    )
    assert refused(login(WEB), *statements) == list(statements)


@pytest.fixture
def two_companies(database_dsn):
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            """
            INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1, 'a'), ('globex', 2, 'g');
            INSERT INTO deals (integration_id, company_id, crm_id, crm_updated_at)
            SELECT id, company_id, n::text, now() FROM crm_integrations, generate_series(1, 5) n;
            INSERT INTO deal_commissions (deal_id, amount) SELECT id, 100 FROM deals;
            INSERT INTO audit_log (integration_id, entity, entity_id, action, actor)
            SELECT integration_id, 'deal', crm_id, 'insert', 'test' FROM deals;
            INSERT INTO sync_rejects (integration_id, stream, crm_id, payload, reason)
            SELECT integration_id, 'deals', crm_id, '{}', 'test' FROM deals;
            UPDATE deals SET fx_waiting = 'no rate'
            """
        )


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


def test_a_reader_sees_the_companies_it_was_given_and_no_others(two_companies, login, apply):
    dsn = login("", "bi_acme")
    assert refused(dsn, "SELECT 1 FROM deals"), "a login is no reader by itself"
    assert apply("reader", "bi_acme", "--company", "acme")[0] == 0
    assert rows(dsn, "SELECT DISTINCT company_id FROM deals") == [("acme",)]
    assert rows(dsn, "SELECT company_id FROM crm_integrations") == [("acme",)]
    for table in ("deal_commissions", "audit_log", "sync_rejects", "deals_waiting_for_rate"):
        assert rows(dsn, f"SELECT count(*) FROM {table}") == [(5,)], table
    with psycopg.connect(dsn) as conn:
        conn.execute("SET commission.company = 'globex'")
        assert conn.execute("SELECT count(*) FROM deals").fetchone() == (0,), "a setting narrows, and never widens"

    apply("reader", "bi_acme", "--company", "acme", "--company", "globex")
    assert rows(dsn, "SELECT count(*) FROM deals") == [(10,)]
    with psycopg.connect(dsn) as conn:
        conn.execute("SET commission.company = 'globex'")
        assert conn.execute("SELECT DISTINCT company_id FROM deals").fetchall() == [("globex",)]
    assert "bi_acme" in apply("show")[1]
    apply("reader", "bi_acme")
    assert rows(dsn, "SELECT count(*) FROM deals") == [(0,)]


def test_a_reader_without_companies_sees_no_row_of_any_table(two_companies, login):
    dsn = login(READONLY)
    for table in READABLE:
        assert rows(dsn, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_a_reader_reads_no_secret_and_writes_nothing(two_companies, login):
    statements = (
        "SELECT 1 FROM crm_credentials",
        "SELECT 1 FROM oauth_states",
        "SELECT payload FROM webhook_events",
        "SELECT payload FROM webhook_dead_letters",
        "SELECT 1 FROM data_readers",
        "SELECT conn_id FROM crm_integrations",
        "SELECT verified_token_fingerprint FROM crm_integrations",
        "UPDATE deals SET amount = 0",
        "DELETE FROM deals",
        "INSERT INTO audit_log (entity, entity_id, action, actor) VALUES ('x', 'x', 'x', 'x')",
        "CREATE TABLE public.mine (x text)",
        "SELECT make_webhook_week('2031-01-06')",
    )
    assert refused(login(READONLY), *statements) == list(statements)


def test_the_owner_and_workers_see_every_company_as_before(two_companies, login, database_dsn):
    for dsn in (database_dsn, login(SYNC), login(WEB)):
        assert rows(dsn, "SELECT count(*) FROM deals") == [(10,)]
    (plan,) = rows(login(SYNC), "EXPLAIN (FORMAT JSON) SELECT * FROM deals WHERE crm_id = '1'")
    assert "readable_integrations" not in str(plan), "the policies cost workers nothing"


def test_again_it_changes_nothing_and_a_later_table_is_nobodys_but_the_workers(login, apply, database_dsn):
    state = "SELECT relname, relacl::text, relrowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    before = rows(database_dsn, state)
    assert "none, all were there" in apply()[1]
    assert rows(database_dsn, state) == before
    with psycopg.connect(database_dsn) as conn:
        conn.execute("SET ROLE commission_migrate; CREATE TABLE later (integration_id uuid)")
    assert refused(login(READONLY), "SELECT * FROM later") == ["SELECT * FROM later"]
    assert refused(login(SYNC), "INSERT INTO later VALUES (NULL)", "SELECT * FROM later") == []
    assert refused(login(WEB), "INSERT INTO later VALUES (NULL)", "SELECT * FROM later") == [
        "INSERT INTO later VALUES (NULL)"
    ]


def test_who_may_not_make_roles_is_told_what_to_ask_for(database_dsn, monkeypatch, capsys, login):
    dsn = login("", f"nobody_{uuid4().hex[:6]}")
    with psycopg.connect(database_dsn, autocommit=True) as admin:
        admin.execute("ALTER ROLE commission_readonly RENAME TO away")
    try:
        monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", dsn)
        assert main(["apply"]) == 1
        assert "have this run by one who may, then come again: CREATE ROLE commission_readonly NOLOGIN" in (
            capsys.readouterr().err
        )
    finally:
        with psycopg.connect(database_dsn, autocommit=True) as admin:
            admin.execute("ALTER ROLE away RENAME TO commission_readonly")
