"""The deals of records are asked for a thousand at a time, whatever the chunks in which the records came."""

from types import SimpleNamespace

import pytest

from airflow_hubspot.client.intervals import ALL_IDS
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.linking import Built, with_links
from commission_sync.streams.rows import Batch


class Associations:
    """Line item n hangs on deal n * 10."""

    def __init__(self):
        self.asked = []

    def read(self, from_type, to_type, ids):
        assert (from_type, to_type) == ("line_items", "deals")
        self.asked.append(len(ids))
        return {i: frozenset({f"{i}0"}) for i in ids}


def chunk(ids, document=b"{}"):
    rows = [(str(i), None, None, None, document) for i in ids]
    return Built(None, ALL_IDS, len(rows), len(rows), Batch(rows=rows))


def linked(chunks):
    associations = Associations()
    share = SimpleNamespace(make_room=lambda: None)
    client = SimpleNamespace(associations=associations, lists_share=share)
    return associations.asked, list(with_links(client, LINE_ITEMS, chunks))


@pytest.mark.parametrize("size", [70, 100, 175, 200, 1_300])
def test_every_call_but_the_last_asks_for_a_thousand(size):
    chunks = [chunk(range(start, min(start + size, 3_001))) for start in range(1, 3_001, size)]
    asked, done = linked(chunks)
    assert asked == [1_000] * 3
    assert [c.records for c in done] == [c.records for c in chunks], "in the order in which they came"
    rows = [row for c in done for row in c.batch.rows]
    assert len(rows) == 3_000
    assert all(row[-1] == [f"{row[0]}0"] and built.links[row[0]] for built in done for row in built.batch.rows)


def test_a_record_of_two_chunks_has_its_deals_in_both():
    _, done = linked([chunk(range(1, 1_151)), chunk(range(900, 1_051))])
    assert all(row[-1] == [f"{row[0]}0"] for built in done for row in built.batch.rows)
    assert sum(len(built.batch.rows) for built in done) == 1_150 + 151


def test_large_documents_are_not_gathered():
    asked, done = linked([chunk([n], document=b"x" * 3_000_000) for n in range(1, 5)])
    assert (asked, len(done)) == ([2, 2], 4)


def test_chunks_without_records_are_passed_on_for_what_they_prove():
    asked, done = linked([chunk([]), chunk([])])
    assert (asked, len(done)) == ([], 2)
