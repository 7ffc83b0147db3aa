"""A portal that goes down in the middle of a sync, and one where everything that can fail fails at once."""

import time
from datetime import UTC, datetime

import pytest

from airflow_hubspot.client import CircuitOpen
from airflow_hubspot.client.windows import Window
from commission_sync.streams.request import Mode

# Every kind there is, reset_after_commit included: to a reader it is one more reset.
FAULTS = (
    "rate_limited",
    "rate_limited_retry_after",
    "server_error_html",
    "reset",
    "reset_after_commit",
    "timeout",
    "truncated_json",
    "locked_423",
    "migrating_477",
    "expired_token_401",
)
EVERYTHING_AT_FIVE_PER_CENT = dict.fromkeys(FAULTS, 0.05) | {"timeout_seconds": 2, "retry_after_seconds": 0.5}


@pytest.mark.slow
def test_a_portal_that_is_down_for_a_while_is_left_alone_and_the_run_completes_by_itself(world):
    acme = world(12_000)
    acme.emulator.admin.set_knobs(1001, latency_ms=100)
    acme.emulator.admin.set_faults(1001, {"schedule": [{"after": 2, "seconds": 25, "reset": 1.0}]})
    began = time.monotonic()
    acme.sync_as_airflow_does(tries=1)
    assert time.monotonic() - began > 25, "the outage has to fall into the run"
    assert not acme.difference()
    states = dict(acme.query("SELECT state, count(*)::int FROM sync_runs GROUP BY state"))
    assert states.keys() == {"deferred", "success"}
    assert acme.value("SELECT min(fetched) FROM sync_runs") < 12_000, "it went on from where it stopped"
    # Those under way when it went down, seven that opened the breaker, and one probe for each pause of 15 and 30 s.
    assert acme.emulator.admin.stats(1001)["faults"]["reset"] <= 7 + 12 + 2
    assert acme.query("SELECT state, failures, openings FROM circuit_breakers") == [("closed", 0, 0)]
    assert acme.query("SELECT sync_status, error_count FROM crm_integrations") == [("idle", 0)]


def test_a_run_that_meets_an_open_breaker_waits_without_a_worker_and_is_no_failure(world):
    acme = world(50)
    acme.sync(gated=True)
    acme.execute(
        "INSERT INTO circuit_breakers (integration_id, state, openings, probe_at) "
        "SELECT id, 'open', 1, now() + interval '40 seconds' FROM crm_integrations"
    )
    with pytest.raises(CircuitOpen):
        acme.sync(gated=True)
    assert acme.query("SELECT state FROM sync_runs ORDER BY started_at DESC LIMIT 1") == [("deferred",)]
    assert acme.query("SELECT sync_status, error_count FROM crm_integrations") == [("idle", 0)]


class Unreliable:
    """A company whose portal fails every second call, in every way at once."""

    def __init__(self, world, deals):
        self.acme = world(deals)
        self.admin = self.acme.emulator.admin
        # A token that has never worked is not believed in against HubSpot's word.
        day = Window.between(datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 2, tzinfo=UTC))
        self.acme.sync(Mode.WINDOW, window=day, gated=True)
        # This emulator has no limits, so that nothing but the faults slows a run down.
        self.acme.execute("UPDATE api_budgets SET allowed = 50 WHERE policy = 'search'")

    def fail(self):
        self.admin.set_faults(1001, EVERYTHING_AT_FIVE_PER_CENT)

    def sync(self, mode=Mode.INCREMENTAL):
        # Half an hour later, as the schedule has it, nobody remembers refusals.
        self.acme.execute("UPDATE api_budgets SET others = 0, strikes = 0, hold_seconds = 5, closed_until = 0")
        self.acme.sync_as_airflow_does(mode, timeout_seconds=1.0)


@pytest.mark.slow
def test_every_fault_at_five_per_cent_at_once_costs_calls_and_no_rows(world):
    portal = Unreliable(world, 2_500)
    acme, admin = portal.acme, portal.admin
    portal.fail()
    portal.sync()
    assert not acme.difference(), "after the first load"

    portal.sync()
    admin.edit(1001, count=500, mix="mixed")
    portal.sync()
    assert not acme.difference(), "after mixed edits"

    admin.stream_edits(1001, per_second=20, seconds=10)
    portal.sync(Mode.FULL)
    admin.stop_edits(1001)
    portal.sync()
    assert not acme.difference(), "after edits during a full load"

    admin.set_knobs(1001, short_page_probability=0.3, out_of_order=True)
    admin.edit(1001, count=500, mix="mixed")
    portal.sync()
    admin.set_knobs(1001, short_page_probability=0.0, out_of_order=False)
    assert not acme.difference(), "after short pages in disorder"

    admin.set_knobs(1001, lag_seconds=5)
    admin.edit(1001, count=200, mix="mixed")
    portal.sync()
    time.sleep(5.5)
    portal.sync()
    assert not acme.difference(), "after the index has settled"


@pytest.mark.slow
def test_every_fault_at_once_loses_none_of_ten_thousand_edits_in_one_millisecond(world):
    portal = Unreliable(world, 10_500)
    portal.acme.sync()
    portal.admin.edit(1001, count=10_200, mix="update", same_millisecond=True)
    portal.fail()
    portal.sync()
    assert not portal.acme.difference()
    assert set(portal.admin.stats(1001)["faults"]) == set(FAULTS)
