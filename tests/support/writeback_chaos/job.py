"""What a process of the write-back is to do, and how that ended."""

from __future__ import annotations

from dataclasses import dataclass

DAG_ID = "commission_writeback"


@dataclass(frozen=True)
class Job:
    """`what`: `run` plans and applies, or with a `plan_id` applies that plan; `verify` reads again what was written.

    :param timeout_seconds: for how long an answer of HubSpot is waited for
    :param skew_seconds: how wrong the process's clock is
    """

    url: str
    token: str
    dsn: str
    integration_id: str
    what: str = "run"
    run_id: str = ""
    undo_run_id: str | None = None
    plan_id: str | None = None
    at_once: bool = False
    timeout_seconds: float = 20.0
    skew_seconds: float = 0.0


@dataclass(frozen=True)
class Ending:
    """`how`: applied, idle, waits (for a person), verified, failed (as it may), crashed (as it must not), killed."""

    how: str
    said: str
    plan_id: str | None = None

    def __str__(self) -> str:
        return f"{self.how} {self.said[:160]}".rstrip()
