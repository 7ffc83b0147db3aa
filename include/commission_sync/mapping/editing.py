"""Keeps what a person made of a mapping, unless another became the one that counts meanwhile."""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

import psycopg

from commission_sync.mapping.compiled import Portal
from commission_sync.mapping.draft import CheckedDraft
from commission_sync.mapping.issues import InvalidMapping
from commission_sync.mapping.versions import Documents, activate, save
from commission_sync.store.audit import record_action
from commission_sync.store.mapping_versions import StoredMapping, lock_mapping, stored_mapping


class Outdated(Exception):
    """The mapping that counts is not the one that a draft was made from."""


def mark_of(stored: StoredMapping) -> str:
    """Return what tells the mapping that counts from any other; a draft carries it along."""
    text = f"{stored.property_mappings_text}\x00{stored.calculated_fields_text}"
    return blake2b(text.encode(), digest_size=12).hexdigest()


def counting_documents(stored: StoredMapping) -> Documents:
    """Return the documents that count now."""
    return Documents(stored.property_mappings_text, stored.calculated_fields_text)


def keep(
    conn: psycopg.Connection,
    integration_id: UUID,
    draft: CheckedDraft,
    portal: Portal,
    *,
    made_from: str,
    author: str,
    note: str = "",
    activates: bool = False,
) -> int:
    """Save a draft as a new version, in the caller's transaction, and on request make it count.

    :param made_from: the `mark_of` the mapping that counted when the draft was begun
    :raises InvalidMapping: when anything is wrong with it; nothing is saved then.
    :raises Outdated: when another mapping counts by now; nothing is saved then.
    """
    if not draft.is_sound:
        raise InvalidMapping(draft.checked.errors)
    lock_mapping(conn, integration_id)
    stored = stored_mapping(conn, integration_id)
    if mark_of(stored) != made_from:
        now = "none" if stored.version is None else f"version {stored.version}"
        raise Outdated(
            f"another mapping became the one that counts while you edited ({now}); nothing was saved. Your draft is "
            "still here: look at what the versions below changed, and save again"
        )
    version = save(conn, integration_id, draft.checked, portal, author=author, note=note)
    record_action(conn, integration_id, entity="mapping", entity_id=str(version), action="save", actor=author)
    if activates:
        activate(conn, integration_id, version, portal, actor=author)
    return version
