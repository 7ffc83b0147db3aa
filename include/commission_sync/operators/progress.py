"""How far a task has come with its companies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot.client import HubSpotError
from commission_sync.operators.groups import Named


class CompaniesFailed(Exception):
    """Some of the companies that share a task failed, at least one of them by something that may pass.

    Each one's own error is in the task's log. As it is none of HubSpot's, a retry takes the task's own delays.
    """


@dataclass(frozen=True)
class Left:
    """A company that is left for later: HubSpot has nothing for it before `at`."""

    company: Named
    at: datetime


@dataclass(frozen=True)
class Failure:
    """How a company failed; where `is_final`, trying again cannot help before a person has acted."""

    company: str
    what: str
    is_final: bool


@dataclass
class Progress:
    """Who had a turn, with what result, and who is still to have one; a deferral keeps it as JSON."""

    left: list[Left]
    done: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    @classmethod
    def at_first(cls, companies: Sequence[Named], now: datetime) -> Progress:
        """Return that of a task which has not begun."""
        return cls([Left(company, now) for company in companies])

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Progress:
        """Return what `as_json` was made of."""
        left = [Left(each["company"], datetime.fromisoformat(each["at"])) for each in kept["left"]]
        return cls(left, dict(kept["done"]), [Failure(**each) for each in kept["failures"]])

    def as_json(self) -> dict[str, Any]:
        """Return it for Airflow's database."""
        left = [{"company": dict(each.company), "at": each.at.isoformat()} for each in self.left]
        return {"left": left, "done": self.done, "failures": [asdict(failure) for failure in self.failures]}

    def take_due(self, now: datetime) -> list[Named]:
        """Take out who is to have a turn now: those whose time has come, else those whose time comes first."""
        until = max(now, self.next_at)
        due = [each.company for each in self.left if each.at <= until]
        self.left = [each for each in self.left if each.at > until]
        return due

    @property
    def next_at(self) -> datetime:
        """When the next one of those who are left is due."""
        return min(each.at for each in self.left)

    def leave(self, company: Named, at: datetime) -> None:
        """Leave a company for later."""
        self.left.append(Left(company, at))

    def fail(self, company: Named, error: Exception) -> None:
        """Remember that a company failed."""
        what = f"{type(error).__name__}: {error}"
        self.failures.append(Failure(company["company"], what, _is_final(error)))

    @property
    def may_pass(self) -> bool:
        """Whether a failure may pass by itself, so that trying again is worth it."""
        return not all(failure.is_final for failure in self.failures)

    def error(self, of: int) -> Exception:
        """Return the one error that the task fails with: final where no failure of its companies can pass by itself.

        :param of: how many companies the task has
        """
        told = "; ".join(f"{failure.company}: {failure.what}" for failure in self.failures)
        others = "the others are done or wait for HubSpot" if self.left else "the others are done"
        text = f"{len(self.failures)} of {of} companies failed, {others}: {told}"
        return CompaniesFailed(text) if self.may_pass else AirflowFailException(text)


def _is_final(error: Exception) -> bool:
    # What Airflow and `HubSpotRetryPolicy` do not repeat.
    return isinstance(error, AirflowFailException) or (isinstance(error, HubSpotError) and error.is_final)
