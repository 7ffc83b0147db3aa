"""Tokens stay fresh for all workers at once, and die loudly once."""

import logging
import multiprocessing
import threading
import time
import traceback

import psycopg
import pytest

from airflow_hubspot.client import (
    NeedsAuthorization,
    OAuthApp,
    Policy,
    RateLimited,
    Unauthorized,
    Unavailable,
    WrongApp,
)
from commission_sync.store.keyring import Keyring, UnknownKey, new_key
from consent import APP, AUTHORIZE_AT, Consented


def in_processes(count, work):
    """Run `work` in so many forked processes, started at the same moment, and return what they answered."""
    context = multiprocessing.get_context("fork")
    answers, go = context.Queue(), context.Event()

    def run():
        go.wait()
        try:
            answers.put(work())
        except Exception as error:
            answers.put(error)

    workers = [context.Process(target=run) for _ in range(count)]
    for worker in workers:
        worker.start()
    go.set()
    found = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    return found


@pytest.mark.parametrize("seconds_left", [-5.0, 60.0])
def test_twenty_workers_at_expiry_make_one_refresh(consented, seconds_left):
    consented.make_due(seconds_left=seconds_left)
    tokens = in_processes(20, lambda: consented.worker().token())
    assert [t for t in tokens if isinstance(t, Exception)] == []
    assert consented.counts["refreshes"] == 1
    assert consented.opens(consented.worker().token())
    assert consented.counts["refreshes"] == 1
    if seconds_left < 0:
        assert len(set(tokens)) == 1


def test_others_go_on_with_the_valid_token_while_one_refreshes(consented):
    consented.make_due(seconds_left=60)
    old = consented.worker().token()
    consented.make_due(seconds_left=60)
    consented.emulator.admin.set_oauth(faults={"next": ["timeout"], "timeout_seconds": 3})
    slow = threading.Thread(target=lambda: consented.worker().token())
    slow.start()
    while consented.row()["refreshing_until"] is None:
        time.sleep(0.02)
    began = time.monotonic()
    assert consented.worker().token() == old
    assert time.monotonic() - began < 2.0
    slow.join()


def test_a_worker_that_died_while_it_refreshed_is_followed_by_another(consented):
    consented.make_due(seconds_left=-1)
    consented.change("refreshing_until = clock_timestamp() + interval '1 second'")
    assert consented.opens(consented.worker().token())
    assert consented.counts["refreshes"] == 1


def test_no_transaction_is_open_while_hubspot_is_asked(consented):
    consented.make_due(seconds_left=-1)
    consented.emulator.admin.set_oauth(faults={"next": ["timeout"], "timeout_seconds": 1.5})

    def ask():
        with pytest.raises(Unavailable):
            consented.worker().token()

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.7)
    with psycopg.connect(consented.dsn) as conn:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        states = {row[0] for row in conn.execute(f"SELECT state {others} AND application_name = 'commission-sync'")}
    asking.join()
    assert states == {"idle"}


def test_a_rotated_refresh_token_is_kept(consented):
    consented.emulator.admin.set_oauth(rotates=True)
    for refreshes in (1, 2, 3):
        consented.make_due(seconds_left=-1)
        assert consented.opens(consented.worker().token())
        assert consented.counts["refreshes"] == refreshes


def test_a_rotated_token_is_kept_although_the_database_is_away_for_a_moment(consented):
    consented.emulator.admin.set_oauth(rotates=True)
    consented.make_due(seconds_left=-1)
    worker = consented.worker()
    opened, connect_really = [], worker._open

    def open_connection():
        opened.append(1)
        if len(opened) in {2, 3}:
            raise psycopg.OperationalError("the server is being restarted")
        return connect_really()

    worker._open = open_connection
    assert consented.opens(worker.token())
    assert len(opened) == 4
    consented.make_due(seconds_left=-1)
    assert consented.opens(consented.worker().token())


