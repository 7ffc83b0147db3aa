from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commission_sync.health.checks import judged
from commission_sync.health.report import Report
from commission_sync.store.standing import Standing

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WELL = Standing(
    company_id="acme",
    created_at=NOW - timedelta(days=90),
    oldest_stream="deals",
    oldest_cursor_at=NOW - timedelta(minutes=20),
    error=None,
    tries=4,
    failures=0,
    breaker="closed",
    breaker_error=None,
    credential="valid",
)


def health(**differences):
    return judged(replace(WELL, **differences), now=NOW, sla=timedelta(hours=1))


def wrong(**differences):
    return {name for name, reason in health(**differences).checks.items() if reason}


def test_nothing_is_wrong_with_a_company_that_is_well():
    assert health().healthy
    assert wrong() == set()


@pytest.mark.parametrize(
    ("differences", "check", "said"),
    [
        ({"breaker": "open", "breaker_error": "502 Bad Gateway"}, "api", "502 Bad Gateway"),
        ({"breaker": "half_open"}, "api", "left alone"),
        ({"error": "Unavailable: no answer"}, "api", "no answer"),
        ({"error": "RateLimited: the day is used up"}, "api", "used up"),
        ({"credential": "needs_authorization"}, "token", "authorize it again"),
        ({"error": "Unauthorized: refused"}, "token", "refused"),
        ({"error": "MissingScopes: crm.objects.deals.read"}, "token", "crm.objects.deals.read"),
        (
            {"oldest_cursor_at": NOW - timedelta(minutes=61)},
            "sync_status",
            "deals is complete only to 2026-03-02 10:59",
        ),
        ({"oldest_cursor_at": None}, "sync_status", "nothing was read completely"),
        ({"tries": 4, "failures": 3, "error": "KeyError: x"}, "error_rate", "3 of the last 4 tries failed"),
    ],
)
def test_what_is_wrong_is_named_in_its_own_check_and_in_no_other(differences, check, said):
    found = health(**differences)
    assert wrong(**differences) == {check}
    assert said in found.checks[check]


def test_a_new_company_has_one_freshness_interval_for_its_first_load():
    assert health(oldest_cursor_at=None, created_at=NOW - timedelta(minutes=30)).healthy


def test_what_hubspot_does_on_any_day_is_no_alarm():
    assert wrong(tries=1, failures=1) == set()
    assert wrong(tries=10, failures=5) == set()


def test_anybody_learns_booleans_and_no_names():
    report = Report([health(), health(company_id="globex", credential="needs_authorization")])
    assert report.public() == {
        "healthy": False,
        "checks": {"api": True, "token": False, "sync_status": True, "error_rate": True},
    }
    detailed = report.detailed()["companies"]
    assert detailed["acme"]["healthy"]
    assert detailed["globex"]["checks"]["token"]["reason"]


def test_nobody_is_well_when_it_is_not_known():
    report = Report(unavailable="the commissions database does not answer")
    assert not report.healthy
    assert not any(report.public()["checks"].values())
    assert "does not answer" in report.detailed()["reason"]
