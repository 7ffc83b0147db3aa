"""`python -m commission_sync.flags`: shown, set, and in the audit log."""

import psycopg
import pytest

from commission_sync.commands.flags import main
from commission_sync.flags.read import with_flags
from commission_sync.store.integrations import active_integrations


@pytest.fixture
def flags(database_dsn, monkeypatch, capsys):
    """The command on a database with two companies; it returns the exit code and what was said."""
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", database_dsn)
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1, 'a'), ('globex', 2, 'g')"
        )

    def run(*arguments):
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def of(dsn, company):
    with psycopg.connect(dsn) as conn:
        return with_flags(conn, active_integrations(conn, [company])[0]).feature_flags


def audited(dsn):
    with psycopg.connect(dsn) as conn:
        return conn.execute(
            "SELECT entity_id, integration_id IS NULL, changes FROM audit_log WHERE entity = 'feature_flag' ORDER BY id"
        ).fetchall()


def test_a_rollout_reaches_those_it_names_and_leaves_a_trace(flags, database_dsn):
    assert flags("set", "writeback", "--value", "approval", "--allow", "acme", "--note", "pilot")[0] == 0
    assert of(database_dsn, "acme")["writeback"] == "approval"
    assert of(database_dsn, "globex")["writeback"] == "dry_run"
    assert flags("set", "writeback", "--percentage", "100")[0] == 0
    assert of(database_dsn, "globex")["writeback"] == "approval"
    (first, second) = audited(database_dsn)
    assert (first[0], first[1], first[2]["allow"]) == ("writeback", True, [None, ["acme"]])
    assert second[2] == {"percentage": [0, 100]}


def test_a_company_has_its_own_setting_until_it_is_cleared(flags, database_dsn):
    flags("set", "line_items", "--company", "acme", "--value", "false")
    assert of(database_dsn, "acme")["line_items"] is False
    assert of(database_dsn, "globex")["line_items"] is True
    assert "set for the company" in flags("show", "acme")[1]
    flags("set", "line_items", "--company", "acme", "--clear")
    assert of(database_dsn, "acme")["line_items"] is True
    assert [changes for _, _, changes in audited(database_dsn)] == [
        {"company": [None, False]},
        {"company": [False, None]},
    ]


def test_a_rule_for_one_company_goes_before_the_one_for_all(flags, database_dsn):
    flags("set", "fx", "--value", "false", "--percentage", "100")
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            "INSERT INTO feature_flags (integration_id, flag, value, percentage, updated_by) "
            "SELECT id, 'fx', 'true', 100, 'test' FROM crm_integrations WHERE company_id = 'acme'"
        )
    assert of(database_dsn, "acme")["fx"] is True
    assert of(database_dsn, "globex")["fx"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lineitems", "--value", "true"], "there is no flag 'lineitems'; there are: line_items"),
        (["writeback", "--value", "maybe"], "'maybe' is no value of writeback; allowed: off, dry_run, approval, on"),
        (["fx"], "nothing to change"),
        (["fx", "--percentage", "101"], "--percentage 101 is not from 0 to 100"),
        (["fx", "--allow", "hooli"], "there is no active company 'hooli'; active are: acme, globex"),
        (["fx", "--company", "hooli", "--value", "true"], "no active integration for 'hooli'"),
        (["fx", "--company", "acme"], "either --value or --clear"),
        (
            ["fx", "--company", "acme", "--percentage", "5", "--value", "true"],
            "the other options are for all companies",
        ),
        (["fx", "--clear"], "--clear goes with --company"),
    ],
)
def test_what_makes_no_sense_changes_nothing_and_says_what_is_allowed(flags, database_dsn, arguments, message):
    code, said = flags("set", *arguments)
    assert code == 1
    assert message in said
    assert audited(database_dsn) == []


def test_all_flags_are_shown_with_what_they_are_for(flags):
    flags("set", "history", "--value", "false", "--deny", "acme")
    _, said = flags("show")
    for name in ("line_items", "activities", "history", "fx", "webhooks", "writeback"):
        assert name in said
    assert "rollout: false for 0 %, deny acme; others true" in said
    assert "denied" in said


def test_a_database_without_the_tables_says_so(monkeypatch, capsys, postgres):
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", postgres.dsn("postgres"))
    assert main(["show"]) == 1
    assert "run `make migrate` first" in capsys.readouterr().err
