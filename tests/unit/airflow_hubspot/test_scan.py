"""A full read finds every record once, however the ids are spread and whoever reads them."""

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_hubspot.client.board import IdBoard
from airflow_hubspot.client.intervals import ALL_IDS, MAX_ID, IdIntervals
from airflow_hubspot.client.records import Page, SearchPage
from airflow_hubspot.client.scan import extent, read_by_list, read_by_search
from airflow_hubspot.client.windows import SearchReader

NOTHING = IdIntervals()


class Portal:
    """Records by id, of which search does not know those above `indexed`; its pages leave out `hidden` hits."""

    def __init__(self, ids, indexed=None, hidden=0):
        self.ids = sorted(ids)
        self.hidden = hidden
        self.indexed = [i for i in self.ids if indexed is None or i <= indexed]
        self.lists = self.searches = 0

    def list_page(self, after: str) -> Page:
        self.lists += 1
        hits = [i for i in self.ids if i > int(after)][:101]
        more = len(hits) > 100
        return Page(results=[self._record(i) for i in hits[:100]], next_after=str(hits[99]) if more else None)

    def search(self, query) -> SearchPage:
        self.searches += 1
        hits = self.indexed
        for f in query.filters:
            hits = [i for i in hits if (i > int(f.value) if str(f.operator) == "GT" else i <= int(f.value))]
        if query.sort and query.sort[1] == "DESCENDING":
            hits = hits[::-1]
        shown = hits if len(hits) <= query.limit else hits[:50] + hits[50 + self.hidden :]
        return SearchPage(total=len(hits), results=[self._record(i) for i in shown[: query.limit]], next_after=None)

    @staticmethod
    def _record(crm_id):
        return {"id": str(crm_id), "properties": {}}


def scan(portal: Portal, lists=2, searches=2, covered=NOTHING):
    board = IdBoard(list(covered.gaps()), extent(portal.search))
    reader = SearchReader(portal.search, "hs_lastmodifieddate", ())
    pages, lock = [], threading.Lock()

    def collect(generator):
        for page in generator:
            with lock:
                pages.append(page)

    generators = [read_by_list(board, portal.list_page) for _ in range(lists)]
    generators += [read_by_search(board, reader) for _ in range(searches)]
    threads = [threading.Thread(target=collect, args=(g,)) for g in generators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)
    return pages


clustered = st.lists(st.tuples(st.integers(1, 10**12), st.integers(1, 700)), max_size=4).map(
    lambda clusters: {start + step for start, length in clusters for step in range(length)}
)


@settings(max_examples=40, deadline=None)
@given(clustered, st.sampled_from([0, 0, 1, 100]))
def test_every_record_is_found_once_and_every_id_is_covered(ids, hidden):
    pages = scan(Portal(ids, hidden=hidden))
    found = [int(r["id"]) for page in pages for r in page.records]
    assert sorted(found) == sorted(ids)
    assert IdIntervals.of(page.interval for page in pages).covers(ALL_IDS)


def test_records_that_search_does_not_know_yet_are_found_by_list():
    portal = Portal(range(1, 5_001), indexed=4_000)
    found = {int(r["id"]) for page in scan(portal) for r in page.records}
    assert found == set(range(1, 5_001))


def test_a_list_stops_where_a_search_has_claimed_and_the_claim_is_proven_to_its_last_piece():
    portal = Portal(range(1, 1_001), hidden=100)
    board = IdBoard([ALL_IDS], extent(portal.search))
    pages = []

    def search():
        descent = read_by_search(board, SearchReader(portal.search, "hs_lastmodifieddate", ()))
        pages.append(next(descent))
        lists.start()
        lists.join(timeout=0.2)
        assert lists.is_alive(), "it waits for what the search may give back"
        pages.extend(descent)

    lists = threading.Thread(target=lambda: pages.extend(read_by_list(board, portal.list_page)))
    search()
    lists.join(timeout=20)
    assert sorted(int(r["id"]) for page in pages for r in page.records) == list(range(1, 1_001))
    assert IdIntervals.of(page.interval for page in pages).covers(ALL_IDS)


def test_nearly_every_search_brings_a_full_page_however_the_ids_are_spread():
    ids = random.Random(1).sample(range(10**10, 10**10 + 10**7), 20_000)
    portal = Portal(ids)
    elsewhere = IdIntervals.from_pairs([[0, min(ids) - 1], [max(ids), MAX_ID]])
    found = [int(r["id"]) for page in scan(portal, lists=0, searches=4, covered=elsewhere) for r in page.records]
    assert sorted(found) == sorted(ids)
    assert portal.searches <= 20_000 / 200 * 1.1


def test_a_claim_that_holds_far_more_than_it_seemed_is_shared_with_the_lists():
    portal = Portal([*range(10**6, 10**6 + 20_000), 10**9])
    found = [int(r["id"]) for page in scan(portal, lists=1, searches=1) for r in page.records]
    assert len(found) == 20_001
    assert portal.lists > 20


def test_both_limits_are_used_and_few_calls_are_wasted():
    portal = Portal(range(10**10, 10**10 + 7 * 40_000, 7))
    scan(portal)
    assert portal.lists
    assert portal.searches
    # How often two readers meet depends on how a busy machine lets their threads run.
    assert portal.lists * 100 + portal.searches * 200 < 40_000 * 1.1


def test_what_an_earlier_try_covered_is_not_read_again():
    portal = Portal(range(1, 20_001))
    covered = IdIntervals.from_pairs([[0, 15_000]])
    found = {int(r["id"]) for page in scan(portal, covered=covered) for r in page.records}
    assert found == set(range(15_001, 20_001))


@pytest.mark.parametrize(("lists", "searches"), [(1, 0), (4, 0)])
def test_list_readers_alone_are_enough(lists, searches):
    portal = Portal(range(1, 3_001))
    found = {int(r["id"]) for page in scan(portal, lists, searches) for r in page.records}
    assert len(found) == 3_000
