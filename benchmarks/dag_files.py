"""How long Airflow needs to parse each DAG file, which it does again for every task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.table import Figure

DAGS = Path(__file__).parents[1] / "dags"

# Airflow itself is imported before the clock starts: what counts is what the file adds.
_PARSE = """
import sys, time
import airflow.sdk, airflow.dag_processing.processor
started = time.perf_counter()
namespace = {"__name__": "parsed", "__file__": sys.argv[1]}
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), namespace)
print(time.perf_counter() - started)
"""


def parse_times() -> list[Figure]:
    """Measure the median of five cold processes for each DAG file."""
    figures = []
    for path in sorted(DAGS.glob("*.py")):
        seconds = sorted(_parse(path) for _ in range(5))[2]
        figures.append(Figure(f"parse of dags/{path.name}", f"{seconds:.2f} s", "<= 1 s beside Airflow", seconds <= 1))
    return figures


def _parse(path: Path) -> float:
    done = subprocess.run([sys.executable, "-c", _PARSE, str(path)], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])
