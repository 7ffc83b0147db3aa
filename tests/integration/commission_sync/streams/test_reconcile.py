"""One incremental round and one reconciliation make the tables equal to the portal, whatever search did not show."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_hubspot.client import MissingScopes
from commission_sync.oauth.features import scopes_for
from commission_sync.streams.activities import EMAILS, NOTES
from commission_sync.streams.guard import TooManyArchived
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.request import Mode
from postgres_owner import eventually


def audited(acme, action, entity="deal"):
    return acme.query(
        "SELECT entity_id, changes, actor FROM audit_log WHERE action = %s AND entity = %s ORDER BY id", action, entity
    )


def test_archived_records_of_every_type_are_marked_with_hubspots_own_time(world):
    acme = world(200)
    acme.sync_all()
    deals = acme.emulator.admin.truth_ids(1001)[:5]
    items = acme.emulator.admin.truth_ids(1001, "line_items")[:5]
    notes = acme.emulator.admin.truth_ids(1001, "notes")[:5]
    acme.archive(*deals)
    acme.archive(*items, object_type="line_items")
    acme.archive(*notes, object_type="notes")
    acme.reconcile()
    assert acme.differences() == {}
    marks = audited(acme, "archive")
    assert sorted(i for i, _, _ in marks) == sorted(deals)
    assert all("lists it as archived" in changes["why"] and actor == "reconcile:deals" for _, changes, actor in marks)
    times = {r["id"]: r["archivedAt"] for r in acme.emulator.admin.truth(1001, archived=True)}
    rows = acme.query(
        "SELECT crm_id, to_char(archived_at, 'YYYY-MM-DD\"T\"HH24:MI') FROM deals WHERE archived_at IS NOT NULL"
    )
    assert dict(rows) == {i: at[:16] for i, at in times.items()}


@pytest.mark.parametrize("bumps", [False, True])
def test_a_restored_deal_loses_its_tombstone(world, bumps):
    acme = world(80)
    acme.sync_all()
    acme.emulator.admin.set_knobs(1001, restore_bumps=bumps)
    deal = acme.emulator.admin.truth_ids(1001)[3]
    acme.archive(deal)
    acme.reconcile()
    assert acme.value("SELECT archived_at IS NOT NULL FROM deals WHERE crm_id = %s", deal)
    acme.emulator.admin.restore(1001, deal)
    acme.sync_all()
    acme.reconcile()
    assert acme.differences() == {}


@pytest.mark.parametrize("third", [False, True])
def test_a_chain_of_merges_ends_with_the_survivor_and_takes_everything_along(world, third):
    acme = world(80)
    acme.sync_all()
    acme.emulator.admin.set_knobs(1001, merge_makes_third=third)
    a, b, c, d = acme.emulator.admin.truth_ids(1001)[:4]
    acme.execute(
        f"INSERT INTO deal_commissions (deal_id, amount, currency) SELECT id, 100, 'USD' FROM deals WHERE crm_id = '{a}'"
    )
    last = acme.merge(c, acme.merge(b, a))
    last = acme.merge(last, d)
    acme.sync_all()
    acme.reconcile()
    assert acme.differences() == {}
    into = dict(acme.query("SELECT crm_id, merged_into_crm_id FROM deals WHERE merged_into_crm_id IS NOT NULL"))
    assert into.items() <= acme.emulator.admin.truth_merged(1001).items()
    assert set(into) == {a, b, c, d} - {last}
    assert set(into.values()) == {last}
    assert acme.query("SELECT d.crm_id, c.amount::int FROM deal_commissions c JOIN deals d ON d.id = c.deal_id") == [
        (last, 100)
    ]
    stray = "SELECT count(*) FROM {} r JOIN deals d ON d.id = r.deal_id WHERE d.merged_into_crm_id IS NOT NULL AND r.archived_at IS NULL"
    assert acme.value(stray.format("deal_line_items")) == acme.value(stray.format("deal_activities")) == 0


def test_two_commissions_of_merged_deals_wait_for_a_person(world, caplog):
    acme = world(40)
    acme.sync_all()
    a, b = acme.emulator.admin.truth_ids(1001)[:2]
    acme.execute(
        f"INSERT INTO deal_commissions (deal_id, amount, currency) SELECT id, 100, 'USD' FROM deals WHERE crm_id IN ('{a}', '{b}')"
    )
    acme.merge(a, b)
    acme.sync()
    assert "a person decides which one stands" in caplog.text
    assert acme.value("SELECT count(*) FROM deal_commissions") == 2
    ((_, changes, _),) = audited(acme, "merge")
    assert changes["kept"] == {"deal_commissions": 1}


def test_attached_and_detached_without_a_bump(world):
    acme = world(150)
    acme.sync_all()
    items, notes = acme.links(), acme.links("notes")
    deals = acme.emulator.admin.truth_ids(1001)
    acme.detach(items[0][1], items[0][0])
    acme.attach(deals[-1], items[5][0])
    acme.detach(notes[0][1], notes[0][0], "notes")
    acme.attach(deals[-1], notes[9][0], "notes")
    acme.sync_all()
    assert acme.difference(LINE_ITEMS).wrong_links, "nothing of it moves a modified time"
    acme.reconcile()
    assert acme.differences() == {}
    detached = "SELECT deal_id, detached_at IS NOT NULL, archived_at FROM deal_line_items WHERE crm_id = %s"
    assert acme.query(detached, items[0][0]) == [(None, True, None)]
    ((_, changes, _),) = audited(acme, "detach", "line_item")
    assert (changes["deals"], bool(changes["why"])) == ([[items[0][1]], []], True)
    assert acme.query(
        "SELECT a.detached_at IS NOT NULL, a.archived_at IS NOT NULL FROM deal_activities a JOIN deals d ON d.id = a.deal_id "
        "WHERE type = 'note' AND a.crm_id = %s AND d.crm_id = %s",
        *notes[0],
    ) == [(True, True)]
    acme.attach(notes[0][1], notes[0][0], "notes")
    acme.reconcile()
    assert acme.differences() == {}


def test_a_changed_deal_brings_its_new_links_at_once(world):
    acme = world(100)
    acme.sync_all()
    (item, _), deal = acme.links()[4], acme.emulator.admin.truth_ids(1001)[-1]
    acme.attach(deal, item)
    acme.emulator.admin.override(1001, deal, {"dealname": "grown"})
    acme.sync()
    counts = acme.sync(stream=LINE_ITEMS)
    assert counts.api_calls == 3
    assert acme.differences() == {}


def test_values_that_changed_without_a_bump_are_corrected(world):
    acme = world(100)
    acme.sync_all()
    deal = acme.emulator.admin.truth_ids(1001)[7]
    acme.emulator.admin.override(1001, deal, {"amount": "777.77"}, bump=False)
    acme.sync_all()
    assert acme.difference().stale == [deal]
    acme.reconcile()
    assert acme.differences() == {}
    ((_, changes, actor),) = audited(acme, "update")
    assert changes["amount"][1] == "777.77"
    assert (actor, bool(changes["why"])) == ("reconcile:deals", True)
    differ = acme.query("SELECT what FROM reconcile_checks WHERE hubspot <> stored")
    assert len(differ) == 1
    assert "amount" in differ[0][0]


def test_a_large_stream_is_compared_by_counts_and_read_only_where_they_differ(world):
    acme = world(6_000, line_items_per_deal=0, activities_per_deal=0)
    acme.sync_all()
    gone, lost = "999999999", acme.emulator.admin.truth_ids(1001)[3_000]
    acme.execute(f"DELETE FROM deals WHERE crm_id = '{lost}'")
    acme.execute(
        "INSERT INTO deals (integration_id, company_id, crm_id, crm_updated_at) "
        f"SELECT id, company_id, '{gone}', now() FROM crm_integrations"
    )
    acme.emulator.admin.reset_stats()
    acme.reconcile()
    acme.reconcile()
    assert not acme.difference()
    ((entity_id, changes, _),) = audited(acme, "archive")
    assert (entity_id, "neither lists it" in changes["why"]) == (gone, True)


def test_an_unchanged_portal_costs_few_calls_and_changes_nothing(world):
    acme = world(6_000, line_items_per_deal=0, activities_per_deal=0)
    acme.sync_all()
    acme.reconcile()
    before = acme.value("SELECT count(*) FROM audit_log")
    counts = acme.reconcile()
    assert acme.value("SELECT count(*) FROM audit_log") == before
    assert counts.api_calls < 40
    assert acme.value("SELECT count(*) FROM reconcile_checks") > 0
    assert acme.value("SELECT count(*) FROM reconcile_checks WHERE hubspot <> stored") == 0


def test_more_archived_than_the_setting_allows_stops_before_anything_is_marked(world):
    acme = world(400)
    acme.sync_all()
    ids = acme.emulator.admin.truth_ids(1001)[:60]
    acme.archive(*ids)
    with pytest.raises(TooManyArchived, match=r"60 of the 400 live deals of company 'acme'"):
        acme.reconcile(percent=None, reconcile_min_archived_rows=10)
    assert acme.value("SELECT count(*) FROM deals WHERE archived_at IS NOT NULL") == 0
    assert acme.value("SELECT state FROM sync_runs WHERE mode = 'reconcile' AND stream = 'deals'") == "failed"
    acme.reconcile(percent=100)
    assert acme.differences() == {}


@pytest.mark.parametrize("fault", ["server_error_html", "truncated_json", "reset"])
def test_an_error_archives_and_detaches_nothing(world, fault):
    acme = world(60)
    acme.sync_all()
    before = acme.query("SELECT crm_id, archived_at, deal_id FROM deal_line_items ORDER BY 1")
    acme.emulator.admin.set_faults(1001, {fault: 1.0})
    with pytest.raises(Exception, match="HubSpot"):
        acme.reconcile()
    acme.emulator.admin.set_faults(1001, {})
    assert acme.value("SELECT count(*) FROM deals WHERE archived_at IS NOT NULL") == 0
    assert acme.query("SELECT crm_id, archived_at, deal_id FROM deal_line_items ORDER BY 1") == before


def test_everything_at_once_equals_the_truth_after_one_round_and_one_reconciliation(world):
    acme = world(300, line_items_on_one_deal=1_200)
    acme.sync_all()
    admin = acme.emulator.admin
    deals, items, notes = admin.truth_ids(1001), acme.links(), acme.links("notes")
    for object_type in ("deals", "line_items", "emails", "notes", "calls", "meetings", "tasks"):
        admin.edit(1001, count=80, mix="mixed", type=object_type)
    acme.archive(*deals[10:16])
    acme.archive(*(i for i, _ in items[30:40]), object_type="line_items")
    acme.merge(acme.merge(deals[20], deals[21]), deals[22])
    for item, deal in items[200:220]:
        acme.detach(deal, item)
    for n, (note, _) in enumerate(notes[20:40]):
        acme.attach(deals[100 + n], note, "notes")
    admin.restore(1001, deals[12])
    acme.sync_all()
    acme.reconcile()
    assert acme.differences() == {}
    acme.sync_all()
    assert acme.differences() == {}


def test_under_index_lag_it_is_right_once_the_index_has_settled(world):
    acme = world(120)
    acme.sync_all()
    acme.emulator.admin.set_knobs(1001, lag_seconds=600)
    for object_type in ("deals", "line_items", "notes"):
        acme.emulator.admin.edit(1001, count=40, mix="mixed", type=object_type)
    acme.archive(*acme.emulator.admin.truth_ids(1001)[:3])
    acme.sync_all()
    assert acme.differences() != {}
    acme.reconcile()
    assert acme.differences() == {}, "what is compared value by value comes from the primary store, which does not lag"


def test_full_compares_every_record_however_many(world):
    acme = world(6_000, line_items_per_deal=0, activities_per_deal=0)
    acme.sync_all()
    deal = acme.emulator.admin.truth_ids(1001)[5_000]
    acme.emulator.admin.override(1001, deal, {"amount": "1.23"}, bump=False)
    acme.reconcile(reconcile_sweep_records=0)
    assert acme.difference().stale == [deal]
    acme.reconcile(Mode.FULL)
    assert not acme.difference()


def test_a_switched_off_feature_is_left_alone(world):
    acme = world(60)
    acme.sync_all()
    acme.execute("UPDATE crm_integrations SET feature_flags = '{\"activities\": false}'")
    (note, deal) = acme.links("notes")[0]
    acme.detach(deal, note, "notes")
    acme.reconcile()
    assert acme.difference(NOTES).wrong_links
    assert not acme.difference(EMAILS)


@pytest.mark.parametrize(
    ("seed", "knobs"),
    [(1, {}), (2, {"restore_bumps": True, "links_bump": True}), (3, {"merged_ids_are_carried": False})],
)
def test_deeds_of_every_kind_equal_the_truth_after_one_round_and_one_reconciliation(world, seed, knobs):
    acme = world(250)
    acme.sync_all()
    acme.emulator.admin.set_knobs(1001, **knobs)
    for round_ in range(2):
        deeds = acme.emulator.admin.edit_everything(1001, count=300, seed=seed * 10 + round_)["deeds"]
        assert (
            min(
                deeds.get(name, 0)
                for name in ("archive", "restore", "merge", "merge_third", "chain", "attach", "detach")
            )
            > 0
        )
        acme.sync_all()
        acme.reconcile()
        assert acme.differences() == {}


def test_prices_and_rates_that_change_without_a_bump_are_corrected(world):
    acme = world(200)
    acme.sync_all()
    acme.emulator.admin.edit_everything(1001, count=40, weights={"silent": 3, "rate": 1})
    acme.sync_all()
    assert acme.differences().keys() >= {"line_items"}
    acme.reconcile()
    assert acme.differences() == {}


def test_purged_records_are_marked_for_good(world):
    acme = world(80)
    acme.sync_all()
    gone = acme.emulator.admin.truth_ids(1001)[5]
    acme.archive(gone)
    acme.reconcile()
    acme.emulator.admin.purge(1001)
    acme.reconcile()
    assert acme.value("SELECT purged_at IS NOT NULL FROM deals WHERE crm_id = %s", gone)
    assert [changes["why"] for _, changes, _ in audited(acme, "purge")] == [
        "HubSpot answers neither its id nor lists it as archived any more"
    ]
    acme.reconcile()
    assert len(audited(acme, "purge")) == 1


@pytest.mark.parametrize("fault", ["rate_limited", "server_error_html", "reset", "truncated_json"])
def test_two_per_cent_of_a_fault_cost_calls_and_nothing_else(world, fault):
    acme = world(200)
    acme.sync_all()
    acme.emulator.admin.edit_everything(1001, count=150, seed=5)
    acme.emulator.admin.set_faults(1001, {fault: 0.02})
    acme.sync_all()
    acme.reconcile()
    acme.emulator.admin.set_faults(1001, {})
    assert acme.differences() == {}


def test_deeds_during_the_runs_are_right_after_one_more_round(world):
    acme = world(200)
    acme.sync_all()
    acme.emulator.admin.stream_edits(1001, per_second=20, seconds=60, mix="everything")
    acme.sync_all()
    acme.reconcile()
    acme.emulator.admin.stop_edits(1001)
    acme.sync_all()
    acme.reconcile()
    assert acme.differences() == {}


@pytest.mark.parametrize("missing", ["crm.objects.products.read", "crm.objects.owners.read"])
def test_a_missing_scope_of_reference_data_holds_up_no_stream(world, missing):
    scopes = tuple(scope for scope in scopes_for({}) if scope != missing)
    acme = world(60, scopes=scopes)
    acme.sync_all()
    acme.emulator.admin.edit_everything(1001, count=20, weights={"archive": 1})
    with pytest.raises(MissingScopes, match=missing):
        acme.reconcile()
    assert acme.differences() == {}


def test_the_scopes_that_a_consent_asks_for_are_enough(world):
    acme = world(60, scopes=scopes_for({}))
    acme.sync_all()
    acme.reconcile()
    assert acme.differences() == {}


@pytest.mark.parametrize("bumps", [False, True])
def test_a_deal_deleted_during_the_reconciliation_is_not_purged_and_comes_back(world, bumps):
    acme = world(80)
    acme.sync_all()
    acme.emulator.admin.set_knobs(1001, restore_bumps=bumps)
    deal = acme.emulator.admin.truth_ids(1001)[3]
    acme.emulator.admin.hold(1001, "deals.list", after=60)
    with ThreadPoolExecutor(1) as pool:
        night = pool.submit(acme.reconcile)
        assert eventually(lambda: acme.emulator.admin.held(1001)["after"] == 1)
        acme.archive(deal)
        acme.execute(f"UPDATE deals SET archived_at = now() WHERE crm_id = '{deal}'")
        acme.emulator.admin.release(1001)
        night.result(120)
    assert acme.query("SELECT archived_at IS NOT NULL, purged_at IS NULL FROM deals WHERE crm_id = %s", deal) == [
        (True, True)
    ]
    acme.emulator.admin.restore(1001, deal)
    acme.reconcile()
    assert acme.query("SELECT archived_at, purged_at FROM deals WHERE crm_id = %s", deal) == [(None, None)]
    assert acme.differences() == {}


@pytest.mark.parametrize("bumps", [False, True])
def test_a_purged_mark_gives_way_to_a_listing_that_shows_the_deal(world, bumps):
    acme = world(80)
    acme.sync_all()
    acme.emulator.admin.set_knobs(1001, restore_bumps=bumps)
    deal = acme.emulator.admin.truth_ids(1001)[3]
    acme.archive(deal)
    acme.execute(f"UPDATE deals SET archived_at = now(), purged_at = now() WHERE crm_id = '{deal}'")
    acme.emulator.admin.restore(1001, deal)
    acme.reconcile()
    assert acme.query("SELECT archived_at, purged_at FROM deals WHERE crm_id = %s", deal) == [(None, None)]
    assert acme.differences() == {}


def test_an_edit_after_a_purged_mark_takes_both_marks_off(world):
    acme = world(40)
    acme.sync_all()
    deal = acme.emulator.admin.truth_ids(1001)[3]
    acme.execute(f"UPDATE deals SET archived_at = now(), purged_at = now() WHERE crm_id = '{deal}'")
    acme.emulator.admin.override_deal(1001, deal, {"amount": "4711.50"})
    acme.sync()
    assert acme.query("SELECT archived_at, purged_at FROM deals WHERE crm_id = %s", deal) == [(None, None)]
