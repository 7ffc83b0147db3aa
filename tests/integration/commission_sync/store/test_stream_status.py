"""A company's status tells the worst of its streams, not the last one that ended."""

from contextlib import closing

import pytest

from commission_sync.store import connect
from commission_sync.store.stream_status import (
    StreamOf,
    forget_streams,
    mark_failed,
    mark_running,
    mark_succeeded,
    mark_waiting,
)


@pytest.fixture
def acme(world):
    return world(5)


@pytest.fixture
def conn(acme):
    with closing(connect(acme.dsn)) as opened:
        yield opened


@pytest.fixture
def mark(acme, conn):
    def done(what, stream, *message, dag="hubspot_activities", **more):
        with conn.transaction():
            what(conn, StreamOf(acme.integration_id, dag, stream), *message, **more)

    return done


def status(acme):
    return acme.query("SELECT sync_status::text, error_count, last_error_message FROM crm_integrations")[0]


def test_a_stream_that_works_hides_no_other_streams_error(acme, mark):
    mark(mark_failed, "calls", "MissingScopes: no")
    mark(mark_running, "tasks")
    assert status(acme) == ("error", 1, "MissingScopes: no")
    mark(mark_succeeded, "tasks", cursor="")
    assert status(acme) == ("error", 1, "MissingScopes: no")
    mark(mark_succeeded, "calls", cursor="")
    assert status(acme) == ("idle", 0, None)


def test_a_reconciliation_that_works_hides_no_incremental_error_and_the_other_way_round(acme, mark):
    mark(mark_failed, "deals", "incremental", dag="hubspot_deals")
    mark(mark_succeeded, "deals", dag="hubspot_reconcile", cursor="")
    assert status(acme)[0] == "error"
    mark(mark_succeeded, "deals", dag="hubspot_deals", cursor="")
    mark(mark_failed, "deals", "reconcile", dag="hubspot_reconcile")
    assert status(acme) == ("error", 1, "reconcile")


def test_the_stream_that_failed_most_often_is_the_one_that_is_told_of(acme, mark):
    for message in ("first", "second"):
        mark(mark_failed, "calls", message)
    mark(mark_failed, "notes", "only once")
    assert status(acme) == ("error", 2, "second")


def test_what_waits_is_no_error_and_is_told_of_where_nothing_failed(acme, mark):
    mark(mark_waiting, "calls", "the portal is down")
    assert status(acme) == ("idle", 0, "the portal is down")
    mark(mark_failed, "notes", "broken")
    assert status(acme) == ("error", 1, "broken")


def test_a_stream_that_the_company_no_longer_has_is_forgotten(acme, mark, conn):
    mark(mark_failed, "calls", "refused")
    with conn.transaction():
        forget_streams(conn, acme.integration_id, frozenset({"calls"}))
    assert status(acme) == ("idle", 0, None)


def test_a_flag_that_takes_a_stream_away_takes_its_error_along_with_the_next_run(acme, mark):
    mark(mark_failed, "calls", "refused")
    acme.execute("UPDATE crm_integrations SET feature_flags = '{\"activities\": false}'")
    acme.sync()
    assert status(acme) == ("idle", 0, None)
