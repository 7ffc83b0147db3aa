"""Events become rows: each object is read afresh once, whatever was said of it, how often, and in what order."""

import random

import httpx
import pytest

from airflow_hubspot.client import Unauthorized
from lane import make_due, receive, states, work
from webhook_requests import event


@pytest.fixture
def acme(world):
    """A company whose deals are synced already."""
    made = world(60)
    made.sync()
    return made


def ids(acme):
    return acme.emulator.admin.truth_ids(1001)


def calls(acme):
    return acme.emulator.admin.stats(1001)["calls"]


def test_a_changed_deal_is_read_afresh_and_the_events_value_is_not_believed(acme):
    deal = ids(acme)[3]
    acme.emulator.admin.override_deal(1001, deal, {"amount": "4711.50"})
    receive(acme.dsn, event(int(deal), propertyName="amount", propertyValue="1"))
    tally = work(acme)
    assert (tally.done, tally.objects) == (1, 1)
    assert str(acme.value("SELECT amount FROM deals WHERE crm_id = %s", deal)) == "4711.50"
    assert acme.value("SELECT actor FROM audit_log WHERE action = 'update'") == "webhook:deals"
    assert not acme.difference()


def test_order_and_duplicates_do_not_matter(acme):
    changed = acme.emulator.admin.edit(1001, count=20)
    events = [event(int(i), occurredAt=1_790_000_000_000 + n) for n, i in enumerate(changed * 3)]
    random.Random(4).shuffle(events)
    receive(acme.dsn, *events)
    receive(acme.dsn, *events[:30])
    assert work(acme).done == 60
    assert not acme.difference()


def test_a_burst_becomes_few_batched_reads(acme):
    changed = acme.emulator.admin.edit(1001, count=50)
    receive(acme.dsn, *(event(int(random.Random(n).choice(changed))) for n in range(10_000)))
    receive(acme.dsn, *(event(int(i)) for i in changed))
    acme.emulator.admin.reset_stats()
    tally = work(acme)
    assert tally.done == 10_050
    assert calls(acme) <= 8, "one read for each claim, not for each event"
    assert not acme.difference()


def test_deletion_and_restore(acme):
    deal = ids(acme)[5]
    archive(acme, deal)
    receive(acme.dsn, event(int(deal), "deal.deletion"))
    work(acme)
    assert acme.value("SELECT archived_at FROM deals WHERE crm_id = %s", deal) is not None
    acme.emulator.admin.restore_deal(1001, deal)
    receive(acme.dsn, event(int(deal), "deal.restore"))
    work(acme)
    assert acme.value("SELECT archived_at FROM deals WHERE crm_id = %s", deal) is None
    assert not acme.difference()


def test_a_deletion_that_is_told_of_after_the_restore_changes_nothing(acme):
    deal = ids(acme)[5]
    receive(acme.dsn, event(int(deal), "deal.deletion"))
    assert work(acme).done == 1
    assert acme.value("SELECT archived_at FROM deals WHERE crm_id = %s", deal) is None


@pytest.mark.parametrize("third", [False, True])
def test_a_merge_leaves_the_survivor_and_points_the_losers_at_it(acme, third):
    acme.emulator.admin.set_knobs(1001, merge_makes_third=third)
    kept, gone = ids(acme)[1:3]
    survivor = merge(acme, kept, gone)
    receive(
        acme.dsn,
        event(
            int(survivor),
            "deal.merge",
            primaryObjectId=int(kept),
            mergedObjectIds=[int(gone)],
            newObjectId=int(survivor),
        ),
    )
    work(acme)
    pointed = dict(acme.query("SELECT crm_id, merged_into_crm_id FROM deals WHERE merged_into_crm_id IS NOT NULL"))
    assert pointed == ({kept: survivor, gone: survivor} if third else {gone: survivor})
    assert not acme.difference()


def test_an_event_about_a_merged_deal_finds_the_survivor_by_itself(acme):
    kept, gone = ids(acme)[1:3]
    merge(acme, kept, gone)
    receive(acme.dsn, event(int(gone)))
    assert work(acme).done == 1
    assert acme.value("SELECT merged_into_crm_id FROM deals WHERE crm_id = %s", gone) == kept
    assert not acme.difference()


def test_a_deal_that_there_never_was_is_nothing_to_do(acme):
    receive(acme.dsn, event(424242))
    assert work(acme).done == 1
    assert acme.value("SELECT count(*) FROM deals") == 60


def test_a_new_deal_lands(acme):
    created = api(acme, "POST", "/crm/v3/objects/deals", {"properties": {"dealname": "Fresh", "amount": "5"}})["id"]
    receive(acme.dsn, event(int(created), "deal.creation"))
    work(acme)
    assert acme.value("SELECT name FROM deals WHERE crm_id = %s", created) == "Fresh"


@pytest.mark.parametrize("seen_from", ["deal", "line_item"])
def test_an_association_is_followed_from_either_side(acme, seen_from):
    deal, other = ids(acme)[7:9]
    item = api(acme, "POST", "/crm/v3/objects/line_items", {"properties": {"name": "Seat", "quantity": "2"}})["id"]

    def told(of, removed):
        ends = (int(of), int(item)) if seen_from == "deal" else (int(item), int(of))
        kind = "DEAL_TO_LINE_ITEM" if seen_from == "deal" else "LINE_ITEM_TO_DEAL"
        return event(
            None,
            f"{seen_from}.associationChange",
            fromObjectId=ends[0],
            toObjectId=ends[1],
            associationType=kind,
            associationRemoved=removed,
        )

    attach(acme, deal, item)
    receive(acme.dsn, told(deal, removed=False))
    work(acme)
    assert acme.query("SELECT deal_crm_id, product_name FROM deal_line_items WHERE crm_id = %s", item) == [
        (deal, "Seat")
    ]
    attach(acme, other, item)
    receive(acme.dsn, told(deal, removed=True), told(other, removed=False))
    work(acme)
    assert acme.value("SELECT deal_crm_id FROM deal_line_items WHERE crm_id = %s", item) == other


