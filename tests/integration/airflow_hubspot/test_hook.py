"""The connection type as Airflow and the people who fill in its form see it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from airflow_hubspot.client import Invalid, MissingScopes, RateLimited, StaticToken, Unauthorized, Unavailable
from hubspot_emulator import PortalSpec, running_emulator

GOOD = PortalSpec("acme", 1001, 20, "pat-na1-acme-secret")
POOR = PortalSpec("globex", 1002, 20, "pat-na1-globex-secret", scopes=("oauth", "crm.objects.owners.read"))


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([GOOD, POOR]) as running:
        yield running


@pytest.fixture
def tested(emulator, monkeypatch):
    """Press the Test button of a connection with the given values."""
    from airflow_hubspot.hooks.hubspot import HubSpotHook  # noqa: PLC0415 - Airflow is slow to import

    def press(**values):
        connection = {"conn_type": "hubspot", "host": emulator.url, "password": GOOD.token, **values}
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_TESTED", json.dumps(connection))
        return HubSpotHook("hubspot_tested").test_connection()

    return press


def test_a_good_token_tells_portal_and_limits(tested):
    works, said = tested()
    assert works
    assert "Portal 1001 (STANDARD), 190 calls per 10 s" in said
    assert "of 625,000 calls used today" in said


def test_a_token_without_a_needed_scope_names_it(tested):
    works, said = tested(password=POOR.token)
    assert not works
    assert "Portal 1002" in said
    assert "Missing scopes, without which nothing can be synced: crm.objects.deals.read" in said


def test_a_wrong_token_says_what_to_do_and_not_what_it_was(tested):
    works, said = tested(password="pat-na1-wrong-secret")
    assert not works
    assert "put a valid token into the connection" in said
    assert "wrong-secret" not in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"password": ""}, "it has no access token"),
        ({"login": "emulated-app", "extra": {"oauth_version": "v9"}}, "api_version 'v9' is unknown; use a dated one"),
        ({"extra": {"api_version": "v9"}}, "api_version 'v9' is unknown; use a dated one"),
        ({"extra": {"timeout_seconds": "soon"}}, "extra timeout_seconds='soon' is not a number above 0"),
        ({"extra": {"burst_limit": 0}}, "extra burst_limit=0 is not a number above 0"),
    ],
)
def test_a_connection_that_cannot_work_says_why(tested, values, said):
    works, told = tested(**values)
    assert not works
    assert "connection 'hubspot_tested' cannot be used" in told
    assert said in told


def test_the_fields_of_the_form_reach_the_client(tested):
    works, said = tested(extra={"api_version": "v3", "timeout_seconds": 5, "burst_limit": 50, "search_limit": 2})
    assert works, said


def test_a_version_that_nears_its_end_is_told(tested):
    with time_machine.travel(datetime(2027, 8, 1, tzinfo=UTC)):
        works, said = tested(extra={"api_version": "2026-03"})
        assert works
        assert "API version 2026-03 ends on 2027-09-01 (in 31 days)" in said
        works, said = tested(extra={"api_version": "2026-09"})
        assert "API version 2026-09" not in said


def test_an_oauth_app_is_tested_by_its_id_and_secret(tested):
    works, said = tested(login="emulated-app", password="emulated-secret")
    assert works, said
    assert "HubSpot knows the app emulated-app" in said
    works, said = tested(login="emulated-app", password="mistyped-secret")
    assert not works
    assert "correct the app's client id and secret" in said
    assert "mistyped" not in said


def test_an_oauth_app_takes_a_companys_tokens_to_make_a_call(emulator, monkeypatch):
    from airflow.sdk.exceptions import AirflowFailException  # noqa: PLC0415

    from airflow_hubspot.hooks.hubspot import HubSpotHook  # noqa: PLC0415

    app = {"conn_type": "hubspot", "host": emulator.url, "login": "emulated-app", "password": "emulated-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_TESTED", json.dumps(app))
    access = emulator.admin.install(GOOD.portal_id)["access_token"]
    with HubSpotHook("hubspot_tested", tokens=lambda _: StaticToken(access)).get_conn() as client:
        assert client.account.details().portal_id == GOOD.portal_id
    with pytest.raises(AirflowFailException, match="takes a company's tokens"):
        HubSpotHook("hubspot_tested").get_conn()


def test_a_connection_that_is_not_there_says_so():
    from airflow_hubspot.hooks.hubspot import HubSpotHook  # noqa: PLC0415

    works, said = HubSpotHook("hubspot_nowhere").test_connection()
    assert not works
    assert "it does not exist; add one of type hubspot" in said


@pytest.mark.parametrize(
    ("error", "action", "seconds"),
    [
        (Unauthorized("no"), "fail", None),
        (MissingScopes("no"), "fail", None),
        (Invalid("no"), "fail", None),
        (RateLimited("slow"), "retry", 10.0),
        (Unavailable("later"), "default", None),
        (ValueError("other"), "default", None),
    ],
)
def test_the_retry_policy_waits_as_asked_and_does_not_repeat_what_only_a_person_can_mend(error, action, seconds):
    from airflow_hubspot.retry import HubSpotRetryPolicy  # noqa: PLC0415

    decision = HubSpotRetryPolicy.deserialize(HubSpotRetryPolicy().serialize()).evaluate(error, 1, 3)
    assert decision.action.name.lower() == action
    assert (decision.retry_delay.total_seconds() if decision.retry_delay else None) == seconds


def test_airflow_knows_the_connection_type_from_the_installed_package(tmp_path):
    command = [str(Path(sys.executable).with_name("airflow")), "providers", "hooks", "--output", "json"]
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    hooks = json.loads(done.stdout[done.stdout.index("[{") :])
    (ours,) = [hook for hook in hooks if hook["connection_type"] == "hubspot"]
    assert ours["class"] == "airflow_hubspot.hooks.hubspot.HubSpotHook"
    assert ours["conn_id_attribute_name"] == "hubspot_conn_id"
