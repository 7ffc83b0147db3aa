"""A record or a page that HubSpot answers oddly costs no other record its sync, and no row its newest version."""

from commission_sync.streams.request import Mode


def test_a_record_with_a_number_and_without_times_lands(world):
    acme = world(40)
    odd = acme.emulator.admin.truth_ids(1001)[5]
    shown = {"createdAt": None, "updatedAt": None, "properties": {"amount": 1800.1}}
    acme.emulator.admin.set_knobs(1001, odd_records={odd: shown})
    counts = acme.sync()
    assert (counts.inserted, counts.rejected) == (40, 0)
    assert acme.value("SELECT amount::text FROM deals WHERE crm_id = %s", odd) == "1800.1"
    assert acme.value("SELECT properties ->> 'amount' FROM deals WHERE crm_id = %s", odd) == "1800.1"


def test_a_record_that_tells_no_modified_time_is_kept_aside_and_the_others_land(world):
    acme = world(40)
    odd = acme.emulator.admin.truth_ids(1001)[5]
    shown = {"updatedAt": None, "properties": {"hs_lastmodifieddate": None}}
    acme.emulator.admin.set_knobs(1001, odd_records={odd: shown})
    counts = acme.sync()
    assert (counts.inserted, counts.rejected) == (39, 1)
    assert "no time of the last modification" in acme.value("SELECT reason FROM sync_rejects WHERE crm_id = %s", odd)


def test_a_page_that_names_a_hit_twice_does_not_prove_the_one_in_whose_place_it_stands(world):
    acme = world(300)
    acme.sync()
    acme.emulator.admin.set_knobs(1001, repeated_hit_probability=0.7)
    acme.emulator.admin.edit(1001, count=250)
    acme.sync()
    assert not acme.difference()


def test_a_full_load_survives_hits_that_are_named_twice(world):
    acme = world(1_500)
    acme.emulator.admin.set_knobs(1001, repeated_hit_probability=0.5)
    acme.sync(Mode.FULL)
    assert not acme.difference()
