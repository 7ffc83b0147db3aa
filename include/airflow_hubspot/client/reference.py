"""Reads what changes rarely and belongs to no single record: owners, and pipelines with their stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow_hubspot.client.answers import next_after
from airflow_hubspot.client.paths import path
from airflow_hubspot.client.sdk import Sdk

_OWNERS_A_PAGE = 500


@dataclass(frozen=True)
class Owner:
    """A person or queue that records belong to; records name its `id`, never its `user_id`."""

    id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    user_id: str | None
    teams: tuple[dict[str, Any], ...]
    archived: bool


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline."""

    pipeline: str
    pipeline_label: str
    stage: str
    stage_label: str
    display_order: int
    is_closed: bool | None
    probability: str | None


class Reference:
    """Owners and pipelines of the account."""

    def __init__(self, sdk: Sdk, version: str) -> None:
        self._sdk = sdk
        self._version = version

    def owners(self, *, archived: bool = False) -> list[Owner]:
        """Return every owner; the archived ones are asked for on their own, and old deals still name them."""
        found: list[Owner] = []
        query = [("limit", str(_OWNERS_A_PAGE)), ("archived", str(archived).lower())]
        after: str | None = None
        while True:
            page = [("after", after)] if after is not None else []
            url_path = path("owners", self._version)
            owners, after = self._sdk.call("GET", url_path, query=query + page, read=partial(_owners, archived))
            found += owners
            if after is None:
                return found

    def stages(self, object_type: str) -> list[Stage]:
        """Return every stage of every pipeline of an object type."""
        url_path = path("pipelines", self._version, type=object_type)
        found: list[Stage] = self._sdk.call("GET", url_path, read=_stages)
        return found


def _stages(answer: Mapping[str, Any]) -> list[Stage]:
    return [_stage(pipeline, raw) for pipeline in answer["results"] for raw in pipeline["stages"]]


def _owners(archived: bool, answer: Mapping[str, Any]) -> tuple[list[Owner], str | None]:
    return [_owner(raw, archived) for raw in answer["results"]], next_after(answer)


def _owner(raw: dict[str, Any], archived: bool) -> Owner:
    user = raw.get("userId") or raw.get("userIdIncludingInactive")
    return Owner(
        id=str(raw["id"]),
        email=raw.get("email"),
        first_name=raw.get("firstName"),
        last_name=raw.get("lastName"),
        user_id=None if user is None else str(user),
        teams=tuple(raw.get("teams") or ()),
        archived=bool(raw.get("archived", archived)),
    )


def _stage(pipeline: dict[str, Any], raw: dict[str, Any]) -> Stage:
    metadata = raw.get("metadata") or {}
    closed = metadata.get("isClosed")
    return Stage(
        pipeline=str(pipeline["id"]),
        pipeline_label=str(pipeline.get("label") or pipeline["id"]),
        stage=str(raw["id"]),
        stage_label=str(raw.get("label") or raw["id"]),
        display_order=int(raw.get("displayOrder") or 0),
        is_closed=None if closed is None else str(closed).lower() == "true",
        probability=metadata.get("probability"),
    )
