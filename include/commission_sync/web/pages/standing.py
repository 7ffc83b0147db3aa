"""How a stream of a company is doing, in words that a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from commission_sync.store.overview import Counted, StreamState
from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.web.pages.shell import airflow

STREAMS = (DEALS, LINE_ITEMS, *ACTIVITIES)
NAMES = tuple(stream.name for stream in STREAMS)
DAGS = {
    DEALS.name: "hubspot_deals",
    LINE_ITEMS.name: "hubspot_line_items",
    **dict.fromkeys((stream.name for stream in ACTIVITIES), "hubspot_activities"),
}
_TONES = {"current": "good", "running": "", "not read yet": "", "off": "", "waiting": "poor", "late": "poor"}


@dataclass(frozen=True)
class Cell:
    """A stream of a company as a row of a table; `lag` is how old what is known may be, None before the first load."""

    stream: str
    said: str
    tone: str
    lag: timedelta | None
    log: str | None
    at: StreamState

    @property
    def lag_seconds(self) -> float | None:
        """The lag as the pages write it."""
        return None if self.lag is None else self.lag.total_seconds()


def cell(state: StreamState, *, now: datetime, counted: Counted) -> Cell:
    """Judge a stream."""
    lag = None if state.cursor_at is None else max(now - state.cursor_at, timedelta())
    said = _said(state, lag, counted)
    return Cell(state.stream, said, _TONES.get(said, "bad"), lag, log_of(state), state)


def _said(state: StreamState, lag: timedelta | None, counted: Counted) -> str:
    if (state.integration_id, state.stream) in counted.switched_off:
        return "off"
    if state.state in {"failed", "abandoned"}:
        return str(state.state)
    if state.state == "deferred":
        return "waiting"
    if lag is not None and lag > counted.sla:
        return "late"
    if state.state == "running":
        return "running"
    return "not read yet" if lag is None else "current"


def log_of(state: StreamState) -> str | None:
    """Return where Airflow shows the log of a stream's last try."""
    return run_log(state.dag_id, state.run_id, state.task_id, state.map_index)


def run_log(dag_id: str | None, run_id: str | None, task_id: str | None, map_index: int | None) -> str | None:
    """Return where Airflow shows a task's log, or its run where no task is known."""
    if not dag_id or not run_id:
        return None
    run = f"{airflow()}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}"
    if not task_id:
        return run
    task = f"{run}/tasks/{quote(task_id)}"
    return task if map_index is None or map_index < 0 else f"{task}/mapped/{map_index}"
