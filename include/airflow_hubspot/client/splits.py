"""Reads how deals are split among owners (Sales Hub Enterprise)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_hubspot.client import answers
from airflow_hubspot.client.errors import HubSpotError
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk

BATCH_LIMIT = 100


@dataclass(frozen=True)
class Split:
    """An owner's share of a deal, as HubSpot gave it: a decimal string, 1.0 being all of it."""

    owner_id: str
    percentage: str


class Splits:
    """Deal splits."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def read(self, deal_ids: Sequence[str]) -> dict[str, tuple[Split, ...]]:
        """Return the splits of up to 100 deals; a deal that HubSpot says nothing about is left out.

        :raises MissingScopes: when the portal's edition or the token's scopes do not have splits.
        :raises HubSpotError: when HubSpot answers any of them with something else than "not found".
        """
        if len(deal_ids) > BATCH_LIMIT:
            raise ValueError(f"splits are read for at most {BATCH_LIMIT} deals a call, not {len(deal_ids)}")
        body = {"inputs": [{"id": i} for i in deal_ids]}
        found, errors = self._sdk.call("POST", path("splits", self._version), body=body, read=_splits)
        for error in errors:
            if error.get("category") != "OBJECT_NOT_FOUND":
                raise HubSpotError(f"HubSpot answered splits in part: {error.get('message')}", status=207)
        by_deal: dict[str, tuple[Split, ...]] = found
        return by_deal


def _splits(answer: Mapping[str, Any]) -> tuple[dict[str, tuple[Split, ...]], list[Mapping[str, Any]]]:
    by_deal = {str(one["id"]): tuple(map(_split, one.get("splits") or ())) for one in answer["results"]}
    return by_deal, answers.errors_of(answer)


def _split(raw: Mapping[str, Any]) -> Split:
    # HubSpot's guide shows the two values bare, its specification as properties of a record.
    bare = "percentage" in raw
    given = raw if bare else raw["properties"]
    owner, percentage = ("ownerId", "percentage") if bare else ("hubspot_owner_id", "hs_deal_split_percentage")
    return Split(str(given[owner]), str(given[percentage]))
