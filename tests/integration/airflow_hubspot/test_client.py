"""The client against a HubSpot that misbehaves, over real HTTP."""

import logging
import threading
import time
import traceback

import pytest

from airflow_hubspot.client import (
    Filter,
    GivenUp,
    HubSpotClient,
    InMemoryLimiter,
    NotFound,
    Policy,
    RateLimited,
    SearchQuery,
    Unauthorized,
    Unavailable,
)
from airflow_hubspot.client.request import Request
from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 250, "pat-na1-acme-secret")


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture
def client(emulator):
    emulator.admin.set_faults(1001, {})
    emulator.admin.reset_stats()
    limiter = InMemoryLimiter(10_000, 10_000)
    with HubSpotClient(token=PORTAL.token, base_url=emulator.url, timeout_seconds=1.0, limiter=limiter) as made:
        yield made


def test_both_generations_of_paths_give_the_same_deals(emulator):
    for version in ("2026-09", "2026-03", "v3"):
        with HubSpotClient(token=PORTAL.token, base_url=emulator.url, api_version=version) as client:
            page = client.objects.list_page("deals", properties=["dealname"])
            assert len(page.results) == 100
            assert page.next_after == page.results[-1]["id"]
            assert client.account.details().portal_id == 1001


def test_an_unknown_version_is_refused_with_what_is_allowed():
    with pytest.raises(ValueError, match="use a dated one such as 2026-09, or v3"):
        HubSpotClient(token="x", api_version="v7")


def test_search_returns_hits_and_their_true_number(client):
    query = SearchQuery((Filter.gt("hs_object_id", "0"),), sort=("hs_object_id", "DESCENDING"), limit=10)
    page = client.objects.search_page("deals", query)
    assert (page.total, len(page.results), page.next_after) == (250, 10, "10")


def test_more_properties_than_a_url_can_name_are_read_in_batches(client):
    names = [d.name for d in client.properties.list("deals")] + [f"imaginary_property_number_{n}" for n in range(300)]
    page = client.objects.list_page("deals", limit=5, properties=names)
    assert len(page.results) == 5
    assert "contract_length_months" in page.results[0]["properties"]
    assert client.stats.snapshot().by_operation["deals.batch.read"] == 1


def test_half_a_character_in_one_deal_does_not_lose_the_page(httpserver):
    body = b'{"results": [{"id": "1", "properties": {"dealname": "cut \\ud83d"}}, {"id": "2", "properties": {}}]}'
    httpserver.expect_request("/crm/objects/2026-09/deals").respond_with_data(body, content_type="application/json")
    with HubSpotClient(token="x", base_url=httpserver.url_for("")) as client:
        page = client.objects.list_page("deals")
    assert [record["id"] for record in page.results] == ["1", "2"]
    assert page.results[0]["properties"]["dealname"] == "cut \ud83d"


def test_a_batch_read_tells_what_is_missing(client):
    known = client.objects.list_page("deals", limit=2).results
    result = client.objects.batch_read("deals", [known[0]["id"], "12"], ["amount"])
    assert [r["id"] for r in result.results] == [known[0]["id"]]
    assert result.missing == ["12"]


@pytest.mark.parametrize(
    "fault", ["rate_limited_retry_after", "server_error_html", "reset", "timeout", "truncated_json"]
)
def test_a_short_failure_is_repeated_and_counted(emulator, client, fault):
    emulator.admin.set_faults(1001, {"next": [fault], "timeout_seconds": 3, "retry_after_seconds": 0.2})
    assert client.objects.list_page("deals", limit=1).results
    snapshot = client.stats.snapshot()
    assert (snapshot.calls, snapshot.retries) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "kind"), [("server_error_html", Unavailable), ("reset", Unavailable), ("truncated_json", Unavailable)]
)
def test_a_lasting_failure_is_given_up_after_a_few_calls(emulator, client, fault, kind):
    emulator.admin.set_faults(1001, {fault: 1.0})
    with pytest.raises(kind) as raised:
        client.objects.list_page("deals", limit=1)
    assert raised.value.hint
    assert client.stats.snapshot().calls == 8


