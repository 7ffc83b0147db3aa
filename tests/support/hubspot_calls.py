"""Calls of an emulator's API by somebody who knows no more of HubSpot than HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import urllib3

Call = Callable[..., urllib3.BaseHTTPResponse]
_pool = urllib3.PoolManager(retries=False, timeout=10)


def caller(url: str, token: str) -> Call:
    """Return `call(method, path, body)`."""

    def call(method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        data = None if body is None else json.dumps(body)
        return _pool.request(method, url + path, headers={"Authorization": f"Bearer {token}"}, body=data)

    return call


def inputs(*ids: str) -> dict[str, list[dict[str, str]]]:
    """Return the body of a batch that takes ids."""
    return {"inputs": [{"id": crm_id} for crm_id in ids]}
