"""A window is read completely whatever search does to a page meanwhile."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_hubspot.client.records import SearchPage
from airflow_hubspot.client.search import SearchQuery
from airflow_hubspot.client.windows import IncompleteRead, SearchReader, Window

MODIFIED = "hs_lastmodifieddate"
WINDOW = Window(1_000, 2_000)


@dataclass
class Index:
    """A search index held to HubSpot's rules, which drops hits, disorders them and is edited between calls."""

    modified: dict[int, int]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    drop: float = 0.0
    disorder: bool = False
    edit_every: int = 0
    calls: int = 0

    def search(self, query: SearchQuery) -> SearchPage:
        self.calls += 1
        if self.edit_every and self.calls % self.edit_every == 0:
            self.modified[self.chance.choice(list(self.modified))] = WINDOW.high + self.calls
        assert query.sort == ("hs_object_id", "DESCENDING")
        hits = sorted((i for i, when in self.modified.items() if self._matches(query, i, when)), reverse=True)
        page = hits[: query.limit]
        if self.disorder and len(hits) > query.limit:
            page[self.chance.randrange(len(page))] = hits[query.limit]
        shown = [i for i in page if self.chance.random() >= self.drop]
        return SearchPage(total=len(hits), results=[self._record(i) for i in shown], next_after=None)

    def _matches(self, query: SearchQuery, crm_id: int, when: int) -> bool:
        for f in query.filters:
            number = when if f.property_name == MODIFIED else crm_id
            low, high = int(f.value), int(f.high_value or 0)
            allowed = {"BETWEEN": low <= number <= high, "GT": number > low, "LTE": number <= low}
            if not allowed[str(f.operator)]:
                return False
        return True

    def _record(self, crm_id: int):
        return {"id": str(crm_id), "properties": {MODIFIED: str(self.modified[crm_id])}}

    def reader(self, **kwargs) -> SearchReader:
        return SearchReader(self.search, MODIFIED, (), sleep=lambda _: None, **kwargs)


def read(reader: SearchReader, window: Window = WINDOW) -> tuple[set[int], int, int]:
    pages = list(reader.pages(window))
    records = [int(r["id"]) for page in pages for r in page.records]
    return set(records), sum(p.announced for p in pages), len(records)


def uniform(count: int) -> dict[int, int]:
    return {10_000 + 7 * i: WINDOW.low + i % (WINDOW.high - WINDOW.low) for i in range(count)}


def test_a_quiet_window_costs_one_call_per_page():
    index = Index(uniform(1_000))
    found, announced, landed = read(index.reader())
    assert (len(found), announced, landed, index.calls) == (1_000, 1_000, 1_000, 5)


def test_an_empty_window_costs_one_call():
    index = Index({})
    ((window, first),) = index.reader().parts(WINDOW)
    pages = list(index.reader().pages(window, first=first))
    assert (index.calls, [p.records for p in pages], pages[0].announced) == (1, [[]], 0)


def test_a_crowded_millisecond_is_drained_past_the_cap_of_search():
    index = Index(dict.fromkeys(range(1, 12_001), 1_500))
    parts = list(index.reader().parts(WINDOW))
    crowded = [window for window, first in parts if first.total]
    assert crowded == [Window(1_500, 1_500)]
    found, announced, _ = read(index.reader(), crowded[0])
    assert found == set(range(1, 12_001))
    assert announced == 12_000


def test_parts_follow_each_other_without_gap_or_overlap():
    parts = [window for window, _ in Index(uniform(5_000)).reader().parts(WINDOW, part_size=600)]
    assert parts[0].low == WINDOW.low
    assert parts[-1].high == WINDOW.high
    assert all(left.high + 1 == right.low for left, right in pairwise(parts))


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 900),
    drop=st.sampled_from([0.0, 0.01, 0.05]),
    disorder=st.booleans(),
    edit_every=st.sampled_from([0, 1, 3]),
    seed=st.integers(0, 10_000),
)
def test_no_record_that_stays_in_the_window_is_missed(count, drop, disorder, edit_every, seed):
    index = Index(
        uniform(count), random.Random(seed), drop=drop, disorder=disorder, edit_every=edit_every if count else 0
    )
    try:
        found, announced, landed = read(index.reader(page_size=50))
    except IncompleteRead:
        assert drop  # saying that something is missing is right where it is
        return
    if not drop or not (disorder or edit_every):
        stayed = {i for i, when in index.modified.items() if when <= WINDOW.high}
        assert stayed <= found
        assert landed >= announced


def test_hits_that_are_never_shown_are_named_and_not_passed_over():
    index = Index(uniform(10), drop=1.0)
    with pytest.raises(IncompleteRead, match="announces 10 records but showed 0") as raised:
        read(index.reader())
    assert "the cursor stays" in raised.value.hint


@given(st.integers(0, 100), st.integers(0, 100), st.lists(st.tuples(st.integers(0, 100), st.integers(0, 20))))
def test_what_is_left_of_a_window_is_what_no_other_covers(low, length, others):
    window = Window(low, low + length)
    done = [Window(a, a + n) for a, n in others]
    covered = {ms for w in done for ms in range(w.low, w.high + 1)}
    left = [ms for gap in window.without(done) for ms in range(gap.low, gap.high + 1)]
    assert left == [ms for ms in range(window.low, window.high + 1) if ms not in covered]


def test_a_window_of_time_includes_its_start_and_not_its_end():
    start = datetime(2026, 3, 1, tzinfo=UTC)
    window = Window.between(start, start + timedelta(minutes=30))
    assert (window.start, window.end) == (start, start + timedelta(minutes=30))
    assert window.high - window.low == 30 * 60_000 - 1
    elsewhere = timezone(timedelta(hours=5))
    assert Window.between(start.astimezone(elsewhere), (start + timedelta(minutes=30)).astimezone(elsewhere)) == window


@pytest.mark.parametrize("minutes", [0, -30])
def test_a_window_that_ends_before_it_starts_says_so(minutes):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends before it starts"):
        Window.between(start, start + timedelta(minutes=minutes))


def test_a_window_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        Window.between(datetime(2026, 3, 1), datetime(2026, 3, 2, tzinfo=UTC))  # noqa: DTZ001
