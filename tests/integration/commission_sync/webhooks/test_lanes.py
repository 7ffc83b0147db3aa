"""A lane is worked by one, can be paused while events are still accepted, and survives whoever dies at it."""

import threading
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import pytest

from commission_sync.store import connect
from commission_sync.webhooks import lanes
from commission_sync.webhooks.claims import Claim, Settlement
from lane import make_due, receive, states, work
from webhook_requests import event


@pytest.fixture
def acme(world):
    made = world(30)
    made.sync()
    return made


@pytest.fixture
def conn(acme):
    with closing(connect(acme.dsn)) as conn:
        yield conn


def due(conn):
    with conn.transaction():
        return [lane.company for lane in lanes.due_lanes(conn)]


def test_a_paused_lane_accepts_and_waits_and_then_goes_on(acme, conn):
    with conn.transaction():
        lanes.pause(conn, "acme", reason="their data is being moved", actor="ana")
    changed = acme.emulator.admin.edit(1001, count=3)
    receive(acme.dsn, *(event(int(i)) for i in changed))
    assert due(conn) == []
    assert work(acme).claimed == 0
    assert states(acme) == {"received": 3}
    with conn.transaction():
        assert lanes.resume(conn, "acme", actor="ana")
    assert due(conn) == ["acme"]
    assert work(acme).done == 3
    assert not acme.difference()


def test_an_unknown_company_has_no_lane(conn):
    with pytest.raises(lanes.UnknownLane, match="'hooli'"), conn.transaction():
        lanes.pause(conn, "hooli", reason="x", actor="ana")


def test_nobody_is_called_to_a_lane_where_somebody_is_until_he_is_taken_for_dead(acme, conn):
    receive(acme.dsn, event(1))
    assert due(conn) == ["acme"]
    mine, other = uuid4(), uuid4()
    assert lanes.attend(conn, acme.integration_id, mine)
    assert lanes.attend(conn, acme.integration_id, mine), "he may say so again"
    assert not lanes.attend(conn, acme.integration_id, other)
    assert due(conn) == []
    assert work(acme).claimed == 0
    acme.execute("UPDATE webhook_lanes SET attended_until = now() - interval '1 second'")
    assert due(conn) == ["acme"]
    assert lanes.attend(conn, acme.integration_id, other)
    lanes.leave(conn, acme.integration_id, mine)
    assert due(conn) == [], "who was replaced cannot send away who replaced him"


def test_a_dead_workers_events_come_back_when_its_lease_has_run_out(acme, conn):
    changed = acme.emulator.admin.edit(1001, count=4)
    receive(acme.dsn, *(event(int(i)) for i in changed))
    dead = Claim(conn, acme.integration_id)
    held = dead.take(100)
    dead.begin(held)
    assert work(acme).claimed == 0
    make_due(acme)
    assert work(acme).done == 4
    assert dead.settle(held, Settlement("dead", "too late")) == 0, "what was lost is no longer his to settle"
    assert states(acme) == {"done": 4}
    assert not acme.difference()


def test_workers_side_by_side_never_hold_the_same_event(acme, conn):
    receive(acme.dsn, *(event(n) for n in range(1, 401)))
    taken: list[list[int]] = []

    def take():
        with closing(connect(acme.dsn)) as own:
            claim = Claim(own, acme.integration_id)
            while events := claim.take(7):
                taken.append([e.id for e in events])

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [i for some in taken for i in some]
    assert len(every) == len(set(every)) == 400


def test_an_event_that_every_worker_dies_of_becomes_a_dead_letter(acme, conn):
    receive(acme.dsn, event(1))
    for _ in range(9):
        claim = Claim(conn, acme.integration_id)
        claim.begin(claim.take(10))
        make_due(acme)
    assert work(acme).dead == 1
    assert (
        acme.value("SELECT last_error FROM webhook_dead_letters")
        == "every worker that began with it ended without a word"
    )


def test_a_worker_stays_for_what_follows_and_leaves_when_it_is_quiet(acme):
    ids = acme.emulator.admin.truth_ids(1001)
    receive(acme.dsn, event(int(ids[0])))
    later = threading.Timer(1.0, receive, [acme.dsn, event(int(ids[1]))])
    later.start()
    tally = work(acme, quiet_seconds=4.0)
    later.join()
    assert tally.done == 2
    delay = acme.value("SELECT max(finished_at - received_at) FROM webhook_events")
    assert delay < timedelta(seconds=2)
