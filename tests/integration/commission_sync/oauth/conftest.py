"""A company with a consent, on an emulator without limits."""

from __future__ import annotations

import pytest

from consent import Consented


@pytest.fixture
def consented(world):
    made = world(deals=20)
    return Consented.of(made.emulator, made.dsn, made.integration_id)
