"""First load, incremental run, quiet run and memory of the deals stream against the emulator."""

from __future__ import annotations

import time

from benchmarks.floor import WINDOW_SECONDS, burst_seconds, mean_rate_seconds
from benchmarks.site import site
from benchmarks.table import Figure

BURST_LIMIT = 190
LOAD = 50_000
CHANGED = 1_000
SMALL, LARGE = 10_000, 200_000
MEMORY_MIB = 300


def first_load_and_after() -> list[Figure]:
    """Measure a first load of 50,000 deals with real limits, then 1,000 changed deals, then nothing changed."""
    with site(LOAD) as bench:
        load = bench.run()
        assert load["fetched"] >= LOAD, load
        split = bench.split_deals()
        time.sleep(WINDOW_SECONDS)
        refused = bench.emulator.admin.refusals(bench.portal.portal_id)
        quiet = bench.run()
        bench.emulator.admin.edit(bench.portal.portal_id, count=CHANGED, mix="update")
        changed = bench.run()
    at_mean_rate, at_once = mean_rate_seconds(LOAD + split, BURST_LIMIT), burst_seconds(LOAD + split, BURST_LIMIT)
    ratio = load["seconds"] / at_mean_rate
    return [
        Figure(
            f"first load of {LOAD:,} deals with the splits of {split:,}, real limits",
            f"{load['seconds']:.1f} s, {load['calls']:.0f} calls, {refused} refused = {ratio:.2f} x the mean rate "
            f"({load['seconds'] / at_once:.2f} x an infinitely fast client that finds every window empty)",
            f"<= 1.15 x {at_mean_rate:.1f} s",
            ratio <= 1.15,
        ),
        Figure(
            f"incremental, {CHANGED:,} changed deals",
            f"{changed['seconds']:.2f} s, {changed['calls']:.0f} calls, {changed['changed']:.0f} rows written",
            f"<= 5 s, <= {CHANGED * 0.05:.0f} calls",
            changed["seconds"] <= 5 and changed["calls"] <= CHANGED * 0.05 and changed["changed"] == CHANGED,
        ),
        Figure(
            "nothing changed",
            f"{quiet['seconds']:.2f} s, {quiet['calls']:.0f} calls, {quiet['changed']:.0f} rows written",
            "< 0.5 s, <= 2 calls",
            quiet["seconds"] < 0.5 and quiet["calls"] <= 2 and not quiet["changed"],
        ),
    ]


def memory() -> list[Figure]:
    """Measure the peak memory of a first load's process at two sizes."""
    peaks = {}
    for deals in (SMALL, LARGE):
        with site(deals, limits=False) as bench:
            peaks[deals] = bench.run()["peak_mib"]
    ratio = peaks[LARGE] / peaks[SMALL]
    return [
        Figure(
            f"peak memory of a run, {SMALL:,} and {LARGE:,} deals",
            f"{peaks[SMALL]:.0f} and {peaks[LARGE]:.0f} MiB, ratio {ratio:.2f}",
            f"flat (<= 1.25), <= {MEMORY_MIB} MiB",
            peaks[LARGE] <= MEMORY_MIB and ratio <= 1.25,
        )
    ]
