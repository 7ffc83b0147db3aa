"""A company's mapping from its documents to a version that counts: checked, saved, activated, rolled back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import psycopg

from commission_sync.mapping.compiled import Compiled, Portal, compile_mapping
from commission_sync.mapping.config import MappingConfig, read_config
from commission_sync.mapping.contract import baseline, check_contract
from commission_sync.mapping.issues import InvalidMapping, Issue
from commission_sync.mapping.recompute import changes
from commission_sync.store.mapping_problems import settle_breaches
from commission_sync.store.mapping_versions import (
    UnknownVersion,
    activate_version,
    exact_json,
    lock_mapping,
    save_version,
    stored_mapping,
    version_history,
)

BY_HAND = "crm_integrations"


@dataclass(frozen=True)
class Documents:
    """The two JSON documents of a mapping, as text, which keeps every digit."""

    property_mappings: str
    calculated_fields: str

    def config(self) -> MappingConfig:
        """Return what they say."""
        return read_config(exact_json(self.property_mappings), exact_json(self.calculated_fields))


@dataclass(frozen=True)
class Checked:
    """A mapping made ready for a portal, and everything that a person should know of it."""

    documents: Documents
    compiled: Compiled
    issues: tuple[Issue, ...]

    @property
    def errors(self) -> tuple[Issue, ...]:
        """What keeps it from being saved."""
        return tuple(issue for issue in self.issues if issue.is_error)


def check(documents: Documents, portal: Portal) -> Checked:
    """Hold a mapping that is to be saved to the portal's properties."""
    config = documents.config()
    compiled = compile_mapping(config, portal)
    return Checked(documents, compiled, tuple(check_contract(config, compiled, portal.catalogue)))


def save(
    conn: psycopg.Connection, integration_id: UUID, checked: Checked, portal: Portal, *, author: str, note: str = ""
) -> int:
    """Keep a checked mapping as a new version, which is not active yet, and return its number.

    :raises InvalidMapping: with every error; nothing is saved then.
    """
    if checked.errors:
        raise InvalidMapping(checked.errors)
    adopt(conn, integration_id, portal)
    return _save(conn, integration_id, checked, portal, author=author, note=note)


def activate(conn: psycopg.Connection, integration_id: UUID, version: int, portal: Portal, *, actor: str) -> Checked:
    """Check a saved version against the properties of now and make it the one that counts.

    The stored deals are still to be recomputed.

    :raises UnknownVersion: when the company has no such version.
    :raises InvalidMapping: when the portal no longer has what it needs; the other version goes on counting.
    """
    found = next((row for row in version_history(conn, integration_id) if row.version == version), None)
    if found is None:
        raise UnknownVersion(f"there is no version {version} of this company's mapping")
    checked = check(Documents(found.property_mappings_text, found.calculated_fields_text), portal)
    if checked.errors:
        raise InvalidMapping(checked.errors)
    adopt(conn, integration_id, portal)
    activate_version(conn, integration_id, version, actor=actor)
    return checked


def version_before(conn: psycopg.Connection, integration_id: UUID) -> int:
    """Return the version to roll back to: the newest below the active one that ever counted.

    :raises UnknownVersion: when there is none.
    """
    history = version_history(conn, integration_id)
    active = next((row.version for row in history if row.is_active), 0)
    for row in history:
        if row.version < active and row.activated_at is not None:
            return row.version
    raise UnknownVersion("there is no earlier version that ever counted; name one that was saved")


@dataclass(frozen=True)
class Active:
    """The mapping that counts now, ready for use even where parts of it are broken."""

    compiled: Compiled
    issues: tuple[Issue, ...]
    is_recomputed: bool


def active_mapping(conn: psycopg.Connection, integration_id: UUID, portal: Portal) -> Active:
    """Return the mapping that counts, in the caller's transaction, and record what is wrong with it."""
    stored = stored_mapping(conn, integration_id)
    config = read_config(stored.property_mappings, stored.calculated_fields)
    compiled = compile_mapping(config, portal, stored.version)
    issues = check_contract(config, compiled, portal.catalogue, stored.baseline)
    settle_breaches(conn, integration_id, [asdict(issue) for issue in issues])
    return Active(compiled, tuple(issues), stored.is_recomputed)


def adopt(conn: psycopg.Connection, integration_id: UUID, portal: Portal) -> int | None:
    """Make a version of documents that somebody changed in `crm_integrations` itself, and return its number.

    So they have a time and a way back, too. What is wrong with them costs the fields concerned and nothing else.
    """
    if not stored_mapping(conn, integration_id).is_new_here:
        return None
    lock_mapping(conn, integration_id)
    stored = stored_mapping(conn, integration_id)
    if not stored.is_new_here:
        return None
    checked = check(Documents(stored.property_mappings_text, stored.calculated_fields_text), portal)
    version = _save(conn, integration_id, checked, portal, author=BY_HAND, note="changed in the table itself")
    activate_version(conn, integration_id, version, actor=BY_HAND)
    return version


def difference(before: Documents, after: Documents) -> dict[str, dict[str, list[Any]]]:
    """Return what separates two mappings, per document as `{entry: [old, new]}`."""
    return {
        name: changes(_entries(getattr(before, name)), _entries(getattr(after, name)))
        for name in ("property_mappings", "calculated_fields")
    }


def _entries(document: str) -> dict[str, Any]:
    read = exact_json(document)
    return read if isinstance(read, dict) else {}


def _save(
    conn: psycopg.Connection, integration_id: UUID, checked: Checked, portal: Portal, *, author: str, note: str
) -> int:
    return save_version(
        conn,
        integration_id,
        property_mappings=checked.documents.property_mappings,
        calculated_fields=checked.documents.calculated_fields,
        baseline=baseline(checked.compiled, portal.catalogue),
        author=author,
        note=note,
    )
