"""What the garbage collector of a web server no longer looks at."""

import gc

import pytest

from commission_sync.web.heap import Freezer


class _Node:
    def __init__(self):
        self.itself = self


def is_looked_at(thing):
    return any(each is thing for each in gc.get_objects())


@pytest.fixture(autouse=True)
def only_this_tests_collections():
    """Without the collector's own turns, and without what an application of an earlier test began in this process."""
    callbacks = list(gc.callbacks)
    gc.callbacks.clear()
    gc.disable()
    yield
    gc.enable()
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def test_what_is_there_at_the_beginning_is_left_out():
    node = _Node()
    Freezer().begin()
    assert not is_looked_at(node)


def test_what_survives_full_collections_is_left_out_a_few_times_and_then_no_more():
    Freezer(times=2).begin()
    for expected in (False, False, True):
        node = _Node()
        gc.collect(1)
        assert is_looked_at(node)
        gc.collect()
        assert is_looked_at(node) is expected


def test_what_is_garbage_is_still_found():
    Freezer(times=2).begin()
    _Node()
    assert gc.collect() >= 1
