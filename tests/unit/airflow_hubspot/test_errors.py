"""Every answer that is not a success becomes one of our exceptions, with the next step and without the token."""

import pickle
from datetime import UTC, datetime

import orjson
import pytest

from airflow_hubspot.client import (
    Blocked,
    Conflict,
    Invalid,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnreadableAnswer,
    UriTooLong,
    answers,
)
from airflow_hubspot.client.errors import error_from_response
from airflow_hubspot.client.request import Request, value_of

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def error(status, body=b"", headers=None, **kwargs):
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return error_from_response(status, headers or {}, raw, operation="deals.search", now=NOON, **kwargs)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Unauthorized),
        (404, NotFound),
        (409, Conflict),
        (414, UriTooLong),
        (423, Unavailable),
        (429, RateLimited),
        (477, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (521, Unavailable),
        (524, Unavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html><title>Bad Gateway</title></html>", b"{", b"[]", b'{"message": null}'])
def test_any_body_at_all_gives_the_exception_of_its_status(status, kind, body):
    raised = error(status, body)
    assert type(raised) is kind
    assert (raised.status, "deals.search" in str(raised)) == (status, True)


@pytest.mark.parametrize(
    ("policy", "seconds"), [("SECONDLY", 1.0), ("TEN_SECONDLY_ROLLING", 10.0), ("DAILY", 3600.0), (None, 10.0)]
)
def test_a_limit_tells_how_long_to_wait(policy, seconds):
    body = {"status": "error", "message": "You have reached your limit.", "errorType": "RATE_LIMIT"}
    assert error(429, body | ({"policyName": policy} if policy else {})).retry_after == seconds


def test_the_daily_limit_is_waited_for_until_midnight_in_the_portals_zone():
    raised = error(429, {"policyName": "DAILY"}, time_zone="US/Eastern")
    assert raised.retry_after == 17 * 3600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0), ("soon", 10.0), ("", 10.0)],
)
def test_retry_after_is_honoured_when_it_can_be_read(header, seconds):
    assert error(429, {}, {"retry-after": header}).retry_after == seconds


def test_missing_scopes_are_named():
    body = {
        "message": "This app hasn't been granted all required scopes to make this call.",
        "category": "MISSING_SCOPES",
        "errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}],
    }
    raised = error(403, body)
    assert raised.scopes == ("crm.objects.deals.read",)
    assert "crm.objects.deals.read" in str(raised)
    assert error(403, {"message": "no"}).scopes == ()


def test_an_invalid_property_is_named():
    inner = '[{"isValid":false,"error":"PROPERTY_DOESNT_EXIST","name":"x"}]'
    body = {
        "message": f"Property values were not valid: {inner}",
        "errors": [{"code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["x"]}}],
    }
    assert error(400, body).property_name == "x"


def test_an_error_is_one_line_with_what_support_asks_for_and_the_next_step():
    body = {"message": "The OAuth token used\nexpired 3 minute(s) ago.", "correlationId": "c-1"}
    told = str(error(401, body))
    assert "\n" not in told
    for part in (
        "expired 3 minute(s) ago",
        "status 401",
        "correlation id c-1",
        "put a valid token into the connection",
    ):
        assert part in told


def test_an_error_survives_being_sent_to_another_process():
    raised = error(429, {"policyName": "SECONDLY", "correlationId": "c-2"})
    again = pickle.loads(pickle.dumps(raised))
    assert (type(again), str(again), again.retry_after, again.policy) == (RateLimited, str(raised), 1.0, "SECONDLY")


@pytest.mark.parametrize("body", [b"", b"<html><title>403 Forbidden</title></html>"])
def test_a_refusal_by_the_edge_is_no_missing_scope_and_is_tried_again(body):
    raised = error(403, body)
    assert type(raised) is Blocked
    assert "whether the address of this server is blocked" in raised.hint


@pytest.mark.parametrize(
    ("body", "is_vague"),
    [
        (b"", True),
        (b"<html></html>", True),
        ({"status": "error", "message": "There was a problem with the request."}, True),
        ({"status": "error", "message": "There was a problem with the request.", "errors": [{"code": "X"}]}, False),
        ({"status": "error", "message": "limit must be at most 200", "category": "VALIDATION_ERROR"}, False),
    ],
)
def test_only_a_400_that_says_nothing_is_doubted(body, is_vague):
    assert error(400, body).is_vague is is_vague


@pytest.mark.parametrize(
    ("code", "said"),
    [("MISSING_REQUIRED_PROPERTY", "for new records"), ("MISSING_CONDITIONAL_REQUIRED_PROPERTY", "on the record")],
)
def test_an_administrators_rule_says_what_the_administrator_can_do(code, said):
    raised = error(400, {"message": "no", "errors": [{"code": code, "context": {"propertyName": ["region"]}}]})
    assert (raised.code, raised.property_name) == (code, "region")
    assert said in raised.hint
    assert "administrator" in raised.hint


def test_a_530_names_the_token_first():
    raised = error(530, b"<html><title>530</title></html>")
    assert type(raised) is Unauthorized
    assert raised.hint.startswith("the token is probably malformed")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b'{"status": "error"}', b'{"results": [1]}'])
def test_a_success_of_another_shape_is_malformed_and_nothing_else(body):
    request = Request("GET", "/crm/objects/2026-09/deals", "deals.list", read=answers.list_page)
    with pytest.raises(UnreadableAnswer, match=r"deals\.list with 200, but not in the documented shape"):
        value_of(request, 200, body)
