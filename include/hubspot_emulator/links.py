"""The links between records of two object types: the generated ones, and what was attached and detached since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubspot_emulator.errors import invalid
from hubspot_emulator.pairs import Pair
from hubspot_emulator.records import Records
from hubspot_emulator.spread import Spread
from hubspot_emulator.times import Clock

Labels = frozenset[int]
_PLAIN: Labels = frozenset()
_FIRST_OWN_TYPE = 1_001


@dataclass(frozen=True)
class Label:
    """An association type with a name; both in the direction from `pair.one` and back."""

    ids: tuple[int, int]
    names: tuple[str, str]
    category: str = "USER_DEFINED"


class Links:
    """One pair of types; a link is seen from both sides, and only while both of its records are there.

    A record is its number. A link has the plain association type and may have labels, kept as the ids that they have
    in the direction from `pair.one`. Sides: 0 is `pair.one`.
    """

    def __init__(self, pair: Pair, one: Records, other: Records, clock: Clock) -> None:
        self.pair = pair
        self._clock = clock
        self._records = (one, other)
        self._spread: Spread | None = other.source.spread if pair.generated else None
        self._labels = [] if pair.primary is None else [Label(pair.primary, ("Primary", "Primary"), "HUBSPOT_DEFINED")]
        self._primary = _PLAIN if pair.primary is None else frozenset(pair.primary[:1])
        # By side, number and linked number.
        self._added: tuple[dict[int, dict[int, Labels]], ...] = ({}, {})
        self._removed: tuple[dict[int, set[int]], ...] = ({}, {})
        # When a link was made or undone, and whether it was there before.
        self._changes: list[tuple[int, tuple[int, int], bool]] = []

    def of(self, number: int, side: int) -> dict[int, Labels]:
        """Return what a record is linked to, in order of id, with the labels of each link."""
        if not self._records[side].is_live(number):
            return {}
        theirs = self._records[1 - side]
        return {n: labels for n, labels in self._all(number, side).items() if theirs.is_live(n)}

    def indexed(self, number: int, side: int, lag_ms: float) -> set[int]:
        """Return what search knows a record to be linked to, which is what was true some time ago."""
        found, known_ms = set(self.of(number, side)), self._clock.now() - lag_ms
        for at_ms, ends, was_linked in reversed(self._changes):
            if at_ms <= known_ms:
                break
            if ends[side] == number:
                (found.add if was_linked else found.discard)(ends[1 - side])
        return found

    def attach(self, one: int, other: int, labels: Labels = _PLAIN) -> None:
        """Link two records, or add labels to their link; what hangs on one record only leaves the one before."""
        if self.pair.single:
            for before in self._all(other, 1):
                if before != one:
                    self.detach(before, other)
        known = self._all(one, 0)
        self._changes.append((self._clock.now(), (one, other), other in known))
        self._keep(one, other, known.get(other, _PLAIN) | labels)
        for side, (number, linked) in enumerate(((one, other), (other, one))):
            self._removed[side].get(number, set()).discard(linked)

    def detach(self, one: int, other: int) -> None:
        """Unlink two records, with all labels of their link."""
        self._changes.append((self._clock.now(), (one, other), other in self._all(one, 0)))
        for side, (number, linked) in enumerate(((one, other), (other, one))):
            self._added[side].get(number, {}).pop(linked, None)
            self._removed[side].setdefault(number, set()).add(linked)

    def unlabel(self, one: int, other: int, labels: Labels) -> None:
        """Take labels off a link; the link stays."""
        known = self._all(one, 0).get(other)
        if known is not None:
            self._keep(one, other, known - labels)

    def move(self, gone: int, kept: int, side: int) -> None:
        """Hang everything that a merged record was linked to on the one that it ended up in.

        A record has one primary company at most, so the one that stays keeps its own.
        """
        has_primary = any(self._primary <= labels for labels in self._all(kept, side).values())
        for number, known in self._all(gone, side).items():
            labels = known - self._primary if has_primary else known
            before, after = ((gone, number), (kept, number)) if side == 0 else ((number, gone), (number, kept))
            self.detach(*before)
            self.attach(*after, labels)

    def types(self, labels: Labels, side: int) -> list[dict[str, Any]]:
        """Return the association types of a link as seen from a side: the plain one, and those with a label."""
        plain = {"category": "HUBSPOT_DEFINED", "typeId": self._plain(side), "label": None}
        if not labels:
            return [plain]
        named = [d for d in self._labels if d.ids[0] in labels]
        return [plain, *({"category": d.category, "typeId": d.ids[side], "label": d.names[side]} for d in named)]

    def every_type(self, side: int) -> list[dict[str, Any]]:
        """Return all association types that there are from a side."""
        return self.types(frozenset(d.ids[0] for d in self._labels), side)

    def is_plain(self, type_id: Any, side: int) -> bool:
        """Whether an association type id is that of the type without a label."""
        return str(type_id) == str(self._plain(side))

    def label(self, type_id: Any, side: int) -> int | None:
        """Return how the label with an association type id is kept; None for the plain type.

        :raises ApiError: 400 when there is no such type
        """
        if self.is_plain(type_id, side):
            return None
        for known in self._labels:
            if str(known.ids[side]) == str(type_id):
                return known.ids[0]
        raise invalid(f"{type_id} is not a valid association type between {self.pair.one} and {self.pair.other}")

    def add_label(self, name: str, inverse: str, side: int) -> None:
        """Define a label, with its name as seen from a side and from the other."""
        first = _FIRST_OWN_TYPE + 2 * len(self._labels)
        self._labels.append(Label((first, first + 1), (inverse, name) if side else (name, inverse)))

    def _keep(self, one: int, other: int, labels: Labels) -> None:
        self._added[0].setdefault(one, {})[other] = labels
        self._added[1].setdefault(other, {})[one] = labels

    def _plain(self, side: int) -> int:
        return self.pair.back if side else self.pair.forward

    def _all(self, number: int, side: int) -> dict[int, Labels]:
        """Return the links also to records that are not there."""
        added, removed = self._added[side].get(number), self._removed[side].get(number)
        found = dict.fromkeys(self._generated(number, side), self._primary)
        if removed:
            found = {n: labels for n, labels in found.items() if n not in removed}
        return dict(sorted((found | added).items())) if added else found

    def _generated(self, number: int, side: int) -> list[int]:
        if self._spread is None:
            return []
        return self._spread.deals_of(number) if side else self._spread.things_of(number)
