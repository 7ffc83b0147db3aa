"""Old weeks are dropped as a whole, and nothing that somebody still has to look at goes with them."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from commission_sync.webhooks.retention import keep_weeks
from lane import receive
from webhook_requests import event

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEEP = timedelta(days=30)
WEEKS = [f"webhook_events_{monday}" for monday in ("20261116", "20261123", "20261130", "20261207")]


@pytest.fixture
def conn(database_dsn):
    with psycopg.connect(database_dsn) as conn:
        conn.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1001, 'a')")
        conn.commit()
        yield conn


def kept(conn, number, when):
    receive(conn.info.dsn + f" password={conn.info.password}", event(number, occurredAt=round(when.timestamp() * 1000)))


def weeks(conn):
    found = conn.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'webhook_events'::regclass ORDER BY 1"
    )
    return [name for (name,) in found if name != "webhook_events_other"]


def homes(conn):
    return dict(conn.execute("SELECT object_id::int, tableoid::regclass::text FROM webhook_events").fetchall())


def test_the_weeks_around_now_are_made_once(conn):
    assert keep_weeks(conn, keep=KEEP, now=NOW) == [f"made {week}" for week in WEEKS]
    assert keep_weeks(conn, keep=KEEP, now=NOW) == []
    assert weeks(conn) == WEEKS


def test_events_that_came_before_their_week_was_made_move_into_it_and_stay_unique(conn):
    kept(conn, 1, NOW)
    assert homes(conn) == {1: "webhook_events_other"}
    keep_weeks(conn, keep=KEEP, now=NOW)
    assert homes(conn) == {1: "webhook_events_20261123"}
    again = conn.execute("SELECT payload FROM webhook_events").fetchone()[0]
    conn.commit()
    assert receive(conn.info.dsn + f" password={conn.info.password}", again) == 0


def test_an_old_week_is_dropped_but_for_what_nobody_has_dealt_with(conn):
    keep_weeks(conn, keep=KEEP, now=NOW)
    for number in range(1, 6):
        kept(conn, number, NOW)
    conn.execute("UPDATE webhook_events SET state = 'done' WHERE object_id <= 2")
    conn.execute("UPDATE webhook_events SET state = 'dead' WHERE object_id >= 4")
    conn.execute("UPDATE webhook_events SET dismissed_at = now(), dismissed_reason = 'x' WHERE object_id = 5")
    conn.commit()
    later = NOW + timedelta(days=40)
    assert "dropped webhook_events_20261123" in keep_weeks(conn, keep=KEEP, now=later)
    assert homes(conn) == {3: "webhook_events_other", 4: "webhook_events_other"}
    states = dict(conn.execute("SELECT object_id::int, state FROM webhook_events").fetchall())
    assert states == {3: "received", 4: "dead"}, "an event that waits and an open dead letter outlive their week"


def test_a_week_is_kept_for_as_long_as_the_setting_says(conn):
    keep_weeks(conn, keep=KEEP, now=NOW)
    end = datetime(2026, 11, 30, tzinfo=UTC)
    keep_weeks(conn, keep=KEEP, now=end + KEEP - timedelta(minutes=1))
    assert "webhook_events_20261123" in weeks(conn)
    keep_weeks(conn, keep=KEEP, now=end + KEEP)
    assert "webhook_events_20261123" not in weeks(conn)


@pytest.mark.parametrize("when", [datetime(1980, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)])
def test_an_event_of_an_impossible_time_has_a_place_too(conn, when):
    keep_weeks(conn, keep=KEEP, now=NOW)
    kept(conn, 1, when)
    assert homes(conn) == {1: "webhook_events_other"}


def test_a_receiver_that_is_at_work_is_never_held_up(conn, database_dsn):
    keep_weeks(conn, keep=KEEP, now=NOW)
    later = NOW + timedelta(days=40)
    with psycopg.connect(database_dsn) as reader:
        reader.execute("SELECT count(*) FROM webhook_events")
        assert "dropped webhook_events_20261123" not in keep_weeks(conn, keep=KEEP, now=later)
    assert "dropped webhook_events_20261123" in keep_weeks(conn, keep=KEEP, now=later)


def test_the_same_key_cannot_be_kept_at_two_times(conn):
    conn.execute(
        "INSERT INTO webhook_events (event_key, occurred_at, payload) VALUES ('1:1:1:1:86400000', '1970-01-02Z', '{}')"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        conn.execute(
            "INSERT INTO webhook_events (event_key, occurred_at, payload) VALUES ('1:1:1:1:86400000', '1970-01-03Z', '{}')"
        )
