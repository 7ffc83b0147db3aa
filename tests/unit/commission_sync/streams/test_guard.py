"""The guard lets some rows always pass, a share of many, and no more."""

from types import SimpleNamespace

import pytest

from commission_sync.streams.guard import Guard, TooManyArchived

TARGET = SimpleNamespace(stream=SimpleNamespace(name="deals"), integration=SimpleNamespace(company_id="acme"))


@pytest.mark.parametrize(("dying", "live"), [(0, 0), (100, 100), (100, 1_000), (500, 10_000)])
def test_few_rows_and_a_small_share_pass(dying, live):
    Guard(5, 100).check(TARGET, dying, live)


@pytest.mark.parametrize(("dying", "live"), [(101, 1_000), (501, 10_000), (5_000, 5_000)])
def test_more_is_refused_with_what_to_do(dying, live):
    with pytest.raises(TooManyArchived, match=f"{dying:,} of the {live:,} live deals") as raised:
        Guard(5, 100).check(TARGET, dying, live)
    assert "max_archived_percent=100" in raised.value.hint
