"""`make bench` knows its benchmarks; to run them is for people who want the figures."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_benchmark_can_be_imported_and_is_named_in_the_help():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in ("streams", "webhooks", "growth", "triggered"):
        assert name in done.stdout