def test_a_generic_subscription_brings_activities(acme):
    deal = ids(acme)[2]
    note = api(
        acme,
        "POST",
        "/crm/v3/objects/notes",
        {"properties": {"hs_timestamp": "2026-05-01T10:00:00Z", "hs_note_body": "Hi"}},
    )["id"]
    api(acme, "PUT", f"/crm/v4/objects/notes/{note}/associations/default/deals/{deal}")
    receive(acme.dsn, event(int(note), "object.creation", objectTypeId="0-46"))
    work(acme)
    assert acme.query("SELECT type, deal_crm_id FROM deal_activities WHERE crm_id = %s", note) == [("note", deal)]


def test_what_no_stream_reads_is_kept_as_ignored(acme):
    receive(acme.dsn, event(7, "contact.creation"), event(8, "object.propertyChange", objectTypeId="2-777"))
    acme.emulator.admin.reset_stats()
    assert work(acme).ignored == 2
    assert calls(acme) == 0


def test_a_feature_that_is_off_is_not_read(acme):
    acme.execute("""UPDATE crm_integrations SET feature_flags = '{"line_items": false}'""")
    receive(acme.dsn, event(7, "line_item.creation"))
    assert work(acme).ignored == 1


def test_a_record_that_cannot_be_stored_is_a_dead_letter_and_the_others_land(acme):
    good, bad = acme.emulator.admin.edit(1001, count=2)
    acme.emulator.admin.override_deal(1001, bad, {"amount": "twelve"})
    receive(acme.dsn, event(int(good)), event(int(bad)))
    tally = work(acme)
    assert (tally.done, tally.dead) == (1, 1)
    ((object_id, error, error_class, attempts, payload),) = acme.query(
        "SELECT object_id, last_error, error_class, attempts, payload FROM webhook_dead_letters"
    )
    assert (object_id, error_class, attempts) == (int(bad), "bad_data", 1)
    assert "amount: 'twelve' is not a number" in error
    assert payload["objectId"] == int(bad)
    assert acme.difference().stale == [bad]
    assert acme.value("SELECT count(*) FROM sync_rejects WHERE resolved_at IS NULL") == 1


def test_an_outage_is_tried_again_with_growing_delays_and_then_is_a_dead_letter(acme):
    changed = acme.emulator.admin.edit(1001, count=1)
    receive(acme.dsn, event(int(changed[0])))
    delays = []
    for _ in range(3):
        acme.emulator.admin.set_faults(1001, {"server_error_html": 1.0})
        assert work(acme, most_retries=3).retried == 1
        delays.append(acme.value("SELECT extract(epoch FROM next_attempt_at - now())::float FROM webhook_events"))
        make_due(acme)
    assert 10 < delays[0] <= 30 < delays[1] <= 120 < delays[2] <= 480
    assert work(acme, most_retries=3).dead == 1
    assert acme.query("SELECT attempts, error_class FROM webhook_dead_letters") == [(4, "unavailable")]
    assert acme.value("SELECT cardinality(correlation_ids) FROM webhook_dead_letters") == 4


def test_a_revoked_token_waits_for_authorization_without_using_up_tries(acme):
    changed = acme.emulator.admin.edit(1001, count=30)
    receive(acme.dsn, *(event(int(i)) for i in changed))
    for _ in range(6):
        with pytest.raises(Unauthorized):
            work(acme, token="pat-na1-revoked")
        assert states(acme) == {"retry": 30}
        make_due(acme)
    assert acme.value("SELECT max(attempts) FROM webhook_events") == 0
    assert work(acme).done == 30
    assert not acme.difference()


def test_a_used_up_limit_waits_for_it(acme):
    changed = acme.emulator.admin.edit(1001, count=3)
    receive(acme.dsn, *(event(int(i)) for i in changed))
    acme.emulator.admin.set_knobs(1001, limits=True, used_today=10**9)
    work(acme)
    assert states(acme) == {"retry": 3}
    assert acme.value("SELECT max(attempts) FROM webhook_events") == 0
    assert acme.value("SELECT min(next_attempt_at) - now() > '1 minute' FROM webhook_events")
    acme.emulator.admin.set_knobs(1001, limits=False)
    make_due(acme)
    assert work(acme).done == 3


def test_what_the_worker_leaves_behind_says_what_it_did(acme):
    changed = acme.emulator.admin.edit(1001, count=4)
    receive(acme.dsn, *(event(int(i)) for i in changed))
    work(acme)
    ((stream, state, fetched, updated),) = acme.query(
        "SELECT stream, state, fetched::int, updated::int FROM sync_runs WHERE dag_id = 'hubspot_webhooks'"
    )
    assert (stream, state, fetched, updated) == ("webhooks", "success", 4, 4)
    assert acme.value("SELECT attended_until < now() FROM webhook_lanes")


def api(acme, method, path, body=None):
    """Call the emulator's own API as a person or another app would."""
    answer = httpx.request(
        method, acme.emulator.url + path, json=body, headers={"Authorization": f"Bearer {acme.portal.token}"}
    )
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else {}


def archive(acme, deal):
    api(acme, "DELETE", f"/crm/v3/objects/deals/{deal}")


def merge(acme, kept, gone):
    return api(acme, "POST", "/crm/v3/objects/deals/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})["id"]


def attach(acme, deal, item):
    api(acme, "PUT", f"/crm/v4/objects/deals/{deal}/associations/default/line_items/{item}")
