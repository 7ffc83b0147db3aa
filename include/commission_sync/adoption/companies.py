"""What becomes of each old row of crm_integrations; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# How far before last_sync the next run begins. A naive time in an unknown zone is at most 14 hours too late, and the
# older service may have written it at the end of a run.
LOOKBACK = timedelta(hours=24)

_PORTALS = ("portal_id", "hub_id", "hubspot_portal_id")


@dataclass(frozen=True)
class Portal:
    """What a person says of a company whose old row does not tell: its portal, and its Airflow connection."""

    portal_id: int
    conn_id: str | None = None


@dataclass(frozen=True)
class Company:
    """A company as it will be adopted; `cursor` is from where the next run reads, None for a first load."""

    company_id: str
    portal_id: int
    conn_id: str
    old_ids: tuple[str, ...]
    old: Mapping[str, Any]
    was_active: bool
    cursor: datetime | None
    documents: Mapping[str, dict[str, Any]]

    def keys(self, by_integration: bool) -> tuple[str, ...]:
        """Return by what the old deals name the company."""
        return self.old_ids if by_integration else (self.company_id,)


@dataclass(frozen=True)
class Rejected:
    """An old row of crm_integrations, or a value of it, that is not taken over."""

    reason: str
    row: Mapping[str, Any]
    company_id: str | None = None
    landed: bool = False


@dataclass
class Companies:
    """The plan for all companies; with `blockers` nothing can be adopted before a person has decided."""

    adopted: list[Company] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)


def plan_companies(
    rows: Iterable[Mapping[str, Any]], portals: Mapping[str, Portal], *, zone: str, lookback: timedelta, now: datetime
) -> Companies:
    """Return what becomes of the rows, given in the order of their writing.

    Of several rows of one company the one with the latest `last_sync` counts, of equal ones the last.
    """
    found = Companies()
    for name, several in _by_company(rows, found).items():
        best = max(reversed(several), key=lambda row: _synced(row, zone) or datetime.min.replace(tzinfo=now.tzinfo))
        found.rejected += [Rejected("duplicate_company", row, name) for row in several if row is not best]
        ids = tuple(str(row["id"]) for row in several if row.get("id") is not None)
        _plan_one(found, name, best, ids, portals.get(name), zone=zone, lookback=lookback, now=now)
    if unknown := sorted(portals.keys() - {one.company_id for one in found.adopted}):
        found.blockers.append(f"the file of portals names what crm_integrations has not: {', '.join(unknown)}")
    _find_shared_portals(found)
    return found


def _by_company(rows: Iterable[Mapping[str, Any]], found: Companies) -> dict[str, list[Mapping[str, Any]]]:
    several: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        name = str(row.get("company_id") if row.get("company_id") is not None else "").strip()
        if not name:
            found.rejected.append(Rejected("no_company", row))
        elif str(row.get("provider") or "hubspot").strip().lower() != "hubspot":
            found.rejected.append(Rejected("other_provider", row, name))
        else:
            several.setdefault(name, []).append(row)
    return several


def _plan_one(
    found: Companies,
    name: str,
    row: Mapping[str, Any],
    ids: tuple[str, ...],
    said: Portal | None,
    *,
    zone: str,
    lookback: timedelta,
    now: datetime,
) -> None:
    portal_id = said.portal_id if said else _portal_of(row)
    if portal_id is None:
        found.blockers.append(f"company {name!r} has no portal id; say it in the file of --portals")
        return
    documents = {}
    for column in ("property_mappings", "calculated_fields", "feature_flags"):
        document = _document(row.get(column))
        if document is None:
            found.rejected.append(Rejected(f"unreadable_{column}", row, name, landed=True))
        documents[column] = document or {}
    synced = _synced(row, zone)
    if synced is None and row.get("last_sync") is not None:
        found.rejected.append(Rejected("unreadable_last_sync", row, name, landed=True))
    is_future = synced is not None and synced > now
    if is_future:
        found.rejected.append(Rejected("future_last_sync", row, name, landed=True))
    conn_id = (said and said.conn_id) or str(row.get("conn_id") or "").strip() or f"hubspot_{name}"
    cursor = None if synced is None or is_future else synced - lookback
    was_active = row.get("is_active") not in {False, "false", "0"}
    found.adopted.append(Company(name, portal_id, conn_id, ids, row, was_active, cursor, documents))


def _find_shared_portals(found: Companies) -> None:
    owners: dict[int, list[str]] = {}
    for one in found.adopted:
        owners.setdefault(one.portal_id, []).append(one.company_id)
    found.blockers += [
        f"portal {portal} is claimed by {', '.join(map(repr, names))}; say in the file of --portals whose it is"
        for portal, names in owners.items()
        if len(names) > 1
    ]


def _portal_of(row: Mapping[str, Any]) -> int | None:
    written = next((str(row[name]).strip() for name in _PORTALS if row.get(name) is not None), "")
    return int(written) if re.fullmatch(r"[1-9]\d{0,17}", written, re.ASCII) else None


def _document(value: Any) -> dict[str, Any] | None:
    """Return a JSON object that is stored as one or as its text; nothing at all is an empty one."""
    if value is None or value == "":
        return {}
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _synced(row: Mapping[str, Any], zone: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(row.get("last_sync") or ""))
        return read.replace(tzinfo=ZoneInfo(zone)) if read.tzinfo is None else read
    except (ValueError, OverflowError):
        return None


def read_portals(lines: Sequence[str]) -> dict[str, Portal]:
    """Read `company,portal_id[,conn_id]` lines; blank ones and those with a # are left out.

    :raises ValueError: for a line that says something else, with its number.
    """
    found: dict[str, Portal] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, *rest = (part.strip() for part in line.split(","))
        if len(rest) not in {1, 2} or not re.fullmatch(r"[1-9]\d{0,17}", rest[0], re.ASCII) or name in found:
            raise ValueError(f"line {number} is not `company,portal_id[,conn_id]` of a new company: {line.strip()!r}")
        found[name] = Portal(int(rest[0]), rest[1] if len(rest) > 1 and rest[1] else None)
    return found
