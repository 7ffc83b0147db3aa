"""A portal whose clock is not this machine's: every time that it tells is its own."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import urllib3

from hubspot_emulator import PortalSpec, running_emulator

ACME = PortalSpec("acme", 1001, 20, "pat-na1-acme")
pool = urllib3.PoolManager(retries=False, timeout=10)


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([ACME], limits=False) as running:
        yield running


@pytest.fixture
def skewed(emulator):
    yield lambda seconds: emulator.admin.set_knobs(1001, clock_skew_seconds=seconds)
    emulator.admin.set_knobs(1001, clock_skew_seconds=0)
    emulator.admin.set_faults(1001, {})


def ask(emulator, method, path, body=None):
    headers = {"Authorization": f"Bearer {ACME.token}"}
    return pool.request(method, emulator.url + path, headers=headers, body=None if body is None else json.dumps(body))


def away(when):
    """Return how far a time is from now, in whole minutes."""
    return round((when - datetime.now(UTC)) / timedelta(minutes=1))


@pytest.mark.parametrize("hours", [-2, 0, 2])
def test_the_date_of_every_answer_is_by_the_portals_clock(emulator, skewed, hours):
    skewed(hours * 3600)
    emulator.admin.set_faults(1001, {"next": ["rate_limited", "server_error_html"]})
    answers = [ask(emulator, "GET", path) for path in ["/crm/v3/objects/deals"] * 3 + ["/nowhere"]]
    assert [answer.status for answer in answers][::2] == [429, 200]
    assert {away(parsedate_to_datetime(answer.headers["Date"])) for answer in answers} == {hours * 60}


def test_what_is_written_is_modified_by_the_portals_clock(emulator, skewed):
    skewed(-7200)
    made = ask(emulator, "POST", "/crm/v3/objects/deals", {"properties": {"dealname": "x"}}).json()
    assert away(datetime.fromisoformat(made["updatedAt"])) == -120


def test_a_clock_that_was_put_right_is_right(emulator, skewed):
    skewed(3600)
    skewed(0)
    assert away(parsedate_to_datetime(ask(emulator, "GET", "/crm/v3/objects/deals").headers["Date"])) == 0
