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
    lines = ["| what | measured | target | |", "|---|---|---|---|"]
    lines += [f"| {f.what} | {f.measured} | {f.target} | {'holds' if f.holds else '**missed**'} |" for f in figures]
    return "\n".join(lines)


def tell(what: str) -> None:
    """Say how far a long measurement is."""
    sys.stderr.write(f"      {what}\n")
    sys.stderr.flush()
