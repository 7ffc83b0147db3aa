"""Dead letters come back one by one, by a filter, by a time window, from SQL; or they are laid to rest with a reason."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from commission_sync.webhooks.letters import InvalidReplay, Selection, dismiss, replay
from lane import receive
from webhook_requests import event

COMPANIES = """
INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1001, 'a'), ('globex', 1002, 'g')
"""


@pytest.fixture
def conn(database_dsn):
    with psycopg.connect(database_dsn) as conn:
        conn.execute(COMPANIES)
        conn.commit()
        receive(
            database_dsn,
            event(1),
            event(2, "deal.deletion"),
            event(3, portalId=1002),
            event(4, portalId=9999),
        )
        conn.execute("UPDATE webhook_events SET state = 'dead', attempts = 4, last_error = 'x' WHERE object_id < 4")
        yield conn


def received(conn):
    return [
        row[0] for row in conn.execute("SELECT object_id::int FROM webhook_events WHERE state = 'received' ORDER BY 1")
    ]


def ids(conn):
    return dict(conn.execute("SELECT object_id::int, id FROM webhook_events").fetchall())


def test_one_letter_is_replayed(conn):
    assert replay(conn, Selection(ids=[ids(conn)[2]]), actor="ana") == 1
    assert received(conn) == [2]
    row = conn.execute(
        "SELECT attempts, last_error, replays, replayed_by FROM webhook_events WHERE object_id = 2"
    ).fetchone()
    assert row == (0, None, 1, "ana")


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(company="acme"), [1, 2]),
        (Selection(subscription_types=["deal.deletion"]), [2]),
        (Selection(company="acme", subscription_types=["deal.propertyChange"]), [1]),
        (Selection(), [1, 2, 3]),
        (Selection(states=["ignored"]), []),
        (Selection(received_to=datetime(2020, 1, 1, tzinfo=UTC)), []),
    ],
)
def test_a_filter_is_replayed(conn, selection, found):
    assert replay(conn, selection, actor="ana") == len(found)
    assert received(conn) == found


def test_a_time_window_is_replayed(conn):
    conn.execute("UPDATE webhook_events SET received_at = now() - interval '3 hours' WHERE object_id = 1")
    now = datetime.now(UTC)
    window = Selection(received_from=now - timedelta(hours=4), received_to=now - timedelta(hours=2))
    assert replay(conn, window, actor="ana") == 1
    assert received(conn) == [1]


def test_events_of_a_portal_that_was_unknown_find_their_company_when_they_are_replayed(conn):
    conn.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('hooli', 9999, 'h')")
    assert replay(conn, Selection(states=["ignored"]), actor="ana") == 1
    (company,) = conn.execute(
        "SELECT company_id FROM webhook_events e JOIN crm_integrations i ON i.id = e.integration_id WHERE object_id = 4"
    ).fetchone()
    assert company == "hooli"


def test_sql_alone_replays(conn):
    assert conn.execute("SELECT replay_webhooks(company => 'globex')").fetchone() == (1,)
    assert received(conn) == [3]


def test_what_is_being_processed_is_never_taken_away_from_its_worker(conn):
    conn.execute("UPDATE webhook_events SET state = 'processing'")
    with pytest.raises(InvalidReplay, match="'processing' cannot be replayed"):
        Selection(states=["processing"])
    assert conn.execute("SELECT replay_webhooks(states => ARRAY['processing', 'received'])").fetchone() == (0,)


def test_a_dismissed_letter_is_gone_from_the_list_and_comes_back_only_by_name(conn):
    number = ids(conn)[1]
    with pytest.raises(InvalidReplay, match="with a reason"):
        dismiss(conn, [number], reason=" ", actor="ana")
    assert dismiss(conn, [number], reason="test record", actor="ana") == 1
    assert conn.execute("SELECT object_id::int FROM webhook_dead_letters ORDER BY 1").fetchall() == [(2,), (3,)]
    assert replay(conn, Selection(company="acme"), actor="ana") == 1
    assert replay(conn, Selection(ids=[number]), actor="ana") == 1
    assert conn.execute(
        "SELECT dismissed_at, dismissed_reason FROM webhook_events WHERE id = %s", (number,)
    ).fetchone() == (None, None)


def test_only_dead_letters_are_dismissed(conn):
    assert dismiss(conn, [ids(conn)[4]], reason="x", actor="ana") == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"received_from": datetime(2026, 1, 1)},  # noqa: DTZ001 - that it has no zone is the point
        {"received_from": datetime(2026, 1, 2, tzinfo=UTC), "received_to": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_replay_that_makes_no_sense_is_refused(asked):
    with pytest.raises(InvalidReplay):
        Selection(**asked)
