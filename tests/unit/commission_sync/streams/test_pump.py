"""Several readers, one writer: nothing is lost, an error stops everybody, and a slow writer is waited for."""

import threading
import time

import pytest

from commission_sync.streams.pump import Pump


def test_everything_that_any_reader_yields_arrives_once():
    readers = [iter(range(start, start + 100)) for start in (0, 100, 200)]
    with Pump(readers) as items:
        assert sorted(items) == list(range(300))


def test_readers_run_side_by_side():
    together = threading.Barrier(3, timeout=5)

    def reader():
        together.wait()
        yield 1

    with Pump([reader() for _ in range(3)]) as items:
        assert sum(items) == 3


def test_the_first_error_is_raised_and_stops_the_others():
    stopped = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            stopped.set()

    def failing():
        yield 0
        raise RuntimeError("HubSpot is gone")

    with pytest.raises(RuntimeError, match="HubSpot is gone"), Pump([endless(), failing()]) as items:
        for _ in items:
            pass
    assert stopped.wait(timeout=5)


def test_leaving_early_closes_the_readers():
    closed = threading.Event()

    def reader():
        try:
            yield from range(10_000)
        finally:
            closed.set()

    with Pump([reader()]) as items:
        next(iter(items))
    assert closed.wait(timeout=5)


def test_readers_wait_for_a_slow_writer_instead_of_filling_memory():
    read = []

    def reader():
        for n in range(1_000):
            read.append(n)
            yield n

    with Pump([reader()]) as items:
        next(iter(items))
        time.sleep(0.2)
        assert len(read) < 50
