"""What a run is asked to read, and what it makes of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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
    """What one try of one task is asked to do; `window` goes with `Mode.WINDOW` and with nothing else."""

    mode: Mode
    dag_id: str
    run_id: str
    try_number: int = 1
    window: Window | None = None

    def __post_init__(self) -> None:
        if (self.mode is Mode.WINDOW) != (self.window is not None):
            raise ValueError(f"mode {self.mode} {'needs a' if self.window is None else 'takes no'} window")

    @property
    def run_key(self) -> str:
        """What all tries of one run share."""
        return f"{self.dag_id}/{self.run_id}"


@dataclass(frozen=True)
class Plan:
    """The interval of modified time that a run covers; `window_from` is None where it reads everything."""

    mode: Mode
    window_from: datetime | None
    window_to: datetime
    why: str | None = None


def plan(request: SyncRequest, cursor: Cursor | None, *, lookback: timedelta, now: datetime) -> Plan:
    """Return what `request` means, given the stored cursor and the time."""
    if request.window is not None:
        return Plan(Mode.WINDOW, request.window.start, request.window.end)
    if request.mode is Mode.FULL:
        return Plan(Mode.FULL, None, now)
    if cursor is None:
        return Plan(Mode.FULL, None, now, why="there is no cursor yet, so this is the first load")
    # A cursor ahead of this machine's clock (another worker's ran fast) must not make an empty window.
    return Plan(Mode.INCREMENTAL, min(cursor.at, now) - lookback, now)
