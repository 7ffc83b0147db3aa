"""Deals with all that hangs on them: first load, an incremental round, a reconciliation, and memory."""

from __future__ import annotations

import time

from benchmarks.floor import WINDOW_SECONDS, mean_rate_seconds
from benchmarks.site import Site, site
from benchmarks.table import Figure
from hubspot_emulator.client import EmulatorAdmin

BURST_LIMIT = 190
LOAD = 50_000
CHANGED = 1_000
MOST_CALLS = 60
RECONCILED = 100_000
SMALL, LARGE = 3_000, 60_000
MEMORY_MIB = 300
TASKS = ("deals", "line_items", "activities")
ACTIVITY_TYPES = ("emails", "notes", "calls", "meetings", "tasks")
# An association call tells the links of a thousand records and uses up what a list of a hundred would.
LINKED_A_CALL, LISTED_A_CALL = 1_000, 100


def everything() -> list[Figure]:
    """Measure a first load with real limits, then 1,000 changed deals with their line items and activities."""
    with site(LOAD) as bench:
        load = _round(bench)
        refused = bench.emulator.admin.refusals(bench.portal.portal_id)
        records, split = sum(figures["fetched"] for figures in load.values()), bench.split_deals()
        change(bench.emulator.admin, bench.portal.portal_id)
        time.sleep(WINDOW_SECONDS)
        changed = _round(bench)
    linked = records - load["deals"]["fetched"]
    at_mean_rate = mean_rate_seconds(round(records + split + linked / LINKED_A_CALL * LISTED_A_CALL), BURST_LIMIT)
    seconds, calls = _total(load, "seconds"), _total(load, "calls")
    ratio = seconds / at_mean_rate
    times = [f"{name} {figures['seconds']:.2f} s" for name, figures in changed.items()]
    slowest, asked = max(f["seconds"] for f in changed.values()), _total(changed, "calls")
    return [
        Figure(
            f"first load of {LOAD:,} deals, {load['line_items']['fetched']:,.0f} line items, "
            f"{load['activities']['fetched']:,.0f} activities, all links and the splits "
            f"of {split:,} deals, real limits, one task after the other",
            f"{seconds:.1f} s, {calls:.0f} calls, {refused} refused = {ratio:.2f} x the mean rate",
            f"<= 1.15 x {at_mean_rate:.1f} s",
            ratio <= 1.15,
        ),
        Figure(
            f"incremental, {CHANGED:,} changed deals, {CHANGED * 3 // 2:,} line items, {CHANGED * 3:,} activities",
            f"{', '.join(times)}; {asked:.0f} calls, {_total(changed, 'changed'):.0f} records written",
            f"<= 5 s in each task, <= {MOST_CALLS} calls",
            slowest <= 5 and asked <= MOST_CALLS and _total(changed, "changed") == CHANGED * 5.5,
        ),
    ]


def reconcile() -> list[Figure]:
    """Measure the second reconciliation of an unchanged portal; the first one reads products for the first time."""
    figures = []
    for what, spec, target in (
        ("deals with their line items", {"activities_per_deal": 0}, 120),
        ("deals, line items and five types of activities", {}, None),
    ):
        with site(
            RECONCILED if target else RECONCILED // 4, limits=False, sales_edition="professional", **spec
        ) as bench:
            for task in TASKS:
                bench.run(task)
            bench.run("reconcile")
            again = bench.run("reconcile")
        figures.append(
            Figure(
                f"reconciliation of {bench.portal.deals:,} unchanged {what}",
                f"{again['calls']:.0f} calls, {again['seconds']:.1f} s, {again['changed']:.0f} rows written, "
                f"peak {again['peak_mib']:.0f} MiB",
                f"<= {target} calls" if target else "-",
                not again["changed"] and (target is None or again["calls"] <= target),
            )
        )
    return figures


def memory_of_activities() -> list[Figure]:
    """Measure the peak memory of a first load of line items and activities at two sizes."""
    peaks: dict[int, float] = {}
    for deals in (SMALL, LARGE):
        with site(deals, limits=False) as bench:
            peaks[deals] = max(bench.run(task)["peak_mib"] for task in TASKS)
    ratio = peaks[LARGE] / peaks[SMALL]
    return [
        Figure(
            f"peak memory of a run with line items and activities, {SMALL:,} and {LARGE:,} deals",
            f"{peaks[SMALL]:.0f} and {peaks[LARGE]:.0f} MiB, ratio {ratio:.2f}",
            f"flat (<= 1.25), <= {MEMORY_MIB} MiB",
            peaks[LARGE] <= MEMORY_MIB and ratio <= 1.25,
        )
    ]


def change(admin: EmulatorAdmin, portal: int) -> None:
    """Edit 1,000 deals, and as many line items and activities as hang on so many."""
    admin.edit(portal, count=CHANGED)
    admin.edit(portal, count=CHANGED * 3 // 2, type="line_items")
    for object_type in ACTIVITY_TYPES:
        admin.edit(portal, count=CHANGED * 3 // 5, type=object_type)


def _round(bench: Site) -> dict[str, dict[str, float]]:
    figures = {}
    for task in TASKS:
        figures[task] = bench.run(task)
        # The next task would pay for this one's calls; a budget shared by all workers is not what is measured here.
        time.sleep(WINDOW_SECONDS)
    return figures


def _total(figures: dict[str, dict[str, float]], name: str) -> float:
    return sum(f[name] for f in figures.values())
