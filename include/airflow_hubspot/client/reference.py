"""Reads what records refer to and what rarely changes: owners and pipelines."""

from __future__ import annotations

from typing import Any

from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk

_OWNERS_A_PAGE = 500


class Reference:
    """Owners and pipelines, as HubSpot sends them."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def owners(self) -> list[dict[str, Any]]:
        """Return every owner, those who have left included: their deals stay theirs."""
        return [*self._owners(archived=False), *self._owners(archived=True)]

    def pipelines(self, object_type: str) -> list[dict[str, Any]]:
        """Return the pipelines of an object type with their stages."""
        results: list[dict[str, Any]] = self._sdk.call("GET", path("pipelines", self._version, type=object_type))[
            "results"
        ]
        return results

    def _owners(self, *, archived: bool) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            query = [("limit", str(_OWNERS_A_PAGE)), ("archived", str(archived).lower())]
            query += [("after", after)] if after is not None else []
            answer = self._sdk.call("GET", path("owners", self._version), query=query)
            found += answer["results"]
            after = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return found
