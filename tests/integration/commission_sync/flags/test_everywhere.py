"""Flags decide everywhere: a rollout rule does what a company's own setting does, for every reader."""

import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

import lane
from commission_sync.flags.read import with_flags
from commission_sync.health.judged_streams import switched_off
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.store import connect, overview
from commission_sync.store.integrations import integration
from commission_sync.webhooks.subscriptions import needed
from commission_sync.webhooks.worker import LaneWorker
from webhook_requests import event

INCLUDE = Path(__file__).parents[4] / "include" / "commission_sync"
# Who may touch the raw column: the decider, who changes it, and who carries it to the decider.
RAW = {
    "flags/read.py",
    "flags/snapshot.py",
    "store/flags.py",
    "store/integrations.py",
    "store/onboarding.py",
    "store/models/flags.py",
    "store/models/integrations.py",
}


@pytest.fixture
def acme(world):
    return world(30)


def deny(acme, flag):
    with psycopg.connect(acme.dsn) as conn:
        conn.execute(
            "INSERT INTO feature_flags (flag, value, default_value, deny, updated_by) "
            "VALUES (%s, 'true', 'true', %s, 'ana')",
            (flag, [acme.portal.company]),
        )


def test_nothing_but_the_decider_reads_the_raw_column():
    readers = {
        str(path.relative_to(INCLUDE))
        for path in INCLUDE.rglob("*")
        if path.suffix in {".py", ".sql", ".j2", ".html"}
        and re.search(r"i\.feature_flags\b|feature_flags\s*->|\bfeature_flags FROM|, feature_flags,", path.read_text())
        and "migrations" not in path.parts
        and "adoption" not in path.parts
    }
    assert readers <= RAW


@pytest.mark.parametrize("flag", ["line_items", "activities", "fx"])
def test_a_rule_keeps_a_company_out_of_the_dags_of_a_feature(acme, monkeypatch, flag):
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", acme.dsn)
    given = {"params": {}, "dag_run": SimpleNamespace(dag_id="hubspot_line_items")}
    operator = ListCompaniesOperator(task_id="companies", feature=flag)
    assert len(operator.execute(given)) == 1
    deny(acme, flag)
    assert operator.execute(given) == []


def test_a_rule_keeps_events_from_being_worked_off(acme):
    deny(acme, "webhooks")
    lane.receive(acme.dsn, event(1, acme.emulator.admin.truth_ids(1001)[0]))
    assert acme.query("SELECT state, last_error FROM webhook_events") == [
        ("ignored", "webhooks are switched off for the company")
    ]


def test_events_from_before_a_rule_are_put_by_and_say_why(acme):
    lane.receive(acme.dsn, event(1, acme.emulator.admin.truth_ids(1001)[0]))
    deny(acme, "webhooks")
    with closing(connect(acme.dsn)) as conn, acme.client() as client:
        with conn.transaction():
            company = with_flags(conn, integration(conn, acme.integration_id))
        LaneWorker(company, client, conn, most_retries=3).run(dag_id="hubspot_webhooks", run_id="r", try_number=1)
    assert acme.query("SELECT state, last_error FROM webhook_events") == [
        ("ignored", "webhooks are switched off for the company")
    ]


def test_a_rule_keeps_a_company_from_needing_subscriptions(acme):
    with psycopg.connect(acme.dsn) as conn:
        assert needed(conn)
    deny(acme, "webhooks")
    with psycopg.connect(acme.dsn) as conn:
        assert needed(conn) == []


def test_a_stream_that_a_rule_keeps_away_makes_nobody_late(acme):
    acme.sync()
    acme.execute(
        "INSERT INTO sync_cursors (integration_id, stream, cursor_at) "
        "SELECT id, 'calls', now() - interval '9 days' FROM crm_integrations"
    )

    def standing():
        with psycopg.connect(acme.dsn) as conn:
            counted = overview.Counted(("deals", "calls"), timedelta(hours=1), frozenset(switched_off(conn)))
            return overview.companies(conn, counted)[0].standing

    assert standing() == "late"
    deny(acme, "activities")
    assert standing() == "well"
