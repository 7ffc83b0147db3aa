"""Reads which records hang on which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_hubspot.client import answers
from airflow_hubspot.client.errors import HubSpotError
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk

BATCH_LIMIT = 1_000
# A record without any is not an error, though HubSpot answers 207 and lists it as one.
_NONE_FOUND = "NO_ASSOCIATIONS_FOUND"


class Associations:
    """Associations between records of two types, from HubSpot's primary store."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def read(self, from_type: str, to_type: str, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return, for each id, the ids of all `to_type` records it is associated with, whatever the label.

        A thousand ids a call; a record with more than 500 costs a call for each further page. An id that HubSpot says
        nothing about is left out: only an explicit "none" is an empty set.

        :raises HubSpotError: when HubSpot answers any of them with something else than "none".
        """
        wanted = list(dict.fromkeys(ids))
        found: dict[str, set[str]] = {}
        for start in range(0, len(wanted), BATCH_LIMIT):
            inputs: list[dict[str, str]] = [{"id": i} for i in wanted[start : start + BATCH_LIMIT]]
            while inputs:
                inputs = self._page(from_type, to_type, inputs, found)
        return {i: frozenset(targets) for i, targets in found.items()}

    def _page(
        self, from_type: str, to_type: str, inputs: Sequence[Mapping[str, str]], found: dict[str, set[str]]
    ) -> list[dict[str, str]]:
        """Add one answer to `found` and return the inputs of what it left out."""
        url = path("associations", self._version, type=from_type, to=to_type)
        linked, errors = self._sdk.call("POST", url, body={"inputs": list(inputs)}, read=_linked)
        following = []
        for source, targets, after in linked:
            found.setdefault(source, set()).update(targets)
            if after is not None:
                following.append({"id": source, "after": after})
        for error in errors:
            for source in _without_any(from_type, to_type, error):
                found.setdefault(source, set())
        if following == list(inputs):
            raise HubSpotError(f"HubSpot's associations {from_type} to {to_type} name a page as its own next page")
        return following


def _linked(answer: Mapping[str, Any]) -> tuple[list[tuple[str, set[str], str | None]], list[Mapping[str, Any]]]:
    """Return for each record its id, what is linked to it, and where its next page begins; and the error entries."""
    # Ids are numbers on the numbered paths and may be strings on the dated ones.
    linked = [
        (str(one["from"]["id"]), {str(to["toObjectId"]) for to in one["to"]}, answers.next_after(one))
        for one in answer["results"]
    ]
    return linked, answers.errors_of(answer)


def _without_any(from_type: str, to_type: str, error: Mapping[str, Any]) -> list[str]:
    if not str(error.get("subCategory")).endswith(_NONE_FOUND):
        raise HubSpotError(
            f"HubSpot answered associations {from_type} to {to_type} in part: {error.get('message')}",
            status=207,
            hint="nothing was attached or detached by this answer; it is asked again with the next run",
        )
    return answers.context_of(error, "fromObjectId")
