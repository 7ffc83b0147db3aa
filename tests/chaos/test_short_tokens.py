"""Workers that go on for long with tokens that live 20 seconds; TOKEN_RUN_SECONDS=1800 makes it half an hour."""

import multiprocessing
import os
import time

import pytest

from airflow_hubspot.client import SearchQuery
from consent import Consented

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("TOKEN_RUN_SECONDS", "40"))
TOKEN_SECONDS = 20
WORKERS = 4


def work(consented, ends):
    calls = 0
    with consented.client(consented.worker()) as client:
        while time.time() < ends:
            client.objects.list_page("deals", limit=10)
            client.objects.search_page("deals", SearchQuery(limit=10))
            calls += 2
            time.sleep(0.4)
    return calls


def test_no_call_fails_while_rotating_tokens_of_twenty_seconds_come_and_go(world):
    made = world(deals=200)
    consented = Consented.of(made.emulator, made.dsn, made.integration_id, token_seconds=TOKEN_SECONDS)
    made.emulator.admin.set_oauth(rotates=True)
    ends = time.time() + SECONDS
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        calls = sum(pool.starmap(work, [(consented, ends)] * WORKERS))
    counts, statuses = consented.counts, made.emulator.admin.stats(1001)["statuses"]
    print(f"{SECONDS:.0f} s, {WORKERS} workers: {calls} calls {statuses}, token endpoint {counts}")  # noqa: T201 - the figures
    assert calls > 2 * SECONDS
    assert statuses == {"200": calls}
    assert set(counts) == {"refreshes"}
    # Three quarters of each token's life are used, by all workers alike.
    expected = SECONDS / (0.75 * TOKEN_SECONDS)
    assert 0.9 * expected - 1 <= counts["refreshes"] <= expected + 1
