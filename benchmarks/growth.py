"""How costs grow: from 1,000 to 1,000,000 deals of one company, and from one company to 1,000."""

from __future__ import annotations

import time
from contextlib import closing
from uuid import uuid4

import psycopg
import pygal

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter
from benchmarks.results import DRAWN
from benchmarks.site import Site, database, site
from benchmarks.table import Figure, tell
from commission_sync.health.report import report
from commission_sync.local.tenants import Tenant, enlist
from commission_sync.settings import Settings
from commission_sync.store import connect
from commission_sync.store.integrations import Integration, active_integrations
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode, SyncRequest
from commission_sync.streams.sync import StreamSync
from hubspot_emulator import Emulator, PortalSpec, running_emulator

SIZES = (1_000, 10_000, 100_000, 1_000_000)
COMPANIES = (1, 10, 100, 1_000)
CHANGED, DEALS_A_COMPANY = 100, 10
# Beyond the growth of what is counted; a tree that is one level deeper may cost that much.
STEEPEST = 1.5

Line = dict[int, float]


def growth() -> list[Figure]:
    """Measure both without limits, which would hide what we cost, and draw them."""
    load, changed, memory, size = _by_deals()
    quiet, health = _by_companies()
    _draw(
        {
            "first load, s (by deals)": load,
            f"{CHANGED} changed deals, s (by deals)": changed,
            "nothing changed, s (by companies)": quiet,
            "health report, s (by companies)": health,
        }
    )
    return [
        _row("first load of deals without limits", load, "s", SIZES, STEEPEST),
        _row(f"incremental, {CHANGED} changed deals", changed, "s", SIZES, None),
        _row("peak memory of the first load", memory, "MiB", SIZES, None),
        _row("size of the database", size, "MB", SIZES, STEEPEST),
        _row("an incremental round of companies where nothing changed", quiet, "s", COMPANIES, STEEPEST),
        _row("the health report", health, "s", COMPANIES, None),
    ]


def _by_deals() -> tuple[Line, Line, Line, Line]:
    load, changed, memory, size = Line(), Line(), Line(), Line()
    for deals in SIZES:
        with site(deals, limits=False, line_items_per_deal=0, activities_per_deal=0) as bench:
            first = bench.run()
            assert first["changed"] == deals, first
            load[deals], memory[deals], size[deals] = first["seconds"], first["peak_mib"], _megabytes(bench)
            bench.emulator.admin.edit(bench.portal.portal_id, count=CHANGED, mix="update")
            changed[deals] = bench.run()["seconds"]
        tell(f"{deals:,} deals: first load {load[deals]:.1f} s, then {changed[deals]:.2f} s")
    return load, changed, memory, size


def _by_companies() -> tuple[Line, Line]:
    quiet, health = Line(), Line()
    for count in COMPANIES:
        portals = [PortalSpec(f"c{n}", 1000 + n, DEALS_A_COMPANY, f"pat-na1-{n}") for n in range(count)]
        with database() as dsn, running_emulator(portals, limits=False) as emulator, closing(connect(dsn)) as conn:
            enlist(dsn, [Tenant(portal.company, portal.portal_id, portal.token) for portal in portals])
            with conn.transaction():
                companies = active_integrations(conn, ())
            _round(emulator, conn, companies, portals)
            began = time.monotonic()
            _round(emulator, conn, companies, portals)
            quiet[count] = time.monotonic() - began
            began = time.monotonic()
            report(conn, Settings())
            health[count] = time.monotonic() - began
        tell(f"{count:,} companies: a quiet round {quiet[count]:.1f} s, the health report {health[count]:.3f} s")
    return quiet, health


def _round(
    emulator: Emulator, conn: psycopg.Connection, companies: list[Integration], portals: list[PortalSpec]
) -> None:
    tokens = {portal.portal_id: portal.token for portal in portals}
    for company in companies:
        limiter = InMemoryLimiter(burst_limit=100_000, search_limit=100_000)
        token = tokens[company.portal_id]
        with HubSpotClient(token=token, base_url=emulator.url, limiter=limiter) as client:
            StreamSync(DEALS, company, client, conn, Settings()).run(
                SyncRequest(Mode.INCREMENTAL, "bench", str(uuid4()))
            )


def _megabytes(bench: Site) -> float:
    with psycopg.connect(bench.dsn) as conn:
        row = conn.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return float(row[0]) / 1e6


def _row(what: str, line: Line, unit: str, sizes: tuple[int, ...], steepest: float | None) -> Figure:
    told = ", ".join(f"{size:,}: {line[size]:,.3g} {unit}" for size in sizes)
    # From the second size on, as the first one is mostly what a run costs by itself.
    grown = (line[sizes[-1]] / line[sizes[1]]) / (sizes[-1] / sizes[1])
    target = f"<= {steepest} x the growth of what is counted" if steepest else "-"
    return Figure(what, f"{told} = {grown:.2f} x that growth", target, steepest is None or grown <= steepest)


def _draw(lines: dict[str, Line]) -> None:
    chart = pygal.XY(
        logarithmic=True, xrange=(1, 1_000_000), title="How costs grow", x_title="deals or companies",
        y_title="seconds", legend_at_bottom=True, legend_at_bottom_columns=2, js=[], disable_xml_declaration=True,
        x_labels=[10**n for n in range(7)], x_value_formatter=lambda n: f"{n:,.0f}",
    )  # fmt: skip
    for name, line in lines.items():
        chart.add(name, list(line.items()))
    DRAWN.write_text(chart.render(is_unicode=True))
