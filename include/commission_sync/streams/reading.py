"""How a stream's records are read: a window of modified time in parts, or everything by id.

A reading deals its work out to readers that run side by side, and knows at any moment how far it is proven, so that a
killed run goes on from its receipts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from airflow_hubspot.client.board import IdBoard
from airflow_hubspot.client.intervals import ALL_IDS, IdInterval, IdIntervals
from airflow_hubspot.client.records import Page, SearchPage
from airflow_hubspot.client.scan import extent, read_by_list, read_by_search
from airflow_hubspot.client.windows import ProvenPage, SearchReader, Window
from commission_sync.store.receipts import Receipt

SEARCH_READERS = 4
LIST_READERS = 8


@dataclass(eq=False)
class Part:
    """A piece of a reading that gets a receipt of its own; `window_from` is None where everything is read."""

    window_from: datetime | None
    window_to: datetime
    covered: IdIntervals = field(default_factory=IdIntervals)
    receipt_id: UUID | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every id has been read."""
        return self.covered.covers(ALL_IDS)


@dataclass(frozen=True)
class Chunk:
    """Records of one part, proven complete for one interval of ids."""

    part: Part
    page: ProvenPage


class Reading(Protocol):
    """Something that reads a stream's records."""

    def readers(self) -> list[Iterator[Chunk]]:
        """Return generators that share the work, each to be run in a thread of its own."""

    def reached(self) -> datetime | None:
        """Return the time up to which every change is landed by the chunks landed so far; None for nowhere."""

    def is_over(self, covered: IdIntervals) -> bool:
        """Whether nothing is left to read when a part is covered so far, whatever readers still wait for."""


class WindowReading:
    """Reads the records modified in a window, part by part in order of time."""

    def __init__(self, reader: SearchReader, window: Window, receipts: Iterable[Receipt] = ()) -> None:
        """Read `window`, but for what the receipts of earlier tries prove."""
        self._reader = reader
        self._window = window
        self._parts = [resumed(receipt) for receipt in receipts if receipt.window_from is not None]
        self._pending = self._plan(window)
        self._turn = threading.Lock()

    def readers(self) -> list[Iterator[Chunk]]:
        """Return as many readers as the search limit can keep busy."""
        return [self._read() for _ in range(SEARCH_READERS)]

    def reached(self) -> datetime | None:
        """Return the end of the unbroken row of complete parts that starts with the window."""
        position = self._window.start
        for part in sorted(self._parts, key=lambda p: p.window_to):
            if not part.is_complete or part.window_from is None or part.window_from > position:
                break
            position = max(position, part.window_to)
        return position if position > self._window.start else None

    def is_over(self, covered: IdIntervals) -> bool:  # noqa: ARG002 - parts end one by one, and so do their readers
        """Return False: no reader of a window waits for a call that nobody needs."""
        return False

    def _plan(self, window: Window) -> Iterator[tuple[Part, SearchPage | None]]:
        started = list(self._parts)
        yield from ((part, None) for part in started if not part.is_complete)
        for gap in window.without([_window_of(part) for part in started]):
            for found, first in self._reader.parts(gap):
                part = Part(found.start, found.end)
                self._parts.append(part)
                yield part, first

    def _next(self) -> tuple[Part, SearchPage | None] | None:
        with self._turn:
            return next(self._pending, None)

    def _read(self) -> Iterator[Chunk]:
        while (pending := self._next()) is not None:
            part, first = pending
            for gap in list(part.covered.gaps()):
                for page in self._reader.pages(_window_of(part), gap, first):
                    yield Chunk(part, page)


class FullReading:
    """Reads every record there is, by list and search side by side."""

    def __init__(self, list_page: Callable[[str], Page], reader: SearchReader, part: Part) -> None:
        """Read all but what `part` already covers; `list_page` returns the records above an id, from the list."""
        self._list_page = list_page
        self._reader = reader
        self._part = part

    def readers(self) -> list[Iterator[Chunk]]:
        """Return list readers and search readers; two calls find out how the ids are spread."""
        found = extent(self._reader.search)
        todo: list[IdInterval] = list(self._part.covered.gaps())
        board = IdBoard(todo, found)
        lists = [self._chunks(read_by_list(board, self._list_page)) for _ in range(LIST_READERS)]
        return lists + [self._chunks(read_by_search(board, self._reader)) for _ in range(SEARCH_READERS)]

    def reached(self) -> datetime | None:
        """Return the time at which the reading began, once everything is read."""
        return self._part.window_to if self._part.is_complete else None

    def is_over(self, covered: IdIntervals) -> bool:
        """Whether lists and searches have met everywhere."""
        return covered.covers(ALL_IDS)

    def _chunks(self, pages: Iterator[ProvenPage]) -> Iterator[Chunk]:
        for page in pages:
            yield Chunk(self._part, page)


def _window_of(part: Part) -> Window:
    assert part.window_from is not None
    return Window.between(part.window_from, part.window_to)


def resumed(receipt: Receipt) -> Part:
    """Return the part that an earlier try of the same run left a receipt for."""
    return Part(receipt.window_from, receipt.window_to, IdIntervals.from_pairs(receipt.covered), receipt.id)
