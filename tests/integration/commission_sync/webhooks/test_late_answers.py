"""A worker acts on nothing that it read before somebody else wrote: late answers neither revive nor delete."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from commission_sync.streams.line_items import LINE_ITEMS
from lane import make_due, receive, states, work
from postgres_owner import eventually
from webhook_requests import event


@pytest.fixture
def acme(world):
    made = world(40)
    made.sync_all()
    return made


def lose_lane(acme):
    acme.execute("UPDATE webhook_lanes SET attended_until = now() - interval '1 second'")


def overtaken(acme, operation, first, change, second):
    """A worker waits for its answer, loses its lane, another one works off a later event, then the answer arrives."""
    receive(acme.dsn, first)
    acme.emulator.admin.hold(1001, operation, after=60)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(work, acme)
        assert eventually(lambda: acme.emulator.admin.held(1001)["after"] == 1)
        change()
        lose_lane(acme)
        # Only the first call is held, so that the other worker is answered at once.
        receive(acme.dsn, second)
        assert work(acme).done == 1
        acme.emulator.admin.release(1001)
        assert slow.result(30).done == 0
    make_due(acme)
    work(acme)
    assert states(acme) == {"done": 2}


def test_a_worker_that_lost_its_lane_does_not_revive_a_deleted_line_item(acme):
    item = acme.emulator.admin.truth_ids(1001, "line_items")[2]
    overtaken(
        acme,
        "*.links.read",
        event(int(item), subscriptionType="object.propertyChange", objectTypeId="0-8", propertyName="price"),
        lambda: acme.archive(item, object_type="line_items"),
        event(int(item), subscriptionType="object.deletion", objectTypeId="0-8"),
    )
    assert acme.value("SELECT archived_at IS NOT NULL FROM deal_line_items WHERE crm_id = %s", item)
    assert not acme.difference(LINE_ITEMS)


def test_a_worker_that_lost_its_lane_does_not_delete_a_restored_deal(acme):
    deal = acme.emulator.admin.truth_ids(1001)[2]
    acme.archive(deal)
    overtaken(
        acme,
        "deals.batch.read",
        event(int(deal), subscriptionType="deal.deletion"),
        lambda: acme.emulator.admin.restore(1001, deal),
        event(int(deal), subscriptionType="deal.restore"),
    )
    assert acme.value("SELECT archived_at IS NULL FROM deals WHERE crm_id = %s", deal)
    assert not acme.difference()
