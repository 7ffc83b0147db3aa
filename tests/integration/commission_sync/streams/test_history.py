"""A deal's pay history is HubSpot's own: every value it had, whichever path brought the deal and whoever edited it."""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from airflow_hubspot.client.windows import Window
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.request import Mode
from commission_sync.webhooks.refresh import Records

OF_HOURLY_PASS = "interval '3 hours'"


def an_hour_passes(acme):
    acme.execute(f"UPDATE sync_cursors SET cursor_at = cursor_at - {OF_HOURLY_PASS} WHERE stream = 'deals/settled'")


def edit(acme, deal, **properties):
    """Change a deal in HubSpot, and return a time at which it has these values and no later ones yet."""
    acme.emulator.admin.override(1001, deal, properties)
    time.sleep(0.02)
    at = datetime.now(UTC)
    time.sleep(0.02)
    return at


def there_and_back(acme, deal):
    """Give a deal another amount for a moment, and return a time in that moment."""
    before = acme.get(f"/crm/v3/objects/deals/{deal}?properties=amount")["properties"]["amount"]
    between = edit(acme, deal, amount="9000.00")
    edit(acme, deal, amount=before)
    return between


def as_of(acme, deal, at, name="amount"):
    query = "SELECT value, known_by FROM deal_property_at((SELECT id FROM crm_integrations), %s, %s, %s)"
    return acme.query(query, deal, name, at)[0]


def history_calls(acme):
    """Return how many calls the next hourly pass makes beyond those of a pass that has no history to read."""
    acme.emulator.admin.reset_stats()
    an_hour_passes(acme)
    acme.sync()
    return acme.emulator.admin.stats(1001)["by_operation"].get("deals.batch.read", 0)


def test_an_amount_that_went_and_came_back_between_two_polls_is_in_the_history(world):
    acme = world(30)
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    between = there_and_back(acme, deal)
    an_hour_passes(acme)
    acme.sync()
    assert as_of(acme, deal, between) == ("9000.00", "history")
    assert acme.value("SELECT count(*) FROM property_history WHERE crm_id = %s AND value = '9000.00'", deal) == 1


def _by_webhook(acme, deal):
    with closing(connect(acme.dsn)) as conn, acme.client() as client:
        with conn.transaction():
            company = integration(conn, acme.integration_id)
            run = conn.execute(
                "INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number) "
                "VALUES (%s, 'webhooks', 'webhooks', 'hubspot_webhooks', 'r', 1) RETURNING id",
                (company.id,),
            ).fetchone()
        Records(client, conn, company, sync_run_id=run[0]).refresh("deal", [deal])


def _by_backfill(acme, _deal):
    now = datetime.now(UTC)
    acme.sync(Mode.WINDOW, window=Window.between(now - timedelta(hours=1), now))


PATHS = {
    "webhook": _by_webhook,
    "backfill": _by_backfill,
    "reconciliation": lambda acme, _: acme.reconcile(),
    "full load": lambda acme, _: acme.sync(Mode.FULL),
}


@pytest.mark.parametrize("path", PATHS)
def test_whichever_path_brings_a_deal_its_history_is_complete_after_the_hourly_pass(world, path):
    acme = world(30)
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    between = there_and_back(acme, deal)
    PATHS[path](acme, deal)
    an_hour_passes(acme)
    acme.sync()
    assert as_of(acme, deal, between) == ("9000.00", "history")


def test_an_edit_during_the_first_load_is_in_the_history(world):
    acme = world(2_000)
    deal = acme.emulator.admin.truth_ids(1001)[4]
    acme.emulator.admin.set_knobs(1001, latency_ms=150)
    found = []
    editor = threading.Timer(0.7, lambda: found.append(there_and_back(acme, deal)))
    editor.start()
    acme.sync()
    ended = datetime.now(UTC)
    editor.join()
    acme.emulator.admin.set_knobs(1001, latency_ms=0)
    assert found[0] < ended, "the edit has to be made while the load goes on"
    acme.sync()
    an_hour_passes(acme)
    acme.sync()
    assert as_of(acme, deal, found[0]) == ("9000.00", "history")