def test_a_long_wait_is_left_to_the_caller(emulator, client):
    emulator.admin.set_faults(1001, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 600})
    with pytest.raises(RateLimited) as raised:
        client.objects.list_page("deals", limit=1)
    assert (raised.value.retry_after, client.stats.snapshot().calls) == (600.0, 1)


def test_a_call_that_must_not_be_repeated_is_made_once(emulator, client):
    emulator.admin.set_faults(1001, {"server_error_html": 1.0})
    request = Request("POST", "/crm/v3/objects/deals", "deals.create", body=b"{}", repeatable=False)
    with pytest.raises(Unavailable):
        client._transport.send(request)
    assert client.stats.snapshot().calls == 1


def test_a_refused_token_is_not_tried_again_and_never_told(emulator, caplog):
    secret = "pat-na1-a-very-secret-token"
    with (
        caplog.at_level(logging.DEBUG),
        HubSpotClient(token=secret, base_url=emulator.url) as client,
        pytest.raises(Unauthorized) as raised,
    ):
        client.objects.list_page("deals")
    told = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(client) + repr(vars(raised.value))
    assert secret not in told
    assert client.stats.snapshot().calls == 1


def test_the_official_librarys_classes_go_through_the_gate(emulator, client):
    deals = client.sdk.client.crm.deals
    page = deals.basic_api.get_page(limit=3, properties=["dealname"])
    assert [deal.id for deal in page.results] == emulator.admin.truth_ids(1001)[:3]
    raw = deals.basic_api.get_page(limit=3, _preload_content=False)
    assert raw.status == 200
    with pytest.raises(NotFound):
        deals.basic_api.get_by_id("0")
    assert client.stats.snapshot().by_operation["deals.list"] == 2


def test_giving_up_ends_a_wait_for_a_limit(emulator):
    limiter = InMemoryLimiter()
    limiter.penalise(Policy.BURST, 60, asked=True)
    client = HubSpotClient(token=PORTAL.token, base_url=emulator.url, limiter=limiter)
    failure = []

    def wait() -> None:
        try:
            client.objects.list_page("deals")
        except GivenUp as error:
            failure.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    client.give_up()
    thread.join(timeout=5)
    assert failure


def test_a_host_that_is_not_there_is_unavailable_with_a_hint():
    with HubSpotClient(token="x", base_url="http://127.0.0.1:9", timeout_seconds=0.5) as client:
        with pytest.raises(Unavailable, match=r"did not answer account-info\.details") as raised:
            client.account.details()
        assert "check that the host" in raised.value.hint


def test_a_token_that_worked_before_is_believed_in_until_it_is_refused_again_and_again(emulator, client):
    emulator.admin.set_faults(1001, {"next": ["expired_token_401"]})
    with pytest.raises(Unauthorized):
        client.objects.list_page("deals", limit=1)
    assert client.objects.list_page("deals", limit=1).results
    emulator.admin.set_faults(1001, {"next": ["expired_token_401"] * 4})
    assert client.objects.list_page("deals", limit=1).results
    emulator.admin.reset_stats()
    emulator.admin.set_faults(1001, {"expired_token_401": 1.0})
    with pytest.raises(Unauthorized):
        client.objects.list_page("deals", limit=1)
    assert emulator.admin.stats(1001)["statuses"] == {"401": 5}


def test_a_write_that_was_refused_for_a_limit_is_made_again_and_one_that_was_cut_off_is_not(emulator, client):
    request = Request("POST", "/crm/v3/objects/deals", "deals.create", body=b'{"properties": {}}', repeatable=False)
    emulator.admin.set_faults(1001, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 0.1})
    assert client._transport.send(request).status in {200, 201}
    emulator.admin.set_faults(1001, {"next": ["reset_after_commit"]})
    with pytest.raises(Unavailable):
        client._transport.send(request)
