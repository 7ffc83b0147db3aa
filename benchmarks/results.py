"""What each benchmark measured last: benchmarks/results.json for machines, benchmarks/results.md for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.site import machine
from benchmarks.table import Figure, cells

HERE = Path(__file__).parent
KEPT, SHOWN = HERE / "results.json", HERE / "results.md"
DRAWN = HERE / "growth.svg"


def keep(name: str, figures: list[Figure]) -> None:
    """Put a benchmark's figures in place of what it measured before."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept[name] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine(),
        "figures": [asdict(figure) for figure in figures],
    }
    kept = dict(sorted(kept.items()))
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    SHOWN.write_text(_page(kept))


def _page(kept: dict[str, dict[str, Any]]) -> str:
    parts = [
        "# What the benchmarks measured last",
        "`make bench` measures all of it anew, `make bench ARGS=streams` one part. The emulator and PostgreSQL run on "
        "the same machine.",
        "\n".join(["| benchmark | what | measured | target | | when |", "|---|---|---|---|---|---|", *_rows(kept)]),
        "Measured on " + " and ".join(sorted({one["machine"] for one in kept.values()})) + ".",
    ]
    if DRAWN.exists():
        parts.append(f"![How costs grow with deals and companies]({DRAWN.name})")
    return "\n\n".join(parts) + "\n"


def _rows(kept: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, one in kept.items():
        for figure in one["figures"]:
            yield f"| {name} {cells(Figure(**figure))} {one['measured_at'][:10]} |"
