"""Health is judged from what runs leave in the database, and mends by itself."""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import time_machine
from prometheus_client.parser import text_string_to_metric_families

from airflow_hubspot.client import Unauthorized, Unavailable
from commission_sync.health.metrics import prometheus_text
from commission_sync.health.report import CachedReport, report
from commission_sync.settings import Settings
from commission_sync.store import connect


def health(world):
    with closing(connect(world.dsn)) as conn:
        (company,) = report(conn, Settings()).companies
    return {name for name, wrong in company.checks.items() if wrong}


def test_a_dead_token_is_seen_and_a_good_one_mends_it(world):
    acme = world(20)
    acme.sync()
    assert health(acme) == set()
    with pytest.raises(Unauthorized):
        acme.sync(token="pat-na1-revoked")
    assert health(acme) == {"token"}
    acme.sync()
    assert health(acme) == set()


def test_a_portal_that_is_down_is_seen_and_mends_when_it_is_back(world):
    acme = world(20)
    acme.sync()
    acme.emulator.admin.set_faults(1001, {"reset": 1.0})
    with pytest.raises(Unavailable):
        acme.sync()
    assert "api" in health(acme)
    acme.emulator.admin.set_faults(1001, {})
    acme.sync()
    assert "api" not in health(acme)


def test_stale_data_are_seen_and_mend_with_the_next_run(world):
    acme = world(20)
    acme.sync()
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '2 hours'")
    assert health(acme) == {"sync_status"}
    acme.sync()
    assert health(acme) == set()


def test_a_web_servers_clock_makes_nothing_stale(world):
    acme = world(20)
    acme.sync()
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=9), tick=True):
        assert health(acme) == set()


def test_a_stream_that_is_switched_off_may_be_as_old_as_it_likes(world):
    acme = world(20)
    acme.sync_all()
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '9 hours' WHERE stream <> 'deals'")
    assert health(acme) == {"sync_status"}
    acme.execute("UPDATE crm_integrations SET feature_flags = '{\"activities\": false}'")
    assert health(acme) == {"sync_status"}
    acme.execute(
        "INSERT INTO feature_flags (flag, value, percentage, updated_by) VALUES ('line_items', 'false', 100, 'me')"
    )
    assert health(acme) == set()
    acme.execute(
        "INSERT INTO feature_flags (flag, integration_id, value, percentage, updated_by) "
        "SELECT 'line_items', id, 'true', 100, 'me' FROM crm_integrations"
    )
    assert health(acme) == {"sync_status"}


def test_products_are_read_once_a_night_and_need_not_be_fresher(world):
    acme = world(20)
    acme.sync()
    acme.reconcile()
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '9 hours' WHERE stream = 'products'")
    assert acme.value("SELECT count(*) FROM sync_cursors WHERE stream = 'products'") == 1
    assert health(acme) == set()


def test_many_failures_are_an_error_rate_although_the_last_try_went_well(world):
    acme = world(20)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            acme.sync(token="pat-na1-revoked")
    acme.sync()
    assert health(acme) == {"error_rate"}
    acme.execute("UPDATE sync_runs SET finished_at = finished_at - interval '3 hours' WHERE state = 'failed'")
    assert health(acme) == set()


def test_an_inactive_company_is_nobodys_trouble(world):
    acme = world(20)
    acme.execute("UPDATE crm_integrations SET is_active = false, created_at = now() - interval '9 days'")
    with closing(connect(acme.dsn)) as conn:
        assert report(conn, Settings()).companies == []


def test_the_answer_is_kept_for_seconds_so_that_many_may_ask(world):
    acme, opened, now, may_answer = world(20), [], [0.0], threading.Event()
    acme.sync()
    may_answer.set()

    def open_connection():
        opened.append(1)
        assert may_answer.wait(20)
        return connect(acme.dsn)

    kept = CachedReport(Settings(), open_connection, lambda: now[0])
    for _ in range(100):
        assert kept.current().healthy
    assert len(opened) == 1
    acme.execute("UPDATE sync_cursors SET cursor_at = cursor_at - interval '2 hours'")
    now[0] = 6.0
    may_answer.clear()
    assert all(kept.current().healthy for _ in range(100)), "somebody waited for the new one"
    may_answer.set()
    while kept.current().healthy:
        time.sleep(0.01)
    assert len(opened) == 2
    acme.sync()
    now[0] = 60.0
    assert kept.current().healthy, "an answer of a minute ago was given"
    assert len(opened) == 3


def test_a_database_that_is_away_is_an_answer_and_no_error():
    kept = CachedReport(Settings(), lambda: connect("postgresql://nobody:secret@127.0.0.1:1/x"))
    assert not kept.current().healthy
    assert "secret" not in str(kept.current().detailed())
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect("postgresql://nobody@127.0.0.1:1/x")


def test_prometheus_reads_every_figure(world):
    acme = world(20)
    acme.sync()
    acme.execute(
        "INSERT INTO data_quality_scores (integration_id, stream, day, score, reason, scored_by) "
        "SELECT id, stream, day::date, score, reason, 'me' FROM crm_integrations, (VALUES "
        "('deals', '2026-01-01', 90, NULL), ('deals', '2026-01-02', 98.7, NULL), ('notes', '2026-01-02', NULL, 'none'))"
        " AS q (stream, day, score, reason)"
    )
    with closing(connect(acme.dsn)) as conn:
        families = {f.name: f for f in text_string_to_metric_families(prometheus_text(conn, Settings()).decode())}
    figures = {
        (name, frozenset(sample.labels.values())): sample.value for name, f in families.items() for sample in f.samples
    }
    assert figures["hubspot_sync_healthy", frozenset({"acme", "token"})] == 1
    assert figures["hubspot_sync_recent_rows_written", frozenset({"acme", "deals", "success"})] == 20
    assert figures["hubspot_sync_quality_score", frozenset({"acme", "deals"})] == 98.7
    assert ("hubspot_sync_quality_score", frozenset({"acme", "notes"})) not in figures
    assert 0 <= figures["hubspot_sync_age_seconds", frozenset({"acme", "deals"})] < 60
