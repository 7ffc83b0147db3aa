"""A task remembers who is left, who is done and who failed, and fails with one error that says whether to try again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot.client import Unauthorized, Unavailable
from airflow_hubspot.retry import HubSpotRetryPolicy
from commission_sync.operators.progress import CompaniesFailed, Progress

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ACME, GLOBEX = ({"integration_id": name, "company": name} for name in ("acme", "globex"))


def failed(*errors):
    progress = Progress.at_first([ACME, GLOBEX], NOW)
    for company, error in zip((ACME, GLOBEX), errors, strict=False):
        progress.fail(company, error)
    progress.left = []
    return progress.error(of=20)


def test_what_only_a_person_can_mend_is_not_tried_again():
    error = failed(Unauthorized("no such token"), AirflowFailException("the mapping is broken"))
    assert isinstance(error, AirflowFailException)
    assert str(error) == (
        "2 of 20 companies failed, the others are done: acme: Unauthorized: no such token; "
        "globex: AirflowFailException: the mapping is broken"
    )


@pytest.mark.parametrize("passing", [Unavailable("down"), RuntimeError("disk full")])
def test_one_failure_that_may_pass_is_tried_again_beside_others_that_cannot(passing):
    error = failed(Unauthorized("no such token"), passing)
    assert isinstance(error, CompaniesFailed)
    assert HubSpotRetryPolicy().evaluate(error, 1, 3).action is RetryAction.DEFAULT


def test_it_goes_through_a_deferral_unchanged():
    progress = Progress.at_first([ACME, GLOBEX], NOW)
    progress.take_due(NOW)
    progress.leave(ACME, NOW + timedelta(seconds=90.5))
    progress.done["globex"] = {"fetched": 3}
    progress.fail(GLOBEX, Unauthorized("no such token"))
    assert Progress.from_json(json.loads(json.dumps(progress.as_json()))) == progress


def test_those_whose_time_has_not_come_are_left_in_peace():
    progress = Progress.at_first([ACME, GLOBEX], NOW)
    assert progress.take_due(NOW) == [ACME, GLOBEX]
    progress.leave(ACME, NOW + timedelta(hours=1))
    progress.leave(GLOBEX, NOW + timedelta(minutes=1))
    assert progress.next_at == NOW + timedelta(seconds=60)
    # The triggerer's clock may be ahead of the worker's.
    assert progress.take_due(NOW + timedelta(seconds=59)) == [GLOBEX]
    assert progress.take_due(NOW + timedelta(seconds=3_600)) == [ACME]
