"""The four checks of a company's health, as functions of how it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commission_sync.store.standing import Standing

# Fewer failures than this are what HubSpot does on any day.
FEWEST_FAILURES = 2
HIGHEST_ERROR_RATE = 0.5

_NO_ACCESS = ("Unauthorized", "NeedsAuthorization", "MissingScopes", "WrongPortal")
_NO_ANSWER = ("Unavailable", "CircuitOpen", "RateLimited")


@dataclass(frozen=True)
class Health:
    """What is wrong with a company, by check; None where nothing is."""

    company: str
    checks: Mapping[str, str | None]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.checks.values())


def judged(standing: Standing, *, now: datetime, sla: timedelta) -> Health:
    """Return a company's health."""
    return Health(standing.company_id, {name: check(standing, now, sla) for name, check in CHECKS.items()})


def _api(standing: Standing, _now: datetime, _sla: timedelta) -> str | None:
    if standing.breaker != "closed":
        return f"HubSpot kept failing and is left alone for a while: {standing.breaker_error}"
    return standing.error if _is(standing.error, _NO_ANSWER) else None


def _token(standing: Standing, _now: datetime, _sla: timedelta) -> str | None:
    if standing.credential != "valid":
        return "the app is not authorized any more; an administrator of the portal has to authorize it again"
    return standing.error if _is(standing.error, _NO_ACCESS) else None


def _sync_status(standing: Standing, now: datetime, sla: timedelta) -> str | None:
    complete_to = standing.oldest_cursor_at
    if complete_to is None:
        return (
            f"nothing was read completely since {standing.created_at:%Y-%m-%d %H:%M} UTC"
            if (now - standing.created_at > sla)
            else None
        )
    if now - complete_to <= sla:
        return None
    return f"{standing.oldest_stream} is complete only to {complete_to:%Y-%m-%d %H:%M} UTC"


def _error_rate(standing: Standing, _now: datetime, _sla: timedelta) -> str | None:
    if standing.failures < FEWEST_FAILURES or standing.failures <= standing.tries * HIGHEST_ERROR_RATE:
        return None
    return f"{standing.failures} of the last {standing.tries} tries failed; the last error: {standing.error}"


def _is(error: str | None, classes: Sequence[str]) -> bool:
    return error is not None and error.split(":", 1)[0] in classes


CHECKS: Mapping[str, Callable[[Standing, datetime, timedelta], str | None]] = {
    "api": _api,
    "token": _token,
    "sync_status": _sync_status,
    "error_rate": _error_rate,
}
