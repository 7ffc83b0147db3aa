"""The delivery figures: what came, what became of it, how long it took, and what waits."""

import psycopg
import pytest

from commission_sync.webhooks.figures import figures
from lane import receive
from webhook_requests import event, now_ms


@pytest.fixture
def conn(database_dsn):
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1001, 'a'), ('globex', 1002, 'g')"
        )
        conn.commit()
        yield conn


def of(conn, company):
    return {name: value for who, name, value in figures(conn) if who == company}


def test_each_company_has_its_own_figures(conn, database_dsn):
    receive(database_dsn, *(event(n) for n in range(1, 101)), event(999, objectTypeId=7), event(5, portalId=1002))
    conn.execute("UPDATE webhook_events SET occurred_at = occurred_at")
    conn.execute(
        "UPDATE webhook_events SET state = 'done', attempts = CASE WHEN object_id <= 3 THEN 2 ELSE 1 END, "
        "finished_at = occurred_at + object_id * interval '1 second' WHERE object_id <= 90 AND portal_id = 1001"
    )
    conn.execute("UPDATE webhook_events SET state = 'ignored' WHERE object_id BETWEEN 91 AND 94")
    conn.execute("UPDATE webhook_events SET received_at = now() - interval '10 minutes' WHERE object_id = 95")
    found = of(conn, "acme")
    assert (found["accepted"], found["processed"], found["retried"], found["dead"], found["ignored"]) == (
        101,
        90,
        3,
        1,
        4,
    )
    assert found["waiting"] == 6
    assert 600 <= found["oldest_waiting_seconds"] < 660
    assert (found["p50_seconds"], round(found["p95_seconds"]), round(found["p99_seconds"])) == (45.5, 86, 89)
    assert of(conn, "globex")["accepted"] == 1
    assert "p50_seconds" not in of(conn, "globex")


def test_what_was_replayed_or_is_old_tells_nothing_of_the_delivery(conn, database_dsn):
    receive(database_dsn, event(1), event(2, occurredAt=now_ms() - 10 * 86_400_000), event(3))
    conn.execute("UPDATE webhook_events SET state = 'done', finished_at = now()")
    conn.execute("UPDATE webhook_events SET replays = 1, finished_at = now() + interval '1 day' WHERE object_id = 3")
    assert of(conn, "acme")["p99_seconds"] < 60


def test_a_paused_lane_is_a_figure_too(conn):
    conn.execute(
        "INSERT INTO webhook_lanes (integration_id, paused_at, paused_reason) "
        "SELECT id, now(), 'x' FROM crm_integrations WHERE company_id = 'acme'"
    )
    assert (of(conn, "acme")["paused"], of(conn, "globex")["paused"]) == (1.0, 0.0)
