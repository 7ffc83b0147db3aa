"""What a portal says of itself is asked for once and used by all workers until it is too old."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from airflow_hubspot.client import HubSpotError
from airflow_hubspot.client.windows import Window
from commission_sync.gate import PortalCache
from commission_sync.store import connect
from commission_sync.streams.request import Mode


def age(gate, kind, interval):
    gate.execute(f"UPDATE portal_cache SET fetched_at = now() - interval '{interval}' WHERE kind = '{kind}'")


def ask(portal, what):
    with closing(connect(portal.dsn)) as conn:
        cache = PortalCache(conn, portal.client(), portal.integration_id)
        return what(cache), cache.saved


def test_an_answer_is_asked_for_once_and_then_shared(gate):
    portal = gate(limits=False)
    first, saved = ask(portal, PortalCache.account)
    assert (saved, portal.admin.stats(1001)["calls"]) == (0, 1)
    again, saved = ask(portal, PortalCache.account)
    assert (again == first, saved, portal.admin.stats(1001)["calls"]) == (True, 1, 1)


def test_an_old_answer_is_asked_for_again_and_its_row_tells_since_when_it_is_true(gate):
    portal = gate(limits=False)
    ask(portal, PortalCache.account)
    age(portal, "account", "25 hours")
    _, saved = ask(portal, PortalCache.account)
    assert saved == 0
    assert portal.row("SELECT fetched_at > now() - interval '1 minute', changed_at < fetched_at FROM portal_cache") == (
        True,
        True,
    )


def test_a_failed_call_leaves_the_old_answer_alone(gate):
    portal = gate(limits=False)
    ask(portal, PortalCache.account)
    age(portal, "account", "25 hours")
    portal.admin.set_faults(1001, {"server_error_html": 1.0})
    with pytest.raises(HubSpotError):
        ask(portal, PortalCache.account)
    assert portal.row("SELECT content ? 'portalId' FROM portal_cache") == (True,)


def test_a_run_tells_what_it_saved_and_asks_for_currency_and_zone_once_a_day(world):
    acme = world(50)
    first, second = acme.sync(), acme.sync()
    assert (first.calls_saved, second.calls_saved, second.api_calls) == (0, 1, 2)
    acme.execute("UPDATE portal_cache SET fetched_at = now() - interval '25 hours' WHERE kind = 'account'")
    acme.execute("UPDATE crm_integrations SET portal_currency = 'XXX'")
    assert acme.sync().calls_saved == 0
    assert acme.value("SELECT portal_currency FROM crm_integrations") == "USD"
    assert acme.query("SELECT calls_saved::int FROM sync_runs ORDER BY started_at") == [(0,), (1,), (0,)]


def test_runs_over_given_windows_share_a_young_list_of_properties(world):
    acme = world(50)
    acme.sync()
    now = datetime.now(UTC)
    window = Window.between(now - timedelta(days=3), now - timedelta(days=2))
    counts = acme.sync(Mode.WINDOW, window=window)
    assert (counts.calls_saved, counts.api_calls) == (2, 1)
    acme.execute("UPDATE portal_cache SET fetched_at = now() - interval '11 minutes' WHERE kind = 'properties/deals'")
    assert acme.sync(Mode.WINDOW, window=window).calls_saved == 1
