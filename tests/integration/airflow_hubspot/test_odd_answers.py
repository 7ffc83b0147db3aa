"""An answer that is not what it should be is asked for again; nothing but the client's own errors leaves the client."""

import pytest

from airflow_hubspot.client import (
    HubSpotClient,
    InMemoryLimiter,
    SearchQuery,
    Unauthorized,
    UnreadableAnswer,
)
from airflow_hubspot.client.answers import list_page
from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 300, "pat-na1-acme")


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture
def client(emulator):
    limiter = InMemoryLimiter(10_000, 10_000)
    with HubSpotClient(token=PORTAL.token, base_url=emulator.url, timeout_seconds=5.0, limiter=limiter) as made:
        yield made


READS = {
    "list": lambda c: c.objects.list_page("deals", limit=5),
    "search": lambda c: c.objects.search_page("deals", SearchQuery(limit=5)),
    "record": lambda c: c.objects.get("deals", "1011000000279"),
    "batch": lambda c: c.objects.batch_read("deals", ["1011000000279"], ["amount"]),
    "associations": lambda c: c.associations.read("deals", "line_items", ["1011000000279"]),
    "splits": lambda c: c.splits.read(["1011000000279"]),
    "properties": lambda c: c.properties.list("deals"),
    "owners": lambda c: c.reference.owners(),
    "stages": lambda c: c.reference.stages("deals"),
    "account": lambda c: c.account.details(),
    "usage": lambda c: c.account.daily_usage(),
    "rates": lambda c: list(c.currencies.exchange_rates()),
}


@pytest.mark.parametrize("fault", ["empty_200", "error_200", "blocked_403", "vague_400", "truncated_json"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_survives_an_answer_that_is_none(client, emulator, read, fault):
    expected = read(client)
    emulator.admin.set_faults(1001, {"next": [fault]})
    assert read(client) == expected


def test_the_answer_to_a_write_that_cannot_be_read_is_lost_not_a_failure(client, emulator):
    change = {"id": emulator.admin.truth_ids(1001)[0], "properties": {"amount": "17"}}
    emulator.admin.set_faults(1001, {"next": ["empty_200"]})
    with pytest.raises(UnreadableAnswer):
        client.objects.batch_update("deals", [change])
    assert client.objects.get("deals", change["id"], ["amount"])["properties"]["amount"] == "17"


def test_a_malformed_token_is_named_before_an_outage_is(client, emulator):
    emulator.admin.set_faults(1001, {"next": ["origin_error_530"]})
    with pytest.raises(Unauthorized, match="the token is probably malformed"):
        client.account.details()


def test_values_that_are_no_text_become_the_text_that_hubspot_documents(client, emulator):
    odd = {"amount": 1800.1, "hs_num": 3, "flag": True}
    first = emulator.admin.truth_ids(1001)[0]
    emulator.admin.set_knobs(1001, odd_records={first: {"properties": odd}})
    found = client.objects.get("deals", first)["properties"]
    assert {name: found[name] for name in odd} == {"amount": "1800.1", "hs_num": "3", "flag": "true"}


def test_a_list_that_names_an_id_twice_is_asked_for_again():
    record = {"id": "1", "properties": {}}
    with pytest.raises(UnreadableAnswer, match="1 records in 2 places"):
        list_page({"results": [record, dict(record)]})