def test_an_amount_that_came_back_under_our_own_write_is_in_the_history(world):
    acme = world(30)
    acme.add_property("commission_amount", "Commission")
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    between = there_and_back(acme, deal)
    edit(acme, deal, commission_amount="12.50")
    acme.execute(
        "WITH plan AS (INSERT INTO writeback_plans (integration_id, dag_id, run_id, state, digest, rows, property_names, "
        "expires_at) SELECT id, 'commission_writeback', 'r', 'applied', '', 1, '{}', now() FROM crm_integrations "
        "RETURNING id) INSERT INTO commission_writebacks (integration_id, plan_id, deal_id, crm_id, properties, stored, "
        "state, sent_at, crm_updated_at) SELECT d.integration_id, plan.id, d.id, d.crm_id, "
        '\'{"commission_amount": "12.50"}\', \'{"commission_amount": "12.50"}\', \'sent\', now(), '
        f"now() - interval '1 minute' FROM deals d, plan WHERE d.crm_id = '{deal}'"
    )
    acme.sync()
    assert acme.value("SELECT action FROM audit_log WHERE entity_id = %s ORDER BY id DESC LIMIT 1", deal) == "echo"
    an_hour_passes(acme)
    acme.sync()
    assert as_of(acme, deal, between) == ("9000.00", "history")


def test_a_deal_whose_history_is_newer_than_its_last_edit_is_not_asked_for_again(world):
    acme = world(30)
    acme.sync()
    edit(acme, acme.emulator.admin.truth_ids(1001)[4], dealname="other")
    assert history_calls(acme) == 1
    assert history_calls(acme) == 0
    acme.sync(Mode.FULL)
    acme.reconcile()
    assert history_calls(acme) == 0


def test_a_first_load_asks_for_no_history(world):
    acme = world(30)
    acme.sync()
    assert history_calls(acme) == 0
    assert acme.value("SELECT count(*) FROM property_history_reads") == 0


def test_the_nightly_run_finds_a_history_that_is_older_than_the_deals_last_edit(world):
    acme = world(30)
    acme.sync()
    read, unread = acme.emulator.admin.truth_ids(1001)[4:6]
    edit(acme, read, dealname="other")
    an_hour_passes(acme)
    acme.sync()
    moments = {deal: there_and_back(acme, deal) for deal in (read, unread)}
    acme.sync()
    acme.execute("UPDATE sync_cursors SET cursor_id = '999999999' WHERE stream = 'deals/history'")
    acme.reconcile()
    for deal, between in moments.items():
        assert as_of(acme, deal, between) == ("9000.00", "history")


def test_what_an_already_full_history_no_longer_has_is_not_said_to_be_known(world):
    acme = world(30)
    acme.sync()
    deal = acme.emulator.admin.truth_ids(1001)[4]
    with psycopg.connect(acme.dsn) as conn:
        conn.execute("UPDATE deals SET crm_created_at = now() - interval '90 days' WHERE crm_id = %s", (deal,))
        conn.execute(
            "INSERT INTO property_history (integration_id, object_type, crm_id, property, changed_at, value) "
            "SELECT id, 'deals', %s, 'amount', now() - n * interval '1 day', n FROM crm_integrations, "
            "generate_series(1, 20) n",
            (deal,),
        )
        conn.execute(
            "INSERT INTO property_history_reads (integration_id, object_type, crm_id, read_at) "
            "SELECT id, 'deals', %s, now() FROM crm_integrations",
            (deal,),
        )
    now = datetime.now(UTC)
    assert as_of(acme, deal, now - timedelta(days=1, hours=1)) == ("2", "history")
    assert as_of(acme, deal, now - timedelta(days=30))[1] == "assumed"
