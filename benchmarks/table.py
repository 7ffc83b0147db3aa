"""The table that the benchmarks print."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured line: what, how much, what it is held to, and whether it holds."""

    what: str
    measured: str
    target: str
    holds: bool


def render(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    return "\n".join(["| what | measured | target | |", "|---|---|---|---|", *map(cells, figures)])


def cells(figure: Figure) -> str:
    """Return one figure as a row of a Markdown table."""
    return f"| {figure.what} | {figure.measured} | {figure.target} | {'holds' if figure.holds else '**missed**'} |"


def tell(what: str) -> None:
    """Say how far a long measurement is."""
    sys.stderr.write(f"      {what}\n")
    sys.stderr.flush()
