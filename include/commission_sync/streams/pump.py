"""Runs several readers at once and hands what they read to one writer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Queue
from typing import Generic, TypeVar

T = TypeVar("T")

_DEPTH = 8
_STOP_SECONDS = 10.0
_DRAIN_SECONDS = 0.01


class Pump(Generic[T]):
    """Iterates over several generators, each in a thread of its own, in the order in which their items arrive.

    The queue between them is short, so that readers wait for a slow writer instead of filling memory. The first error
    of a reader stops all of them and is raised to the consumer. Leaving the `with` block stops the readers: `interrupt`
    ends their waits, and one that is still busy after ten seconds is left behind, as nothing it yields is wanted.
    """

    def __init__(self, readers: Sequence[Iterator[T]], interrupt: Callable[[], None] = lambda: None) -> None:
        self._readers = readers
        self._interrupt = interrupt
        self._queue: Queue[T | _Done] = Queue(maxsize=_DEPTH)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(r,), daemon=True) for r in readers]

    def __enter__(self) -> Pump[T]:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._interrupt()
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and (left := [thread for thread in self._threads if thread.is_alive()]):
            # Most of them only wait for room to say that they are done.
            self._drain()
            left[0].join(timeout=_DRAIN_SECONDS)

    def __iter__(self) -> Iterator[T]:
        for _ in self._readers:
            while not isinstance(item := self._queue.get(), _Done):
                yield item
            if item.error is not None:
                raise item.error

    def _read(self, reader: Iterator[T]) -> None:
        error: BaseException | None = None
        try:
            for item in reader:
                self._queue.put(item)
                if self._stop.is_set():
                    break
        except BaseException as raised:
            error = raised
        finally:
            close = getattr(reader, "close", None)
            if close is not None:
                close()
            self._queue.put(_Done(error))

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get()


class _Done:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error
