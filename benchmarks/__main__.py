"""`python -m benchmarks [NAME ...]`: run benchmarks, print the table, and bring benchmarks/results.md up to date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks.adoption import adoption
from benchmarks.celery import celery
from benchmarks.chaos import chaos
from benchmarks.dag_files import parse_times
from benchmarks.deals import first_load_and_after, memory
from benchmarks.emulator import emulator
from benchmarks.fx import conversion
from benchmarks.gate import gate
from benchmarks.growth import growth
from benchmarks.health import health
from benchmarks.mapping import recomputation
from benchmarks.merge import merge
from benchmarks.pages import pages
from benchmarks.quality import quality
from benchmarks.results import keep
from benchmarks.site import machine
from benchmarks.streams import everything, memory_of_activities, reconcile
from benchmarks.table import Figure, render
from benchmarks.triggered import triggered
from benchmarks.webhooks import freshness, webhooks
from benchmarks.writeback import writeback

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "adoption": adoption,
    "celery": celery,
    "chaos": chaos,
    "deals": first_load_and_after,
    "gate": gate,
    "emulator": emulator,
    "freshness": freshness,
    "fx": conversion,
    "growth": growth,
    "health": health,
    "merge": merge,
    "mapping": recomputation,
    "memory": memory,
    "pages": pages,
    "parse": parse_times,
    "quality": quality,
    "reconcile": reconcile,
    "streams": everything,
    "streams_memory": memory_of_activities,
    "triggered": triggered,
    "webhooks": webhooks,
    "writeback": writeback,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*BENCHMARKS, []], help="which to run (default: all)")
    names = parser.parse_args().name or list(BENCHMARKS)
    figures: list[Figure] = []
    for number, name in enumerate(names, start=1):
        print(f"[{number}/{len(names)}] {name} ...", file=sys.stderr, flush=True)
        measured = BENCHMARKS[name]()
        keep(name, measured)
        figures += measured
    print(f"{render(figures)}\n\nMeasured on {machine()}, with the emulator and PostgreSQL on the same machine.\n")
    return 0 if all(f.holds for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
