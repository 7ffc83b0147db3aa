"""A portal and the connection to it, for operators that are executed without a scheduler."""

from __future__ import annotations

import json

import pytest

from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 450, "pat-na1-acme")


@pytest.fixture
def emulator(monkeypatch):
    with running_emulator([PORTAL], limits=False) as running:
        connection = {
            "conn_type": "hubspot",
            "host": running.url,
            "password": PORTAL.token,
            "extra": {"burst_limit": 10_000, "search_limit": 10_000},
        }
        monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps(connection))
        yield running


@pytest.fixture
def unique_key(emulator):
    """A property of deals by which they can be upserted."""
    emulator.admin.create_property(
        1001,
        {
            "name": "order_number",
            "label": "Order number",
            "type": "string",
            "fieldType": "text",
            "groupName": "dealinformation",
            "hasUniqueValue": True,
        },
    )
    return "order_number"
