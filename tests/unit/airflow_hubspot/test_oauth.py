"""OAuth as values: what is asked, what an answer means, and what an error never repeats."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_hubspot.client import (
    Invalid,
    NeedsAuthorization,
    NotFound,
    OAuthApp,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from airflow_hubspot.client.oauth import authorize_url, exchange_form, refresh_form, token_grant

APP = OAuthApp("app-1", "the-client-secret")
GRANT = {"access_token": "access-secret", "refresh_token": "refresh-secret", "expires_in": 1800, "token_type": "bearer"}


def answered(status, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return token_grant(status, headers, raw, refresh_token="refresh-before")


@pytest.mark.parametrize(
    ("base_url", "page"),
    [
        ("https://api.hubapi.com", "https://app.hubspot.com/oauth/authorize"),
        ("https://api-eu1.hubapi.com/", "https://app.hubspot.com/oauth/authorize"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765/oauth/authorize"),
        ("https://nothubapi.com", "https://nothubapi.com/oauth/authorize"),
    ],
)
def test_a_person_is_sent_to_hubspots_page_or_the_emulators(base_url, page):
    scopes = ("oauth", "crm.objects.deals.read")
    url = authorize_url(APP, base_url=base_url, redirect_uri="http://localhost/back?x=1", scopes=scopes, state="a b&c")
    assert url.partition("?")[0] == page
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["app-1"],
        "redirect_uri": ["http://localhost/back?x=1"],
        "scope": ["oauth crm.objects.deals.read"],
        "state": ["a b&c"],
    }
    assert "secret" not in url


def test_the_forms_are_those_of_the_token_endpoint():
    app = {"client_id": "app-1", "client_secret": "the-client-secret"}
    assert refresh_form(APP, "r") == {**app, "grant_type": "refresh_token", "refresh_token": "r"}
    code = {"grant_type": "authorization_code", "code": "c", "redirect_uri": "u"}
    assert exchange_form(APP, "c", "u") == {**app, **code}


def test_a_newer_endpoint_tells_portal_and_scopes_and_v1_does_not():
    told = answered(200, {**GRANT, "hub_id": 1001, "scopes": ["oauth"]})
    assert (told.portal_id, told.scopes, told.lifetime_seconds) == (1001, ("oauth",), 1800)
    assert (answered(200, GRANT).portal_id, answered(200, GRANT).scopes) == (None, None)


def test_a_refresh_token_is_replaced_only_by_another_one():
    assert answered(200, GRANT).refresh_token == "refresh-secret"
    assert answered(200, {k: v for k, v in GRANT.items() if k != "refresh_token"}).refresh_token == "refresh-before"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"status": "BAD_REFRESH_TOKEN", "message": "x", "error": "invalid_grant"}, NeedsAuthorization),
        (400, {"status": "BAD_REFRESH_TOKEN", "message": "x"}, NeedsAuthorization),
        (400, {"error": "invalid_grant"}, NeedsAuthorization),
        (400, {"status": "BAD_AUTH_CODE", "message": "x"}, NeedsAuthorization),
        (400, {"status": "BAD_CLIENT_ID", "message": "x"}, Unauthorized),
        (401, {"error": "invalid_client"}, Unauthorized),
        (400, {"status": "error", "message": "other"}, Invalid),
        (404, {"status": "error"}, NotFound),
        (429, {"status": "error", "message": "You have reached your rate limit."}, RateLimited),
        (502, b"<html>Bad Gateway</html>", Unavailable),
        (200, b"<html>not a grant</html>", Unavailable),
        (200, {"access_token": "access-secret"}, Unavailable),
        (200, {**GRANT, "expires_in": "soon"}, Unavailable),
    ],
)
def test_every_refusal_is_an_error_to_act_on_that_tells_no_secret(status, body, kind):
    with pytest.raises(kind) as raised:
        answered(status, body if isinstance(body, bytes) else {**body, "message": "refresh-before is bad"})
    assert type(raised.value) is kind
    told = str(raised.value) + repr(vars(raised.value)) + repr(raised.value.args)
    assert "refresh-before" not in told
    assert "access-secret" not in told


def test_only_a_dead_grant_asks_for_a_person():
    for status, body in [(400, {"status": "BAD_CLIENT_SECRET"}), (500, b""), (429, {})]:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
            answered(status, body)
        assert not isinstance(raised.value, NeedsAuthorization)


def test_a_limited_token_endpoint_says_for_how_long():
    with pytest.raises(RateLimited) as raised:
        answered(429, {"message": "You have reached your rate limit."}, **{"retry-after": "7"})
    assert raised.value.retry_after == 7


def test_neither_an_app_nor_a_grant_shows_its_secrets():
    shown = repr(APP) + repr(answered(200, GRANT))
    assert "secret" not in shown
