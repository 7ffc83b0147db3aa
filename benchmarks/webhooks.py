"""Webhooks through a whole Airflow: how fast they are accepted, whether any is lost, how soon they are rows."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.airflow_site import PORTAL, AirflowSite, airflow_site
from benchmarks.table import Figure, tell

RATE, EVENTS, SECONDS = 200, 10, 60
EDITS, PAUSE_SECONDS = 60, (0.5, 8.0)
LOAD = Path(__file__).with_name("webhook_load.py")


def webhooks() -> list[Figure]:
    """Measure how fast events are accepted while others are worked off, and whether any is lost."""
    with airflow_site("hubspot_webhooks.py") as site:
        site.unpause("hubspot_webhooks")
        return _acceptance(site)


def freshness() -> list[Figure]:
    """Measure from a change in HubSpot to the row."""
    with airflow_site("hubspot_webhooks.py") as site:
        site.unpause("hubspot_webhooks")
        return [_freshness(site)]


@dataclass(frozen=True)
class Load:
    """What the sender saw."""

    figures: dict[str, object]
    acknowledged: set[int]


def load(site: AirflowSite, *, rate: float = RATE, events: int = EVENTS, seconds: float = SECONDS) -> Load:
    """Send in a process of its own, and return what came of it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as kept:
        Path(kept.name).write_text(json.dumps(site.emulator.admin.truth_ids(PORTAL.portal_id)))
        to = [site.webhook_url, site.secret]
        command = [sys.executable, str(LOAD), *to, str(rate), str(events), str(seconds), kept.name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return Load(json.loads(done.stdout), set(json.loads(Path(kept.name).read_text())))


def _acceptance(site: AirflowSite) -> list[Figure]:
    load(site, rate=50, seconds=10)
    _empty(site.dsn)
    # Airflow's parts have started when they are quiet.
    time.sleep(30)
    tell("warmed up")
    sent = load(site)
    kept = [int(row[0]) for row in _rows(site.dsn, "SELECT payload->>'eventId' FROM webhook_events")]
    lost, doubled = len(sent.acknowledged - set(kept)), len(kept) - len(set(kept))
    figures = sent.figures
    tell(f"{len(kept):,} events accepted, now they are worked off")
    waited = _until_worked_off(site.dsn)
    states = dict(_rows(site.dsn, "SELECT state, count(*)::int FROM webhook_events GROUP BY state"))
    at_once = len(sent.acknowledged) / (RATE * EVENTS * SECONDS)
    return [
        Figure(
            f"webhooks accepted, {RATE} requests/s x {EVENTS} events x {SECONDS} s",
            f"p50 {figures['p50']} ms, p95 {figures['p95']} ms, p99 {figures['p99']} ms, answers {figures['answers']}",
            "p99 <= 50 ms",
            float(str(figures["p99"])) <= 50,
        ),
        Figure(
            "of them on disk",
            f"{len(set(kept)):,} events, {at_once:.2%} at the first attempt, {lost} lost, {doubled} doubled",
            "0 lost, 0 doubled, >= 99.9 %",
            not lost and not doubled and at_once >= 0.999,
        ),
        Figure("of them worked off", f"{states} {waited:.0f} s after the last", "all done", set(states) == {"done"}),
    ]


def _freshness(site: AirflowSite) -> Figure:
    chance, deals = random.Random(5), site.emulator.admin.truth_ids(PORTAL.portal_id)
    site.emulator.admin.set_webhooks(url=site.webhook_url, secret=site.secret, subscriptions="all")
    _edit(site, chance.choice(deals), "warm up")
    time.sleep(30)
    for number in range(1, EDITS + 1):
        time.sleep(chance.uniform(*PAUSE_SECONDS))
        _edit(site, chance.choice(deals), f"edit {chance.random()}")
        if number % 10 == 0:
            tell(f"{number} of {EDITS} deals edited")
    _until_worked_off(site.dsn)
    seconds = sorted(
        float(row[0])
        for row in _rows(
            site.dsn,
            "SELECT extract(epoch FROM max(finished_at) - min(occurred_at)) FROM webhook_events "
            "WHERE payload->>'propertyValue' LIKE 'edit %' GROUP BY object_id, payload->>'propertyValue'",
        )
    )
    p50, p95 = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)]
    return Figure(
        f"a deal changed in HubSpot is a row, {len(seconds)} edits with pauses of {PAUSE_SECONDS} s",
        f"p50 {p50:.1f} s, p95 {p95:.1f} s, slowest {seconds[-1]:.1f} s",
        "p95 <= 5 s",
        p95 <= 5,
    )


def _edit(site: AirflowSite, deal: str, name: str) -> None:
    site.emulator.admin.override_deal(PORTAL.portal_id, deal, {"dealname": name})


def _until_worked_off(dsn: str, seconds: float = 600) -> float:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if _rows(dsn, "SELECT coalesce(sum(waiting), 0) FROM webhook_delivery")[0][0] == 0:
            break
        time.sleep(0.5)
    return time.monotonic() - began


def _empty(dsn: str) -> None:
    _until_worked_off(dsn)
    with psycopg.connect(dsn) as conn:
        conn.execute("TRUNCATE webhook_events")


def _rows(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()
