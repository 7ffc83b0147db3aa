"""What a run is asked to read, and what it makes of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from airflow_hubspot.client import HubSpotError, Lane
from airflow_hubspot.client.windows import Window
from commission_sync.store.cursors import Cursor


class Mode(StrEnum):
    """What a run reads.

    incremental: everything modified since the cursor, less the lookback; everything there is while there is no cursor.
    window: everything modified in a given window; the cursor stays where it is.
    full: everything there is; the cursor moves to the time before the reading began.
    reconcile: what search never shows; no run is asked for it, `hubspot_reconcile` records its own runs under it.
    """

    INCREMENTAL = "incremental"
    WINDOW = "window"
    FULL = "full"
    RECONCILE = "reconcile"


# What a person may ask for.
ASKED_MODES = (Mode.INCREMENTAL, Mode.WINDOW, Mode.FULL)


@dataclass(frozen=True)
class SyncRequest:
    """What one try of one task is asked to do; `window` goes with `Mode.WINDOW` and with nothing else.

    `task_id` and `map_index` tell Airflow's log of it.
    """

    mode: Mode
    dag_id: str
    run_id: str
    try_number: int = 1
    window: Window | None = None
    task_id: str | None = None
    map_index: int = -1

    def __post_init__(self) -> None:
        if (self.mode is Mode.WINDOW) != (self.window is not None):
            raise ValueError(f"mode {self.mode} {'needs a' if self.window is None else 'takes no'} window")

    @property
    def lane(self) -> Lane:
        """Before and after whom this run's calls come: what nobody waits for leaves room for scheduled runs."""
        return Lane.INCREMENTAL if self.mode is Mode.INCREMENTAL else Lane.BACKFILL

    @property
    def run_key(self) -> str:
        """What all tries of one run share."""
        return f"{self.dag_id}/{self.run_id}"


class FutureWindow(HubSpotError):
    """A run was asked for changes that are still to come."""


@dataclass(frozen=True)
class Plan:
    """The interval of modified time that a run covers; `window_from` is None where it reads everything."""

    mode: Mode
    window_from: datetime | None
    window_to: datetime
    why: str | None = None


def plan(request: SyncRequest, cursor: Cursor | None, *, lookback: timedelta, now: datetime) -> Plan:
    """Return what `request` means, given the stored cursor and the time; no window ends after `now`.

    :raises FutureWindow: when a given window begins after it.
    """
    if request.window is not None:
        return _given(request.window, now)
    if request.mode is Mode.FULL:
        return Plan(Mode.FULL, None, now)
    if cursor is None:
        return Plan(Mode.FULL, None, now, why="there is no cursor yet, so this is the first load")
    # A cursor ahead of the time (a clock was set back) must not make an empty window.
    return Plan(Mode.INCREMENTAL, min(cursor.at, now) - lookback, now)


def _given(window: Window, now: datetime) -> Plan:
    if window.end <= now:
        return Plan(Mode.WINDOW, window.start, window.end)
    if now - window.start < timedelta(milliseconds=1):
        raise FutureWindow(
            f"the window begins at {window.start.isoformat()}, but it is {now.isoformat(timespec='seconds')}",
            hint="nothing was read; ask for a time that has passed, or correct the clock of whoever asked",
        )
    return Plan(Mode.WINDOW, window.start, now, why="the window's end is still to come, so it is read up to now")
