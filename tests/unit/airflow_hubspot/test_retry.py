"""Airflow tries again when HubSpot says that it makes sense, and not when only a person can help."""

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from airflow_hubspot.client import (
    CircuitOpen,
    Conflict,
    Invalid,
    MissingScopes,
    NeedsAuthorization,
    RateLimited,
    Unauthorized,
    Unavailable,
    postponement,
)
from airflow_hubspot.retry import HubSpotRetryPolicy
from commission_sync.streams.portal import WrongPortal


def decision(error):
    return HubSpotRetryPolicy().evaluate(error, 1, 3)


def waiting(kind, seconds):
    error = kind("HubSpot refused")
    error.retry_after = seconds
    return error


@pytest.mark.parametrize("kind", [Unauthorized, NeedsAuthorization, MissingScopes, Invalid, WrongPortal])
def test_what_only_a_person_can_mend_fails_at_once(kind):
    decided = decision(kind("no", hint="grant it"))
    assert decided.action is RetryAction.FAIL
    assert "grant it" in decided.reason


@pytest.mark.parametrize(
    ("kind", "seconds"), [(RateLimited, 7.0), (RateLimited, 40_000.0), (Unavailable, 2.0), (CircuitOpen, 30.0)]
)
def test_what_tells_when_it_ends_is_tried_again_then(kind, seconds):
    decided = decision(waiting(kind, seconds))
    assert (decided.action, decided.retry_delay.total_seconds()) == (RetryAction.RETRY, seconds)


@pytest.mark.parametrize("error", [Unavailable("reset"), Conflict("exists"), ValueError("a bug")])
def test_anything_else_keeps_the_tasks_own_delays(error):
    assert decision(error).action is RetryAction.DEFAULT


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (waiting(CircuitOpen, 4.0), 4.0),
        (waiting(RateLimited, 3600.0), 3600.0),
        (waiting(Unavailable, 86_400.0), 86_400.0),
        (waiting(RateLimited, 10.0), None),
        (Unavailable("reset"), None),
        (Unauthorized("no"), None),
        (ValueError("a bug"), None),
    ],
)
def test_a_worker_is_held_for_short_waits_only(error, seconds):
    assert postponement(error) == seconds
