"""All workers of a portal share one budget: no window is exceeded, whoever else calls, and nobody waits in vain."""

import threading
import time

import pytest

from airflow_hubspot.client import Lane, Policy, RateLimited, SearchQuery
from commission_sync.store.budgets import Ceilings

SMALL = SearchQuery(limit=1)


def test_no_window_is_exceeded_by_several_processes_and_hardly_a_call_is_wasted(gate):
    portal = gate()
    portal.hammer(processes=3, threads=4, seconds=12)
    figures = portal.admin.stats(1001)
    assert figures["refused"] == 0
    assert 150 <= figures["most_in_window"]["burst"] <= 190
    assert figures["most_in_window"]["search"] == 5
    # Two full windows of ten seconds and twelve of one have begun; `make bench ARGS=gate` tells how few are wasted.
    assert figures["calls"] >= 0.6 * (2 * 190 + 12 * 5)


def test_beside_another_app_the_budget_shrinks_to_what_is_left(gate):
    portal = gate()
    portal.admin.start_other_app(1001, calls_a_second=9.5, searches_a_second=2.5, seconds=60)
    time.sleep(5)
    portal.hammer(processes=2, threads=4, seconds=12)
    figures, other = portal.admin.stats(1001), portal.admin.stop_other_app(1001)
    assert figures["refused"] <= 0.03 * figures["calls"]
    assert figures["calls"] - figures["refused"] >= 0.5 * (2 * 95 + 12 * 2.5)
    assert other["refused"] <= other["calls"] / 2, "the other app has a share as well"
    assert portal.row("SELECT others FROM api_budgets WHERE policy = 'burst'")[0] >= 70


def test_the_tier_is_learnt_from_an_answer_and_known_to_the_next_worker(gate):
    portal = gate()
    portal.client().objects.list_page("deals", limit=1)
    allowed, day, used = portal.row(
        "SELECT b.allowed, d.allowed, d.used FROM api_budgets b JOIN api_budgets d USING (integration_id) "
        "WHERE b.policy = 'burst' AND d.policy = 'daily'"
    )
    assert (allowed, day, used) == (190, 625_000, 1)


def test_a_connections_own_limits_hold(gate):
    portal = gate()
    limiter = portal.limiter(ceilings=Ceilings(burst=3, search=2))
    waits = []

    def stop(seconds):
        waits.append(seconds)
        raise TimeoutError

    for _ in range(3):
        limiter.settle(limiter.acquire(Policy.BURST, stop), {"x-hubspot-ratelimit-max": "190"})
    with pytest.raises(TimeoutError):
        limiter.acquire(Policy.BURST, stop)
    assert 9 < waits[0] <= 10


def test_a_refusal_shrinks_the_budget_and_time_restores_it(gate):
    portal = gate()
    client = portal.client()
    portal.admin.use_up(1001, searches=5)
    assert client.objects.search_page("deals", SMALL).total == 100
    others, refused = portal.row("SELECT others, refused FROM api_budgets WHERE policy = 'search'")
    assert (others, refused) == (3, 1)
    for left in (2, 1, 0):
        portal.execute("UPDATE api_budgets SET others_until = 0 WHERE policy = 'search'")
        client.objects.search_page("deals", SMALL)
        assert portal.row("SELECT others FROM api_budgets WHERE policy = 'search'") == (left,)


def test_the_share_of_the_day_is_not_exceeded_and_the_error_says_when_the_day_ends(gate):
    portal = gate()
    portal.admin.set_knobs(1001, used_today=562_499)
    client = portal.client(day_share=0.9)
    client.objects.list_page("deals", limit=1)
    calls = portal.admin.stats(1001)["calls"]
    with pytest.raises(
        RateLimited, match="90% of the portal's calls for today are used; HubSpot's day ends at"
    ) as told:
        client.objects.search_page("deals", SMALL)
    assert portal.admin.stats(1001)["calls"] == calls, "it was not even asked"
    assert (told.value.policy, told.value.retry_after > 60) == ("DAILY", True)


def test_a_day_that_hubspot_says_is_over_is_waited_for(gate):
    portal = gate()
    portal.admin.set_knobs(1001, used_today=625_000)
    client = portal.client()
    for _ in range(2):
        with pytest.raises(RateLimited) as told:
            client.objects.search_page("deals", SMALL)
        assert told.value.policy == "DAILY"
    assert portal.admin.stats(1001)["statuses"] == {"429": 1}


def test_a_wait_of_more_than_a_minute_is_left_to_the_caller(gate):
    portal = gate(limits=False)
    portal.admin.set_faults(1001, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 90})
    client = portal.client()
    for _ in range(2):
        with pytest.raises(RateLimited) as told:
            client.objects.list_page("deals", limit=1)
        assert 60 <= told.value.retry_after <= 90
    assert portal.admin.stats(1001)["calls"] == 1


def test_a_backfill_never_delays_a_scheduled_call_by_more_than_a_second(gate):
    portal = gate()
    done = threading.Event()

    def fill(call):
        while not done.is_set():
            call()

    backfill = portal.client(Lane.BACKFILL)
    calls = [lambda: backfill.objects.list_page("deals", limit=1)] * 6
    calls += [lambda: backfill.objects.search_page("deals", SMALL)] * 4
    threads = [threading.Thread(target=fill, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    time.sleep(12)
    scheduled, waits = portal.limiter(Lane.INCREMENTAL), []
    for policy in [Policy.BURST, Policy.SEARCH] * 20:
        permit = scheduled.acquire(policy)
        scheduled.settle(permit, {})
        waits.append(permit.waited)
    done.set()
    for thread in threads:
        thread.join(timeout=10)
    assert max(waits) <= 1.0
    figures = portal.admin.stats(1001)
    assert figures["refused"] == 0
    assert figures["by_operation"]["deals.list"] >= 100, "the backfill has to be at it"


def test_the_gate_outlives_a_lost_connection(gate):
    portal = gate()
    client = portal.client()
    client.objects.list_page("deals", limit=1)
    portal.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert client.objects.list_page("deals", limit=1).results
    assert portal.row("SELECT granted FROM api_budgets WHERE policy = 'burst'") == (2,)


def test_no_transaction_is_open_while_hubspot_is_called(gate):
    portal = gate()
    portal.admin.set_knobs(1001, latency_ms=1500)
    thread = threading.Thread(target=portal.client().objects.list_page, args=("deals",))
    thread.start()
    time.sleep(0.7)
    states = portal.row(
        "SELECT array_agg(DISTINCT state) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'commission-sync'"
    )
    thread.join()
    assert states == (["idle"],)
