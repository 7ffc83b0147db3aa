"""What each benchmark measured last: benchmarks/results.json for machines, benchmarks/results.md for people."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.site import machine
from benchmarks.table import Figure, render

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


def _page(kept: dict[str, dict[str, object]]) -> str:
    parts = [
        "# What the benchmarks measured last",
        "`make bench` measures all of it anew, `make bench ARGS=streams` one part. The emulator and PostgreSQL run on "
        "the same machine.",
    ]
    if DRAWN.exists():
        parts.append(f"![How costs grow with deals and companies]({DRAWN.name})")
    for name, one in kept.items():
        figures = [Figure(**figure) for figure in one["figures"]]  # type: ignore[attr-defined]
        parts += [f"## {name}", f"{one['measured_at']}, {one['machine']}", render(figures)]
    return "\n\n".join(parts) + "\n"
