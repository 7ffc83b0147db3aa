"""A company whose deals are synced and whose write-back is on."""

import pytest

from commissions import WriteBack


@pytest.fixture
def acme(world):
    back = WriteBack(world(deals=200))
    back.world.sync()
    back.flag("on")
    back.calls()
    return back


@pytest.fixture
def ids(acme):
    return acme.world.emulator.admin.truth_ids(1001)
