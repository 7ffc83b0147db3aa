"""Associations, splits and reference data, as HubSpot answers them over HTTP."""

import pytest

from airflow_hubspot.client import HubSpotClient, HubSpotError, InMemoryLimiter
from airflow_hubspot.client.splits import Split

PATH = "/crm/associations/2026-09/deals/line_items/batch/read"


@pytest.fixture
def client(httpserver):
    with HubSpotClient(token="x", base_url=httpserver.url_for(""), limiter=InMemoryLimiter(10_000, 10_000)) as made:
        yield made


def result(source, *targets, after=None):
    found = {"from": {"id": source}, "to": [{"toObjectId": t, "associationTypes": []} for t in targets]}
    return found | ({"paging": {"next": {"after": after}}} if after else {})


def none(*sources):
    return {
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": "No line item is associated",
        "context": {"fromObjectId": list(sources)},
    }


def answers(httpserver, *bodies):
    for body in bodies:
        httpserver.expect_ordered_request(PATH).respond_with_json(body, status=207 if body.get("errors") else 200)


def test_ids_are_text_whether_hubspot_sends_numbers_or_text(client, httpserver):
    answers(httpserver, {"results": [result("1", 10, "11"), result(2, 12)]})
    assert client.associations.read("deals", "line_items", ["1", "2"]) == {"1": {"10", "11"}, "2": {"12"}}


def test_none_found_is_an_empty_set_and_silence_is_nothing(client, httpserver):
    answers(httpserver, {"results": [result("1", 10)], "errors": [none("2")]})
    assert client.associations.read("deals", "line_items", ["1", "2", "3"]) == {"1": {"10"}, "2": frozenset()}


def test_any_other_error_fails_the_whole_answer(client, httpserver):
    answers(
        httpserver, {"results": [result("1", 10)], "errors": [{"category": "INTERNAL", "message": "one shard is away"}]}
    )
    with pytest.raises(HubSpotError, match="in part: one shard is away") as raised:
        client.associations.read("deals", "line_items", ["1", "2"])
    assert "nothing was attached or detached" in raised.value.hint


def test_pages_are_followed_only_for_records_that_have_more(client, httpserver):
    answers(httpserver, {"results": [result("1", 10, after="10"), result("2", 20)]}, {"results": [result("1", 11)]})
    assert client.associations.read("deals", "line_items", ["1", "2"]) == {"1": {"10", "11"}, "2": {"20"}}
    first, second = (request.get_json() for request, _ in httpserver.log)
    assert first == {"inputs": [{"id": "1"}, {"id": "2"}]}
    assert second == {"inputs": [{"id": "1", "after": "10"}]}


def test_a_page_that_names_itself_as_the_next_one_is_an_error(client, httpserver):
    httpserver.expect_request(PATH).respond_with_json({"results": [result("1", 10, after="10")]})
    with pytest.raises(HubSpotError, match="as its own next page"):
        client.associations.read("deals", "line_items", ["1"])


def test_a_thousand_ids_go_with_one_call(client, httpserver):
    answers(httpserver, {"results": []}, {"results": []})
    client.associations.read("deals", "line_items", [str(n) for n in range(1_500)])
    assert [len(request.get_json()["inputs"]) for request, _ in httpserver.log] == [1_000, 500]


@pytest.mark.parametrize(
    "raw",
    [
        {"ownerId": 7, "percentage": "0.5"},
        {"id": "1", "properties": {"hubspot_owner_id": "7", "hs_deal_split_percentage": "0.5"}},
    ],
)
def test_splits_are_read_in_both_shapes_that_hubspot_documents(client, httpserver, raw):
    httpserver.expect_request("/deal-splits/2026-09/batch/read").respond_with_json(
        {"results": [{"id": 1, "splits": [raw]}, {"id": "2"}]}
    )
    assert client.splits.read(["1", "2"]) == {"1": (Split("7", "0.5"),), "2": ()}


def test_owners_are_read_page_by_page(client, httpserver):
    owner = {"id": "1", "email": "a@example.com", "userId": 5, "teams": [], "archived": False}
    pages = (
        {"results": [owner], "paging": {"next": {"after": "1"}}},
        {"results": [owner | {"id": "2", "userId": None}]},
    )
    for page in pages:
        httpserver.expect_ordered_request("/crm/owners/2026-09").respond_with_json(page)
    assert [(o.id, o.user_id) for o in client.reference.owners()] == [("1", "5"), ("2", None)]
