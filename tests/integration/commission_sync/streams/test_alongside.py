"""What a stream's extra steps ask for goes out while its records are being read."""

import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from airflow_hubspot.client import HubSpotClient, MissingScopes
from airflow_hubspot.client.errors import GivenUp
from commission_sync.store import connect
from commission_sync.streams import alongside, landing
from commission_sync.streams.alongside import Alongside
from commission_sync.streams.request import Mode
from commission_sync.streams.step import StepContext


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(alongside, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(alongside, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def context(database_dsn):
    with (
        closing(connect(database_dsn)) as conn,
        HubSpotClient(token="pat-na1-nobody", base_url="http://127.0.0.1:9") as client,
    ):
        yield StepContext(client, conn, SimpleNamespace())


def test_a_first_load_reads_splits_before_it_has_landed_the_last_deal(world, monkeypatch):
    monkeypatch.setattr(landing, "CHECKPOINT_ROWS", 50)
    acme = world(3_000, sales_edition="enterprise")
    acme.sync()
    assert acme.splits() == acme.true_splits()
    assert acme.value("SELECT (SELECT min(synced_at) FROM deal_splits) < (SELECT max(synced_at) FROM deals)")


def test_only_a_run_that_reads_everything_and_moves_the_cursor_has_steps_alongside(world, monkeypatch):
    begun = []
    monkeypatch.setattr(Alongside, "__enter__", lambda self: begun.append(self) or self._thread.start())
    acme = world(30)
    counted = [acme.sync(mode) and len(begun) for mode in (Mode.INCREMENTAL, Mode.INCREMENTAL, Mode.FULL)]
    assert counted == [1, 1, 2]


def test_steps_have_a_connection_of_their_own(context):
    seen, pids = threading.Event(), set()

    def step(own):
        pids.add(own.conn.info.backend_pid)
        assert own.conn.execute("SHOW statement_timeout").fetchone() == ("10min",)
        seen.set()

    with Alongside((step,), context):
        assert seen.wait(20)
    assert len(pids) == 1
    assert context.conn.info.backend_pid not in pids


def test_a_step_that_fails_leaves_the_reading_alone_and_says_so(context, caplog):
    caplog.set_level("INFO")
    tried = []

    def step(_):
        tried.append(1)
        raise MissingScopes("not for you")

    with Alongside((step,), context) as _:
        while not tried:
            threading.Event().wait(0.01)
    assert len(tried) == 1
    assert "steps left for after the reading" in caplog.text


def test_a_reading_that_fails_does_not_wait_for_the_steps_calls(context):
    waits, ended = threading.Event(), []

    def step(own):
        waits.set()
        try:
            own.client._transport.pause(600)
        except GivenUp as error:
            ended.append(error)
            raise

    def reading():
        with Alongside((step,), context):
            assert waits.wait(20)
            raise KeyError

    with pytest.raises(KeyError):
        reading()
    assert len(ended) == 1
    context.client._transport.pause(0)


def test_the_deals_stream_still_ends_with_what_it_does_alongside(world, monkeypatch):
    acme = world(200, sales_edition="enterprise")
    monkeypatch.setattr(alongside, "_FIRST_PAUSE_SECONDS", 600)
    acme.sync()
    assert acme.splits() == acme.true_splits() != {}
