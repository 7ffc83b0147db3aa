"""25,000 deals through everything that loses rows elsewhere, one after the other, compared with the truth each time."""

import time

import pytest

from commission_sync.streams.request import Mode

FAULTS = ("rate_limited", "rate_limited_retry_after", "server_error_html", "reset", "timeout", "truncated_json")


@pytest.mark.slow
def test_twenty_five_thousand_deals_equal_the_truth_after_everything_that_loses_rows(world):
    acme = world(25_000)
    admin = acme.emulator.admin

    assert acme.sync().inserted == 25_000
    assert not acme.difference(), "after a full load"

    admin.edit(1001, count=1_000, mix="mixed")
    acme.sync()
    assert not acme.difference(), "after 1,000 mixed edits"

    admin.stream_edits(1001, per_second=5, seconds=120)
    acme.sync(Mode.FULL)
    edits = admin.stop_edits(1001)
    acme.sync()
    assert edits
    assert not acme.difference(), "after edits during a run, and one more run"

    admin.edit(1001, count=12_000, same_millisecond=True)
    assert acme.sync().updated >= 12_000
    assert not acme.difference(), "after 12,000 edits in one millisecond"

    admin.set_faults(1001, dict.fromkeys(FAULTS, 0.02) | {"timeout_seconds": 3})
    admin.edit(1001, count=1_000, mix="mixed")
    acme.sync(timeout_seconds=1.0)
    acme.sync(Mode.FULL, timeout_seconds=1.0)
    assert not acme.difference(), "with 2 % of each fault"
    admin.set_faults(1001, {})

    admin.set_knobs(1001, lag_seconds=20)
    admin.edit(1001, count=1_000, mix="mixed")
    acme.sync()
    assert acme.difference(), "the index must not have shown the edits yet"
    time.sleep(20.5)
    acme.sync()
    assert not acme.difference(), "after the index has settled"
