"""The write-back under random changes, lost answers, kills, freezes and switches: how many deals end wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import randrange
from typing import Any

from benchmarks.table import Figure, tell

STEPS, STEPS_A_PORTAL = 10_000, 500
SUPPORT = Path(__file__).parents[1] / "tests" / "support"


def chaos() -> list[Figure]:
    """Take random steps, in a new portal after every few hundred, as deals that were merged or archived get fewer."""
    seed = int(os.environ.get("CHAOS_SEED") or randrange(1_000_000))
    walks = [_walk(seed + number) for number in range(STEPS // STEPS_A_PORTAL)]
    sums = {key: round(sum(walk[key] for walk in walks)) for key in ("steps", "kills", "freezes", "lost answers")}
    wrong = sum(walk["wrong_deals"] for walk in walks)
    seconds = sum(walk["seconds"] for walk in walks)
    return [
        Figure(
            f"write-back in chaos, {sums['steps']:,} random steps from seed {seed}",
            f"{sums['kills']} kills, {sums['freezes']} freezes, {sums['lost answers']} lost answers: "
            f"{wrong} deals wrong; {seconds:.0f} s",
            "0 deals wrong",
            wrong == 0,
        )
    ]


def _walk(seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "writeback_chaos", "--seed", str(seed), "--steps", str(STEPS_A_PORTAL), "--on"]
    paths = os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}, check=False
    )
    *said, last = done.stdout.splitlines() or [""]
    if done.returncode:
        sys.stderr.write("\n".join(said) + "\n")
    found: dict[str, Any] = json.loads(last)
    tell(f"seed {seed}: {last}")
    return found
