"""What the mapping page shows, read from the database for one company."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from commission_sync.flags import FLAGS
from commission_sync.flags.read import read_flags
from commission_sync.mapping.compiled import Portal
from commission_sync.mapping.draft import INPUTS, CheckedDraft, Draft, MappedRow, check_draft
from commission_sync.mapping.editing import counting_documents, mark_of
from commission_sync.mapping.fields import FieldType
from commission_sync.mapping.preview import compare_newest
from commission_sync.mapping.versions import Documents, difference, version_before
from commission_sync.store.catalog import KnownProperty
from commission_sync.store.integrations import Integration
from commission_sync.store.mapping_problems import open_breaches, open_problems
from commission_sync.store.mapping_versions import (
    StoredMapping,
    UnknownVersion,
    VersionRow,
    stored_mapping,
    version_history,
)
from commission_sync.store.property_search import property_kinds
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import portal_of

_MOST_PROBLEMS = 5
_MOST_VERSIONS = 30


@dataclass(frozen=True)
class Pair:
    """A line of a value map; `label` is HubSpot's of an option, None for a value that is entered by hand."""

    value: str
    to: str
    label: str | None = None


@dataclass(frozen=True)
class EditorRow:
    """A mapped field with what the portal knows of its property."""

    entry: MappedRow
    known: KnownProperty | None

    @property
    def pairs(self) -> list[Pair]:
        """Every option of the property, then values that are none; where there are no options, room for one more."""
        given = dict(self.entry.values)
        options = {str(o.get("value")): str(o.get("label", "")) for o in (self.known.options if self.known else ())}
        listed = [Pair(value, given.pop(value, ""), label) for value, label in options.items()]
        others = [Pair(value, to) for value, to in given.items()]
        return [*listed, *others] if options else [*others, Pair("", "")]


@dataclass(frozen=True)
class ShownVersion:
    """A version, and what would change if it became the one that counts."""

    row: VersionRow
    against_active: Mapping[str, Any]


@dataclass(frozen=True)
class ShownFlag:
    """A flag of the company; `own` is what is set for it before all rules."""

    name: str
    description: str
    choices: Sequence[str]
    value: str
    reason: str
    own: str | None


@dataclass(frozen=True)
class Workbench:
    """A company's mapping and the portal that it has to fit."""

    conn: psycopg.Connection
    integration: Integration
    portal: Portal
    stored: StoredMapping

    @classmethod
    def of(cls, conn: psycopg.Connection, integration: Integration) -> Workbench:
        """Read both, in the caller's transaction."""
        portal = portal_of(conn, integration, DEALS)
        return cls(conn, integration, portal, stored_mapping(conn, integration.id))

    def draft(self, version: int | None = None) -> Draft:
        """Return the mapping that counts, or a version of it, as rows.

        :raises UnknownVersion: when the company has no such version.
        """
        if version is None:
            return Draft.of(counting_documents(self.stored))
        for row in version_history(self.conn, self.integration.id):
            if row.version == version:
                return Draft.of(_documents(row))
        raise UnknownVersion(f"there is no version {version} of this company's mapping")

    def check(self, draft: Draft) -> CheckedDraft:
        """Hold a draft to the portal."""
        return check_draft(draft, self.portal)

    def editor(self, draft: Draft, *, made_from: str | None = None, note: str = "", focus: str = "") -> dict[str, Any]:
        """Return what the editor shows of a draft; deals are compared once it is there."""
        return {
            **self.verdict(draft, shows_deals=False),
            "rows": [EditorRow(row, self.portal.catalogue.get(row.source)) for row in draft.mapped],
            "catalogue": [known for known in self.portal.catalogue.values() if known.archived_at is None],
            "types": [each.value for each in FieldType],
            "made_from": made_from or mark_of(self.stored),
            "note": note,
            "focus": focus,
        }

    def verdict(self, draft: Draft, *, shows_deals: bool = True) -> dict[str, Any]:
        """Return what is wrong with a draft, by input, and what it would make of some deals."""
        checked = self.check(draft)
        mapping = checked.checked.compiled.mapping
        # By way of rows, so that two ways of writing an entry are no difference.
        changed = difference(self.draft().documents(), draft.documents())
        return {
            "draft": draft,
            "checked": checked,
            "places": list(_places(draft)),
            "errors": len({fault.place for fault in checked.faults if fault.is_error}),
            "differs": any(changed.values()),
            "deals": compare_newest(self.conn, self.integration.id, mapping) if shows_deals else [],
            "awaits_deals": not shows_deals,
        }

    def surroundings(self) -> dict[str, Any]:
        """Return everything around the editor."""
        spoiled, problems = open_problems(self.conn, self.integration.id, _MOST_PROBLEMS)
        return {
            "standing": self.stored,
            "breaches": open_breaches(self.conn, self.integration.id),
            "spoiled": spoiled,
            "problems": problems,
            "kinds": property_kinds(self.conn, self.integration.id),
            **self.history(),
            **self.flags(),
        }

    def history(self) -> dict[str, Any]:
        """Return the versions, the one to roll back to, and the mark of what counts now."""
        now = counting_documents(self.stored)
        rows = version_history(self.conn, self.integration.id)
        try:
            earlier = version_before(self.conn, self.integration.id)
        except UnknownVersion:
            earlier = None
        listed = [row for place, row in enumerate(rows) if place < _MOST_VERSIONS or row.is_active]
        shown = [ShownVersion(row, difference(now, _documents(row))) for row in listed]
        return {
            "versions": shown,
            "older": len(rows) - len(shown),
            "earlier": earlier,
            "made_from": mark_of(self.stored),
        }

    def flags(self) -> dict[str, Any]:
        """Return every flag, what it is for the company, and why."""
        flags, own = read_flags(self.conn, self.integration), self.integration.feature_flags
        shown = [
            ShownFlag(
                name, flag.description, flag.choices, flags.choice(name), flags.reasons[name], flag.read(own.get(name))
            )
            for name, flag in FLAGS.items()
        ]
        return {"flags": shown, "flag_problems": flags.problems}


def _documents(row: VersionRow) -> Documents:
    return Documents(row.property_mappings_text, row.calculated_fields_text)


def _places(draft: Draft) -> Iterator[str]:
    """Yield every input that can be at fault, the mapping at large first."""
    yield ""
    for kind, rows in (("mapped", draft.mapped), ("calculated", draft.calculated)):
        for number in range(len(rows)):
            yield from (f"{kind}-{number}-{part}" for part in INPUTS[kind])
