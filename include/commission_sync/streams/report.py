"""The log lines of a run, for somebody who is woken at 3 a.m.: an event, then key=value, the same keys everywhere."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from commission_sync.store.runs import RunCounts

_PROGRESS_SECONDS = 10.0

_SAFE = "every row landed so far is committed and the cursor is not past any row that is missing"
_NEXT = "Airflow tries again where this try stopped; if it fails for good, look for this company in sync_runs"


@dataclass
class Report:
    """Writes one line at the start, progress on long work, and one line at the end."""

    company: str
    stream: str
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("commission_sync.streams"))
    _started: float = field(default_factory=time.monotonic)
    _spoke: float = field(default_factory=time.monotonic)

    def started(self, mode: str, window_from: datetime | None, window_to: datetime, why: str | None = None) -> None:
        """Say what this run is about to read."""
        start = window_from.isoformat() if window_from else "the beginning"
        self._line(logging.INFO, "sync started", mode=mode, window=f"{start}..{window_to.isoformat()}", why=why)

    def clocks_differ(self, difference: str, *, worker: str, until: datetime) -> None:
        """Say that the clocks of worker, database and HubSpot differ by more than a minute."""
        self._line(
            logging.WARNING,
            "clocks differ",
            difference=difference,
            worker=worker,
            safe=f"nothing counts as read after {until.isoformat(timespec='seconds')}",
            next="let the host whose clock is wrong take its time from NTP",
        )

    def progress(self, counts: RunCounts, calls: int) -> None:
        """Say how far a long run is, at most every ten seconds."""
        if time.monotonic() - self._spoke >= _PROGRESS_SECONDS:
            self._spoke = time.monotonic()
            changed = counts.inserted + counts.updated
            self._line(logging.INFO, "sync going on", fetched=counts.fetched, changed=changed, calls=calls)

    def mapping_issue(self, field: str, kind: str, message: str, *, is_error: bool) -> None:
        """Say what of the company's mapping does not work, or may not for long."""
        level = logging.ERROR if is_error else logging.WARNING
        self._line(level, "mapping issue", field=field, kind=kind, message=message, safe="all other fields are filled")

    def recomputed(self, version: int | None, deals: int, changed: int, problems: int, filled: int) -> None:
        """Say what a changed mapping made of the stored deals."""
        self._line(
            logging.INFO,
            "mapping applied",
            version=version,
            deals=deals,
            changed=changed,
            problems=problems,
            backfilled=filled,
        )

    def finished(self, counts: RunCounts, *, calls: int, waited: float, lag: float) -> None:
        """Summarise a run that has read all it set out to."""
        self._line(
            logging.INFO,
            "sync finished",
            fetched=counts.fetched,
            inserted=counts.inserted,
            updated=counts.updated,
            unchanged=counts.unchanged,
            stale=counts.stale,
            rejected=counts.rejected,
            calls=calls,
            saved=counts.calls_saved,
            waited=f"{waited:.1f}s",
            seconds=f"{time.monotonic() - self._started:.1f}",
            lag=f"{lag:.0f}s",
        )
        if counts.rejected:
            self._line(
                logging.WARNING,
                "rows rejected",
                rejected=counts.rejected,
                next="see sync_rejects for payload and reason; correct the record in HubSpot and it lands by itself",
            )

    def deferred(self, error: BaseException, counts: RunCounts, calls: int, seconds: float) -> None:
        """Say why the run waits without a worker, and until when."""
        self._line(
            logging.WARNING,
            "sync deferred",
            error=f"{type(error).__name__}: {error}",
            until=(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds"),
            fetched=counts.fetched,
            calls=calls,
            safe=_SAFE,
            next="it goes on by itself from there",
        )

    def failed(self, error: BaseException, counts: RunCounts, calls: int) -> None:
        """Say what happened, what is safe and what comes next."""
        self._line(
            logging.ERROR,
            "sync failed",
            error=f"{type(error).__name__}: {error}",
            fetched=counts.fetched,
            calls=calls,
            safe=_SAFE,
            next=getattr(error, "hint", None) or _NEXT,
        )

    def _line(self, level: int, event: str, **facts: object) -> None:
        known = {"company": self.company, "stream": self.stream, **facts}
        pairs = " ".join(f"{key}={_quoted(value)}" for key, value in known.items() if value is not None)
        self.log.log(level, "%s %s", event, pairs)


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text else text