def test_a_dead_refresh_token_stops_every_worker_and_alerts_once(consented):
    consented.emulator.admin.uninstall(1001)
    consented.make_due(seconds_left=-1)
    told = []
    threads = [threading.Thread(target=lambda: told.append(outcome(consented.worker()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {type(error) for error in told} == {NeedsAuthorization}
    assert "company 'acme' has to authorize the HubSpot app" in told[0].message
    assert AUTHORIZE_AT in told[0].hint
    assert len(consented.alerts) == 1
    row = consented.row()
    assert (row["state"], row["alerted_at"] is not None) == ("needs_authorization", True)
    assert consented.counts["dead_refreshes"] == 1

    with pytest.raises(NeedsAuthorization):
        consented.worker().token()
    assert (consented.counts["dead_refreshes"], len(consented.alerts)) == (1, 1)


def outcome(worker):
    try:
        return worker.token()
    except Exception as error:
        return error


def test_authorizing_again_ends_the_stop(consented):
    consented.emulator.admin.uninstall(1001)
    consented.make_due(seconds_left=-1)
    with pytest.raises(NeedsAuthorization):
        consented.worker().token()
    consented.authorize()
    assert consented.opens(consented.worker().token())
    assert consented.row()["state"] == "valid"


def test_a_wrong_client_secret_does_not_cost_the_customers_consent(consented):
    consented.app = OAuthApp("emulated-app", "mistyped")
    consented.make_due(seconds_left=-1)
    with pytest.raises(Unauthorized, match="BAD_CLIENT_SECRET") as raised:
        consented.worker().token()
    assert not isinstance(raised.value, NeedsAuthorization)
    assert (consented.row()["state"], consented.alerts) == ("valid", [])


def test_a_limited_token_endpoint_is_left_alone_by_all_workers_while_the_token_lasts(consented):
    consented.make_due(seconds_left=60)
    consented.emulator.admin.set_oauth(faults={"next": ["rate_limited_retry_after"] * 5, "retry_after_seconds": 30})
    assert all(consented.opens(consented.worker().token()) for _ in range(3))
    assert consented.counts["refused"] == 1


def test_a_limited_token_endpoint_without_a_valid_token_says_how_long_to_wait(consented):
    consented.make_due(seconds_left=-1)
    consented.emulator.admin.set_oauth(faults={"next": ["rate_limited_retry_after"], "retry_after_seconds": 90})
    with pytest.raises(RateLimited) as raised:
        consented.worker().token()
    assert raised.value.retry_after == 90
    with pytest.raises(Unavailable) as raised:
        consented.worker().token()
    assert 80 < raised.value.retry_after <= 90
    assert consented.counts["refused"] == 1


def test_a_refused_call_asks_for_one_other_token_whoever_makes_it(consented):
    workers = [consented.worker() for _ in range(10)]
    for worker in workers:
        worker.token()
    consented.emulator.admin.expire_tokens(1001)
    portals = []
    threads = [threading.Thread(target=lambda w=w: portals.append(portal_of(consented, w))) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert portals == [1001] * 10
    assert consented.counts["refreshes"] == 1


def portal_of(consented, worker):
    with consented.client(worker) as client:
        return client.account.details().portal_id


def test_a_token_that_stays_refused_is_not_refreshed_again_and_again(consented):
    worker = consented.worker()
    consented.emulator.admin.set_faults(1001, {"expired_token_401": 1.0})
    with consented.client(worker) as client:
        for _ in range(3):
            with pytest.raises(Unauthorized):
                client.account.details()
    assert consented.counts["refreshes"] == 1


def test_a_run_with_short_tokens_finishes_without_a_failed_call(consented):
    consented.authorize(token_seconds=2)
    ends, calls = time.monotonic() + 8, []

    def run():
        with consented.client(consented.worker()) as client:
            while time.monotonic() < ends:
                calls.append(client.account.details().portal_id)
                time.sleep(0.1)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) > 150
    assert consented.emulator.admin.stats(1001)["statuses"] == {"200": len(calls)}
    # Each token is used for three quarters of its life.
    assert 4 <= consented.counts["refreshes"] <= 6
    assert "expired_calls" not in consented.counts


def test_a_wait_for_the_budget_may_outlast_a_token(consented):
    consented.authorize(token_seconds=2)
    with consented.client(consented.worker()) as client:
        client.account.details()
        client._transport._limiter.penalise(Policy.BURST, 3.0, asked=True)
        client.account.details()
    assert consented.emulator.admin.stats(1001)["statuses"] == {"200": 2}


@pytest.mark.parametrize(("version", "endpoints"), [("2026-03", ["v1"]), ("v1", ["v1", "2026-03"]), ("v3", ["v3"])])
def test_the_old_token_endpoint_serves_where_the_dated_one_is_not_there(consented, version, endpoints):
    consented.emulator.admin.set_oauth(endpoints=endpoints)
    consented.version = version
    consented.make_due(seconds_left=-1)
    assert consented.opens(consented.worker().token())


def test_the_fingerprint_survives_a_refresh_and_changes_with_a_new_consent(consented):
    first = consented.worker().fingerprint()
    consented.make_due(seconds_left=-1)
    consented.worker().token()
    assert consented.worker().fingerprint() == first
    consented.authorize()
    assert consented.worker().fingerprint() != first


def test_a_lost_key_is_named_without_a_stack_of_ciphertext(consented):
    consented.keyring = Keyring([new_key()])
    with pytest.raises(UnknownKey, match="TOKEN_ENCRYPTION_KEYS") as raised:
        consented.worker().token()
    assert consented.row()["refresh_token"] not in "".join(traceback.format_exception(raised.value))


def test_no_token_is_told_by_logs_errors_or_the_database(consented, caplog):
    secrets = {"emulated-secret", *consented.authorize().values()}
    told = []
    with caplog.at_level(logging.DEBUG):
        worker = consented.worker()
        secrets.add(worker.token())
        consented.make_due(seconds_left=-1)
        consented.emulator.admin.set_oauth(rotates=True)
        secrets.add(worker.token())
        consented.emulator.admin.set_faults(1001, {"expired_token_401": 1.0})
        with consented.client(worker) as client:
            told += [repr(client), repr(worker), repr(vars(worker))]
            with pytest.raises(Unauthorized) as raised:
                client.account.details()
            told += [*traceback.format_exception(raised.value), repr(vars(raised.value))]
        consented.emulator.admin.uninstall(1001)
        consented.make_due(seconds_left=-1)
        with pytest.raises(NeedsAuthorization) as raised:
            consented.worker().token()
        told += [*traceback.format_exception(raised.value), repr(vars(raised.value))]
    with psycopg.connect(consented.dsn) as conn:
        told.append(str(conn.execute("SELECT to_jsonb(c) FROM crm_credentials c").fetchall()))
    everything = caplog.text + "".join(told)
    assert [s for s in secrets if s in everything] == []


def test_a_company_that_never_authorized_is_told_where_to(world):
    made = world(deals=1)
    consented = Consented.of(made.emulator, made.dsn, made.integration_id)
    consented.change("refresh_token = refresh_token")
    with psycopg.connect(made.dsn) as conn:
        conn.execute("DELETE FROM crm_credentials")
    with pytest.raises(NeedsAuthorization, match="the app was never authorized"):
        consented.worker().token()
    assert consented.alerts == []


OTHER_APP = OAuthApp("other-app", "other-secret")


@pytest.mark.parametrize("known", [True, False])
def test_another_app_is_a_wrong_setting_and_ends_no_consent(consented, known):
    if not known:
        # A consent from before the app was kept with it: HubSpot's answer tells.
        consented.change("client_id = NULL")
    consented.make_due(seconds_left=-1)
    consented.app = OTHER_APP
    with pytest.raises(WrongApp) as raised:
        consented.worker().token()
    assert "no consent is lost" in raised.value.hint
    assert (consented.row()["state"], consented.alerts) == ("valid", [])
    if known:
        assert "agreed to the HubSpot app emulated-app" in str(raised.value)
        assert "is other-app" in str(raised.value)
        assert consented.counts.get("refused", 0) == 0


def test_with_the_right_app_back_a_company_goes_on_by_itself(consented):
    consented.make_due(seconds_left=-1)
    consented.app = OTHER_APP
    with pytest.raises(WrongApp):
        consented.worker().token()
    consented.app = APP
    consented.change("refreshing_until = clock_timestamp()")
    assert consented.opens(consented.worker().token())
    assert consented.row()["last_error"] is None


def test_a_token_that_still_is_good_is_used_while_the_setting_is_wrong(consented):
    consented.make_due(seconds_left=60)
    consented.app = OTHER_APP
    assert consented.opens(consented.worker().token())
    assert consented.row()["state"] == "valid"
