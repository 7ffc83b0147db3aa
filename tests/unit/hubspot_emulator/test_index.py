"""The search index answers by look-up what a scan of every record would."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from hubspot_emulator.currencies import ExchangeRates
from hubspot_emulator.index import Range, SearchIndex
from hubspot_emulator.kinds import DEALS
from hubspot_emulator.records import Records
from hubspot_emulator.source import Source
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.times import Clock

SPEC = PortalSpec("acme", 1001, 40, "token")
BASE = 1_800_000_000_000
operations = st.lists(
    st.tuples(st.sampled_from(["update", "archive", "restore", "create"]), st.integers(0, 45), st.integers(0, 9)),
    max_size=25,
)
bounds = st.tuples(st.integers(-2, 60), st.integers(-2, 60)).map(sorted)


def apply(records: Records, index: SearchIndex, what: str, number: int, moment: int) -> None:
    if what == "create":
        index.changed(records.create({"dealname": "x"}, BASE + moment))
        return
    if number >= records.count:
        return
    version = records.version(number)
    if what == "update" and version.is_live:
        index.changed(records.update(version, {"amount": "1"}, BASE + moment))
    elif what == "archive" and version.is_live:
        index.changed(records.archive(version))
    elif what == "restore" and not version.is_live:
        index.changed(records.restore(version, bump=False))


@settings(max_examples=150, deadline=None)
@given(operations, bounds, st.none() | bounds, st.booleans(), st.none() | st.frozensets(st.integers(0, 60)))
def test_the_index_finds_what_a_scan_finds(done, numbers, window, descending, only):
    clock = Clock()
    records = Records(Source(DEALS, SPEC, seed=1), clock, ExchangeRates("USD"))
    index = SearchIndex(records, random.Random(0), clock)
    for operation in done:
        apply(records, index, *operation)
    modified = None if window is None else (BASE + window[0] - 10**12 * (window[0] < 0), BASE + window[1])
    wanted = Range(modified, (max(0, numbers[0]), numbers[1]), only)
    expected = [
        n
        for n in range(max(0, numbers[0]), min(numbers[1], records.count - 1) + 1)
        if records.version(n).is_live
        and (modified is None or modified[0] <= records.version(n).modified_ms <= modified[1])
        and (only is None or n in only)
    ]
    assert list(index.numbers(wanted, descending=descending)) == (expected[::-1] if descending else expected)
    assert index.count(wanted) == len(expected)
    timed = [records.version(n).modified_ms for n in index.numbers(wanted, by_time=True)]
    assert timed == sorted(records.version(n).modified_ms for n in expected)
