"""Statuses, headers, bodies and breakages, as HubSpot's documentation and live portals show them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import pytest
import urllib3

from hubspot_emulator import PortalSpec, running_emulator

PRO = PortalSpec("acme", 1001, 1_200, "pat-na1-acme")
FREE = PortalSpec("globex", 1002, 60, "pat-na1-globex", tier="free", currency="EUR")
POOR = PortalSpec("initech", 1003, 5, "pat-na1-initech", scopes=("oauth", "crm.objects.deals.read"))
BUSY = PortalSpec("hooli", 1004, 5, "pat-na1-hooli", tier="free")
pool = urllib3.PoolManager(retries=False, timeout=10)


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PRO, FREE, POOR, BUSY]) as running:
        yield running


@pytest.fixture
def call(emulator):
    def send(method, path, body=None, token=PRO.token, **kwargs):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body)
        return pool.request(method, emulator.url + path, headers=headers, body=data, **kwargs)

    emulator.admin.set_knobs(1001, limits=False)
    yield send
    emulator.admin.set_faults(1001, {})
    emulator.admin.set_knobs(1001, limits=False, lag_seconds=0, short_page_probability=0, retry_after=False)


def search(call, filters=(), **body):
    groups = [{"filters": list(filters)}] if filters else []
    return call("POST", "/crm/v3/objects/deals/search", {"filterGroups": groups, **body})


def test_numbered_and_dated_paths_and_all_names_of_the_type_answer_alike(call):
    paths = [
        "/crm/v3/objects/deals",
        "/crm/objects/2026-03/deal",
        "/crm/objects/2026-09/DEALS/",
        "/crm/objects/2025-09/0-3",
    ]
    answers = [call("GET", f"{path}?limit=2&properties=dealname&properties=amount").json() for path in paths]
    answers.append(call("GET", "/crm/v3/objects/deals?limit=2&properties=dealname,amount&archived=False").json())
    assert all(answer["results"] == answers[0]["results"] for answer in answers)
    assert len(answers[0]["results"]) == 2
    unknown = call("GET", "/crm/v3/objects/unicorns")
    assert (unknown.status, unknown.json()["message"]) == (400, "Unable to infer object type from: unicorns")


def test_a_batch_create_answers_201_but_200_in_the_oldest_dated_version(call):
    body = {"inputs": [{"properties": {"dealname": "x"}}]}
    statuses = {v: call("POST", f"/crm/objects/{v}/deals/batch/create", body).status for v in ("2025-09", "2026-03")}
    assert statuses == {"2025-09": 200, "2026-03": 201}


def test_every_value_is_a_string_or_null_and_unknown_names_are_dropped(call):
    record = call("GET", "/crm/v3/objects/deals?limit=1&properties=amount,no_such_property").json()["results"][0]
    assert set(record["properties"]) == {"amount", "createdate", "hs_lastmodifieddate", "hs_object_id"}
    assert all(v is None or isinstance(v, str) for v in record["properties"].values())


def test_a_time_without_milliseconds_has_no_fraction(emulator):
    written = [deal["updatedAt"] for deal in emulator.admin.truth(1001)]
    assert any("." not in when for when in written)
    assert all(when.endswith("Z") and ".000" not in when for when in written)


@pytest.mark.parametrize(
    ("token", "category", "said"),
    [
        (None, "INVALID_AUTHENTICATION", "Authentication credentials not found"),
        ("pat-wrong", "EXPIRED_AUTHENTICATION", "expired 20543 day(s) ago"),
    ],
)
def test_a_call_without_a_good_token_is_401(call, token, category, said):
    answer = call("GET", "/crm/v3/objects/deals", token=token)
    assert (answer.status, answer.json()["category"]) == (401, category)
    assert said in answer.json()["message"]


def test_a_missing_scope_is_403_and_named(call):
    answer = call("GET", "/crm/v3/owners/", token=POOR.token)
    assert (answer.status, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert answer.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.owners.read"]


def test_portals_do_not_see_each_other(emulator, call):
    theirs = emulator.admin.truth_ids(1002)[0]
    assert call("GET", f"/crm/v3/objects/deals/{theirs}").status == 404
    assert call("GET", f"/crm/v3/objects/deals/{theirs}", token=FREE.token).status == 200


@pytest.mark.parametrize("path", ["/account-info/v3/details", "/account-info/2026-03/details"])
def test_the_account_says_who_it_is(call, path):
    details = call("GET", path, token=FREE.token).json()
    assert (details["portalId"], details["companyCurrency"], details["timeZone"]) == (1002, "EUR", "US/Eastern")


def test_a_token_tells_its_scopes(call):
    answer = call("POST", "/oauth/v2/private-apps/get/access-token-info", {"tokenKey": POOR.token}, token=POOR.token)
    assert answer.json()["scopes"] == list(POOR.scopes)


def test_a_url_that_is_too_long_is_refused_by_the_edge_in_html(call):
    answer = call("GET", f"/crm/v3/objects/deals?properties={'x' * 9_000}")
    assert answer.status == 414
    assert answer.data.startswith(b"<html>")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/crm/v3/objects/deals?limit=101", None),
        ("GET", "/crm/v3/objects/deals?limit=51&propertiesWithHistory=amount", None),
        ("POST", "/crm/v3/objects/deals/batch/read", {"inputs": [{"id": str(n)} for n in range(101)]}),
        ("POST", "/crm/v3/objects/deals/search", {"limit": 201}),
        ("POST", "/crm/v3/objects/deals/search", {"after": "9900", "limit": 200}),
        ("POST", "/crm/v3/objects/deals/search", {"sorts": ["amount", "dealname"]}),
        ("POST", "/crm/v3/objects/deals/search", {"filterGroups": [{"filters": []}] * 6}),
        (
            "POST",
            "/crm/v3/objects/deals/search",
            {"filters": [{"propertyName": "amount", "operator": "BETWEEN", "value": "1"}]},
        ),
        ("POST", "/crm/v3/objects/deals", {"properties": {"no_such": "1"}}),
        ("POST", "/crm/v3/objects/deals", {"properties": {"hs_object_id": "1"}}),
        ("POST", "/crm/v3/objects/deals", {"properties": {"sales_region": "MOON"}}),
    ],
)
def test_what_hubspot_refuses_is_400_with_a_category_and_a_correlation_id(call, method, path, body):
    answer = call(method, path, body)
    assert (answer.status, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert answer.headers["X-HubSpot-Correlation-Id"] == answer.json()["correlationId"]


def test_calls_over_the_burst_limit_are_refused_with_hubspots_body(emulator):
    headers = {"Authorization": f"Bearer {BUSY.token}"}
    emulator.admin.use_up(1004, calls=97)
    answers = [pool.request("GET", emulator.url + "/crm/v3/owners/", headers=headers) for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "100"
    assert answers[2].headers["X-HubSpot-RateLimit-Remaining"] == "0"
    body = answers[3].json()
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "category" not in body
    assert "Retry-After" not in answers[3].headers


def test_searches_have_a_limit_of_their_own_and_no_headers(emulator, call):
    emulator.admin.set_knobs(1001, limits=True, retry_after=True)
    answers = [search(call, limit=1) for _ in range(7)]
    assert Counter(a.status for a in answers)[429] >= 1
    assert not [name for a in answers for name in a.headers if name.lower().startswith("x-hubspot-ratelimit")]
    refused = next(a for a in answers if a.status == 429)
    assert (refused.json()["policyName"], refused.headers["Retry-After"]) == ("SECONDLY", "1")
    time.sleep(1.1)
    assert search(call, limit=1).status == 200


def test_the_daily_limit_says_so(emulator, call):
    emulator.admin.set_knobs(1001, limits=True, used_today=625_000)
    assert call("GET", "/crm/v3/owners/").json()["policyName"] == "DAILY"
    emulator.admin.set_knobs(1001, used_today=0)


def test_a_change_shows_in_search_only_after_the_lag_but_in_reads_at_once(emulator, call):
    crm_id = emulator.admin.truth_ids(1001)[5]
    emulator.admin.set_knobs(1001, lag_seconds=1.0)
    call("PATCH", f"/crm/v3/objects/deals/{crm_id}", {"properties": {"partner_name": "Late Ltd"}})
    wanted = [{"propertyName": "partner_name", "operator": "EQ", "value": "Late Ltd"}]
    assert search(call, wanted).json()["total"] == 0
    assert call("GET", f"/crm/v3/objects/deals/{crm_id}?properties=partner_name").json()["properties"]["partner_name"]
    time.sleep(1.1)
    assert search(call, wanted).json()["total"] == 1


def test_archiving_does_not_move_the_modified_time_and_a_restore_brings_the_deal_back(emulator, call):
    crm_id = emulator.admin.truth_ids(1001)[9]
    before = call("GET", f"/crm/v3/objects/deals/{crm_id}").json()["updatedAt"]
    assert call("DELETE", f"/crm/v3/objects/deals/{crm_id}").status == 204
    archived = call("GET", f"/crm/v3/objects/deals/{crm_id}?archived=true").json()
    assert archived["updatedAt"] == before
    assert search(call, [{"propertyName": "hs_object_id", "operator": "EQ", "value": crm_id}]).json()["total"] == 0
    emulator.admin.restore_deal(1001, crm_id)
    assert call("GET", f"/crm/v3/objects/deals/{crm_id}").json()["updatedAt"] == before


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("rate_limited", 429),
        ("rate_limited_retry_after", 429),
        ("locked_423", 423),
        ("migrating_477", 477),
        ("expired_token_401", 401),
    ],
)
def test_a_fault_answers_as_hubspot_would(emulator, call, fault, status):
    emulator.admin.set_faults(1001, {"next": [fault], "retry_after_seconds": 7})
    answer = call("GET", "/crm/v3/owners/")
    assert answer.status == status
    assert answer.json()["status"] == "error"
    assert ("Retry-After" in answer.headers) == (fault in {"rate_limited_retry_after", "migrating_477"})
    assert call("GET", "/crm/v3/owners/").status == 200


def test_a_server_error_is_html(emulator, call):
    emulator.admin.set_faults(1001, {"server_error_html": 1.0})
    answers = [call("GET", "/crm/v3/owners/") for _ in range(10)]
    assert {a.status for a in answers} <= {500, 502, 503, 504}
    assert all(a.data.startswith(b"<html>") for a in answers)


@pytest.mark.parametrize("fault", ["reset", "timeout", "truncated_json", "reset_after_commit"])
def test_a_broken_connection_is_an_error_at_the_client(emulator, call, fault):
    emulator.admin.set_faults(1001, {"next": [fault], "timeout_seconds": 0.2})
    with pytest.raises(urllib3.exceptions.HTTPError):
        call("GET", "/crm/v3/owners/")


def test_a_write_whose_answer_is_lost_has_happened(emulator, call):
    crm_id = emulator.admin.truth_ids(1001)[20]
    emulator.admin.set_faults(1001, {"next": ["reset_after_commit"]})
    with pytest.raises(urllib3.exceptions.HTTPError):
        call("PATCH", f"/crm/v3/objects/deals/{crm_id}", {"properties": {"purchase_order": "PO-LOST"}})
    read = call("GET", f"/crm/v3/objects/deals/{crm_id}?properties=purchase_order").json()
    assert read["properties"]["purchase_order"] == "PO-LOST"


def test_two_emulators_with_one_seed_tell_the_same_and_with_another_do_not():
    small = replace(PRO, deals=50)
    told = []
    for seed in (3, 3, 4):
        with running_emulator([small], seed=seed) as running:
            told.append([{**d, "properties": _timeless(d["properties"])} for d in running.admin.truth(1001)])
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_it_ends_when_the_process_that_started_it_is_killed():
    starter = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'hubspot_emulator', '--port', '0',"
        " '--exit-with-parent']); print(p.pid, flush=True); p.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.stdout.readline()
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(child):
        time.sleep(0.1)
    assert not _runs(child)


def test_its_help_and_its_errors_tell_what_to_do():
    def run(*arguments):
        command = [sys.executable, "-m", "hubspot_emulator", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert "--portal" in run("--help").stdout
    assert "lacks 'token'" in run("--portal", "company=a,id=1,deals=5").stderr
    assert "'colour' is unknown" in run("--portal", "company=a,id=1,deals=5,token=x,colour=red").stderr
    assert "cannot have -1 products" in run("--portal", "company=a,id=1,deals=5,token=x,products=-1").stderr
    assert "edition 'gold' is unknown" in run("--portal", "company=a,id=1,deals=5,token=x,sales_edition=gold").stderr
    assert "tier 'gold' is unknown" in run("--portal", "company=a,id=1,deals=5,token=x,tier=gold").stderr


def _timeless(properties):
    return {k: v for k, v in properties.items() if not k.startswith("hs_time_in_")}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().split()[2] != "Z"
