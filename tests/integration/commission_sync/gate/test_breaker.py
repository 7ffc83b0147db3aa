"""A portal that is down is left alone by all workers at once, until one call finds out that it is back."""

import logging
import threading

import pytest

from airflow_hubspot.client import CircuitOpen, HubSpotError, Invalid, SearchQuery, Unavailable, postponement
from airflow_hubspot.client.request import Request


def failing(client):
    with pytest.raises(HubSpotError) as told:
        client.objects.list_page("deals", limit=1)
    return told.value


def until_open(portal, client):
    while not isinstance(failing(client), CircuitOpen):
        pass
    return portal.row("SELECT state, failures, openings FROM circuit_breakers")


def probe_is_due(portal):
    portal.execute("UPDATE circuit_breakers SET probe_at = now() - interval '1 second'")


@pytest.mark.parametrize("fault", ["server_error_html", "reset", "timeout", "truncated_json"])
def test_it_opens_within_ten_calls_that_were_not_served_and_no_worker_calls_any_more(gate, fault, caplog):
    portal = gate(limits=False)
    portal.admin.set_faults(1001, {fault: 1.0, "timeout_seconds": 0.6})
    assert until_open(portal, portal.client(timeout_seconds=0.3)) == ("open", 7, 1)
    calls = portal.admin.stats(1001)["faults"][fault]
    assert calls <= 10
    refusal = failing(portal.client())
    assert (type(refusal), portal.admin.stats(1001)["faults"][fault]) == (CircuitOpen, calls)
    assert 0 < postponement(refusal) <= 15
    assert "breaker opened company=acme failures=7 probe_at=" in caplog.text


def test_refusals_do_not_open_it(gate):
    portal = gate(limits=False)
    client = portal.client()
    for _ in range(12):
        with pytest.raises(Invalid):
            client.sdk.call("POST", "/crm/objects/2026-03/deals/search", body={"limit": 5_000})
    portal.admin.set_faults(1001, {"next": ["locked_423"] * 3})
    client.objects.search_page("deals", SearchQuery(limit=1))
    assert portal.row("SELECT count(*) FROM circuit_breakers") == (0,)


def test_an_answer_in_between_starts_the_count_anew(gate):
    portal = gate(limits=False)
    client = portal.client()
    for _ in range(2):
        portal.admin.set_faults(1001, {"next": ["reset"] * 6})
        client.objects.list_page("deals", limit=1)
    assert portal.row("SELECT state, failures FROM circuit_breakers") == ("closed", 0)


def test_of_many_workers_one_probes_and_a_failed_probe_doubles_the_pause(gate):
    portal = gate(limits=False)
    portal.admin.set_faults(1001, {"reset": 1.0})
    until_open(portal, portal.client())
    before = portal.admin.stats(1001)["faults"]["reset"]
    probe_is_due(portal)
    clients = [portal.client() for _ in range(8)]
    threads = [threading.Thread(target=failing, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert portal.admin.stats(1001)["faults"]["reset"] == before + 1
    state, openings, pause = portal.row(
        "SELECT state, openings, extract(epoch FROM probe_at - opened_at)::int FROM circuit_breakers"
    )
    assert (state, openings, pause) == ("open", 2, 30)


def test_a_probe_that_is_answered_closes_it_for_all_who_waited_for_it(gate, caplog):
    caplog.set_level(logging.INFO)
    portal = gate(limits=False)
    portal.admin.set_faults(1001, {"reset": 1.0})
    until_open(portal, portal.client())
    portal.admin.set_faults(1001, {})
    portal.admin.set_knobs(1001, latency_ms=300)
    probe_is_due(portal)
    results = []
    threads = [
        threading.Thread(
            target=lambda c: results.append(c.objects.list_page("deals", limit=1)), args=(portal.client(),)
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert portal.row("SELECT state, failures, openings FROM circuit_breakers") == ("closed", 0, 0)
    assert "breaker closed company=acme" in caplog.text


def test_a_probe_whose_worker_died_is_replaced(gate):
    portal = gate(limits=False)
    portal.admin.set_faults(1001, {"reset": 1.0})
    until_open(portal, portal.client())
    portal.admin.set_faults(1001, {})
    portal.execute("UPDATE circuit_breakers SET state = 'half_open', probe_at = now() + interval '60 seconds'")
    impatient = portal.client()

    def stop(_):
        raise TimeoutError

    impatient._transport.pause = stop
    with pytest.raises(TimeoutError):
        impatient.objects.list_page("deals", limit=1)
    probe_is_due(portal)
    assert portal.client().objects.list_page("deals", limit=1).results
    assert portal.row("SELECT state FROM circuit_breakers") == ("closed",)


def test_an_outage_shorter_than_the_count_is_none(gate):
    portal = gate(limits=False)
    portal.admin.set_faults(1001, {"reset": 1.0})
    client = portal.client()
    with pytest.raises(Unavailable):
        client._transport._send_once(Request("GET", "/crm/objects/2026-03/deals", "deals.list"))
    assert portal.row("SELECT state, failures FROM circuit_breakers") == ("closed", 1)
