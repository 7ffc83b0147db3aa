"""The emulator's OAuth as an app meets it: a person's consent, tokens that end, refusals word for word."""

import json
import time
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest

from hubspot_emulator import PortalSpec, running_emulator

PORTALS = [PortalSpec("acme", 1001, 20, "pat-na1-acme"), PortalSpec("globex", 1002, 20, "pat-na1-globex")]
APP = {"client_id": "emulated-app", "client_secret": "emulated-secret"}
REDIRECT = "http://localhost:8080/hubspot/oauth/callback"


@pytest.fixture
def emulator():
    with running_emulator(PORTALS, limits=False) as running:
        yield running


def call(method, url, *, form=None, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(url, method=method, headers=headers, data=None if form is None else urlencode(form).encode())
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except HTTPError as error:
        return error.code, json.loads(error.read())


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def consent(emulator, portal_id, **query):
    """Press the button of a portal and return what the app's redirect URL is told."""
    wanted = {"client_id": "emulated-app", "redirect_uri": REDIRECT, "scope": "oauth crm.objects.deals.read", **query}
    request = Request(
        f"{emulator.url}/oauth/authorize?{urlencode(wanted)}", data=urlencode({"portal_id": portal_id}).encode()
    )
    with pytest.raises(HTTPError) as redirected:
        build_opener(Stay).open(request, timeout=10)
    target = urlsplit(redirected.value.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
    return {name: values[0] for name, values in parse_qs(target.query).items()}


def refreshed(emulator, refresh_token, version="2026-03"):
    form = {**APP, "grant_type": "refresh_token", "refresh_token": refresh_token}
    return call("POST", f"{emulator.url}/oauth/{version}/token", form=form)


def exchanged(emulator, code, version="2026-03", redirect_uri=REDIRECT):
    form = {**APP, "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return call("POST", f"{emulator.url}/oauth/{version}/token", form=form)


def test_a_consent_gives_a_code_that_is_good_once(emulator):
    told = consent(emulator, 1002, state="s t&te")
    assert told["state"] == "s t&te"
    status, tokens = exchanged(emulator, told["code"])
    assert (status, tokens["hub_id"], tokens["expires_in"], tokens["token_type"]) == (200, 1002, 1800, "bearer")
    assert tokens["scopes"] == ["oauth", "crm.objects.deals.read"]
    status, account = call("GET", f"{emulator.url}/account-info/2026-03/details", token=tokens["access_token"])
    assert (status, account["portalId"]) == (200, 1002)
    status, again = exchanged(emulator, told["code"])
    assert (status, again["status"], again["error"]) == (400, "BAD_AUTH_CODE", "invalid_grant")


def test_the_page_names_the_scopes_and_the_accounts_and_refuses_a_strange_app(emulator):
    query = {"client_id": "emulated-app", "redirect_uri": REDIRECT, "scope": "oauth crm.objects.deals.read"}
    with urlopen(f"{emulator.url}/oauth/authorize?{urlencode(query)}") as answer:
        page = answer.read().decode()
    assert "crm.objects.deals.read" in page
    assert "Connect acme" in page
    assert "Connect globex" in page
    with pytest.raises(HTTPError, match="400"):
        urlopen(f"{emulator.url}/oauth/authorize?{urlencode({**query, 'client_id': 'other'})}")


def test_a_person_who_cancels_sends_an_error_back(emulator):
    assert consent(emulator, "", state="x")["error"] == "access_denied"


def test_a_code_is_bound_to_its_redirect(emulator):
    status, answer = exchanged(emulator, consent(emulator, 1001)["code"], redirect_uri="http://localhost/other")
    assert (status, answer["status"]) == (400, "MISMATCH_REDIRECT_URI_AUTH_CODE")


@pytest.mark.parametrize(("version", "tells"), [("v1", False), ("v3", True), ("2026-03", True), ("2026-09", True)])
def test_only_the_newer_token_endpoints_tell_the_account(emulator, version, tells):
    status, answer = refreshed(emulator, emulator.admin.install(1001)["refresh_token"], version)
    assert status == 200
    assert ("hub_id" in answer, "scopes" in answer) == (tells, tells)


def test_an_access_token_expires_and_says_since_when(emulator):
    emulator.admin.set_oauth(token_seconds=1)
    token = emulator.admin.install(1001)["access_token"]
    assert call("GET", f"{emulator.url}/account-info/v3/details", token=token)[0] == 200
    time.sleep(1.1)
    status, answer = call("GET", f"{emulator.url}/account-info/v3/details", token=token)
    assert (status, answer["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert answer["message"].startswith("The OAuth token used to make this call expired 0 second(s) ago")
    assert answer["context"]["expire time"][0].endswith("Z")


def test_refresh_tokens_stay_or_rotate(emulator):
    first = emulator.admin.install(1001)["refresh_token"]
    assert refreshed(emulator, first)[1]["refresh_token"] == first
    emulator.admin.set_oauth(rotates=True)
    second = refreshed(emulator, first)[1]["refresh_token"]
    assert second != first
    assert refreshed(emulator, first)[1]["status"] == "BAD_REFRESH_TOKEN"
    assert refreshed(emulator, second)[0] == 200


def test_an_uninstalled_app_has_dead_tokens(emulator):
    tokens = emulator.admin.install(1001)
    emulator.admin.uninstall(1001)
    status, answer = refreshed(emulator, tokens["refresh_token"])
    assert (status, answer["status"], answer["error"]) == (400, "BAD_REFRESH_TOKEN", "invalid_grant")
    assert call("GET", f"{emulator.url}/account-info/v3/details", token=tokens["access_token"])[0] == 401


def test_the_token_endpoint_can_be_limited_and_old_versions_switched_off(emulator):
    refresh_token = emulator.admin.install(1001)["refresh_token"]
    emulator.admin.set_oauth(faults={"next": ["rate_limited"]}, endpoints=["v1"])
    assert refreshed(emulator, refresh_token)[0] == 404
    status, answer = refreshed(emulator, refresh_token, "v1")
    assert (status, answer["message"]) == (429, "You have reached your rate limit.")
    assert refreshed(emulator, refresh_token, "v1")[0] == 200


def test_a_wrong_app_is_told_apart_from_a_dead_token(emulator):
    form = {**APP, "client_secret": "wrong", "grant_type": "refresh_token", "refresh_token": "x"}
    status, answer = call("POST", f"{emulator.url}/oauth/2026-03/token", form=form)
    assert (status, answer["status"], answer["error"]) == (400, "BAD_CLIENT_SECRET", "invalid_client")


def test_a_token_can_be_asked_about_in_the_body_or_by_v1_in_the_path(emulator):
    token = emulator.admin.install(1001, scopes=["oauth"])["access_token"]
    status, answer = call("POST", f"{emulator.url}/oauth/2026-03/token/introspect", form={**APP, "token": token})
    assert (status, answer["active"], answer["hub_id"], answer["scopes"]) == (200, True, 1001, ["oauth"])
    assert call("GET", f"{emulator.url}/oauth/v1/access-tokens/{token}")[1]["hub_id"] == 1001
    emulator.admin.expire_tokens(1001)
    expired = call("POST", f"{emulator.url}/oauth/2026-03/token/introspect", form={**APP, "token": token})
    assert expired == (200, {"active": False})
    assert call("POST", f"{emulator.url}/oauth/v1/token/introspect", form={**APP, "token": token})[0] == 404


def test_a_grant_opens_only_what_its_scopes_say(emulator):
    token = emulator.admin.install(1001, scopes=["oauth"])["access_token"]
    status, answer = call("GET", f"{emulator.url}/crm/objects/2026-03/deals", token=token)
    assert (status, answer["category"]) == (403, "MISSING_SCOPES")
