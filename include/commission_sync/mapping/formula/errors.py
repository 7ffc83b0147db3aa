"""What is wrong with a formula, and where."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Comparing a name with every property of a large portal has to stay quick, whatever was typed.
_MOST_COMPARED = 200


class FormulaError(ValueError):
    """A formula cannot be read, or has no value for the deal at hand.

    :param column: where, counted from 1 in the formula's text
    """

    def __init__(self, message: str, column: int) -> None:
        self.message, self.column = message, column
        super().__init__(f"column {column}: {message}")

    def pointing_into(self, formula: str) -> str:
        """Return the formula's text with a mark below the place, then the message."""
        line = "".join(" " if character.isspace() else character for character in formula)
        return f"{line}\n{' ' * (self.column - 1)}^ {self}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` when a known name is close enough, and nothing otherwise."""
    near = sorted(known, key=lambda k: (abs(len(k) - len(name)), k))[:_MOST_COMPARED]
    folded = {k.casefold(): k for k in reversed(near)}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return f"; did you mean {folded[found[0]]!r}?" if found else ""
