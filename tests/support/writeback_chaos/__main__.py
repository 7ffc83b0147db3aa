"""`python -m writeback_chaos [--seed N] [--steps N] [--on]`: run it once; its last line is the figures in JSON."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import randrange

from commission_sync.local.postgres import EmbeddedPostgres
from commission_sync.store import migrate
from hubspot_emulator import PortalSpec, running_emulator
from world import World, register
from writeback_chaos.checks import PORTAL
from writeback_chaos.driver import DEALS, Driver


@contextmanager
def place() -> Iterator[World]:
    """Yield a company of its own."""
    portal = PortalSpec("acme", PORTAL, DEALS, "pat-na1-acme")
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as root,
        EmbeddedPostgres(Path(root), settings={"fsync": "off"}) as server,
        running_emulator([portal], limits=False) as emulator,
    ):
        migrate(server.dsn("commissions"))
        dsn = server.dsn("commissions")
        yield World(emulator, portal, dsn, register(dsn, portal))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m writeback_chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=randrange(1_000_000))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--on", action="store_true", help="go on after the first thing that is wrong")
    wanted = parser.parse_args()
    with place() as world:
        report = Driver(world, wanted.seed, stops=not wanted.on).run(wanted.steps)
    sys.stdout.write(f"{report}\n")
    deals = {one.deal for one in report.wrong}
    kinds = Counter(one.kind for one in report.wrong)
    facts = {"seed": report.seed, "steps": report.steps, "seconds": round(report.seconds, 1), **report.counts}
    sys.stdout.write(json.dumps({**facts, "wrong_deals": len(deals), "wrong": kinds}) + "\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
