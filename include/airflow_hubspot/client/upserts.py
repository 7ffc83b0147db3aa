"""Upserts rows by a unique property, batch by batch; a row that HubSpot refuses does not take others with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from airflow_hubspot.client.errors import Invalid, NotFound
from airflow_hubspot.client.objects import BATCH_LIMIT, Objects

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Rejected:
    """A row that HubSpot refused; `number` counts from 1."""

    number: int
    key: str | None
    reason: str


@dataclass
class Upserted:
    """What became of the rows."""

    created: int = 0
    updated: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class _Input:
    number: int
    key: str
    properties: dict[str, str]


def upsert(objects: Objects, object_type: str, rows: Iterable[Row], *, id_property: str) -> Upserted:
    """Create or change the records that `rows` describe, property by property.

    :param id_property: a property whose values are unique; each row has to have it. A row that comes later wins
    """
    done = Upserted()
    for batch in _batches(rows, id_property, done):
        _send(objects, object_type, id_property, batch, done)
    done.rejected.sort(key=lambda r: r.number)
    return done


def _batches(rows: Iterable[Row], id_property: str, done: Upserted) -> Iterator[list[_Input]]:
    batch: dict[str, _Input] = {}
    for number, row in enumerate(rows, 1):
        key = _text(row.get(id_property))
        if not key:
            done.rejected.append(Rejected(number, None, f"it has no {id_property}"))
            continue
        # HubSpot refuses a batch that names a record twice.
        if len(batch) == BATCH_LIMIT or key in batch:
            yield list(batch.values())
            batch = {}
        batch[key] = _Input(number, key, {name: _text(value) for name, value in row.items() if name != id_property})
    if batch:
        yield list(batch.values())


def _send(objects: Objects, object_type: str, id_property: str, batch: Sequence[_Input], done: Upserted) -> None:
    inputs = [
        {"id": i.key, "idProperty": id_property, "properties": i.properties, "objectWriteTraceId": str(i.number)}
        for i in batch
    ]
    try:
        answer = objects.batch_upsert(object_type, inputs)
    except (Invalid, NotFound) as error:
        # One bad value fails them all, and HubSpot does not say whose it is.
        if len(batch) == 1:
            done.rejected.append(Rejected(batch[0].number, batch[0].key, error.message))
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            _send(objects, object_type, id_property, half, done)
        return
    created = sum(bool(result.get("new")) for result in answer.results)
    done.created += created
    done.updated += len(answer.results) - created
    done.rejected += _refused(batch, answer.errors)


def _refused(batch: Sequence[_Input], errors: Sequence[Mapping[str, Any]]) -> Iterator[Rejected]:
    by_number = {str(i.number): i for i in batch}
    for error in errors:
        for trace in (error.get("context") or {}).get("objectWriteTraceId") or ():
            one = by_number[str(trace)]
            yield Rejected(one.number, one.key, str(error.get("message")))


def _text(value: Any) -> str:
    """Return a value as HubSpot takes it: everything is text, nothing clears a property."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
