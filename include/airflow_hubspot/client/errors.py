"""HubSpot's failures as exceptions that a caller can act on.

The statuses, categories and bodies are those of HubSpot's documentation "Error handling" and "API usage guidelines and
limits", and of what others saw on live portals: rate-limit bodies carry `errorType` and `policyName`, all others
`category`; 414, 502 and 504 answer with HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

_LONGEST_MESSAGE = 500
_POLICY_SECONDS = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}
_LOCKED_SECONDS = 2.0

# HubSpot, "Upcoming changes to write validation" (2026-09): rules that an administrator sets for forms and records
# hold for the API, too.
_RULES = {
    "MISSING_REQUIRED_PROPERTY": "an administrator of the portal made this property required for new records: give it "
    "a value, or let the administrator take the rule back (Settings > Objects > Record customization)",
    "MISSING_CONDITIONAL_REQUIRED_PROPERTY": "an administrator of the portal made this property required while another "
    "one has its present value: fill it in on the record, or let the administrator take the rule back "
    "(Settings > Objects > Properties > Conditional logic)",
}

_TOKEN_HINTS = {
    401: "put a valid token into the connection and press Test, then clear the task",
    # The edge's answer to a token with characters that no token has, as other connectors saw.
    530: "the token is probably malformed: copy it again, without spaces or line breaks, into the connection, press "
    "Test, then clear the task; if the token is right, look at HubSpot's status page",
}
_BLOCKED_HINT = (
    "HubSpot's edge turned the call away, not the API; it is tried again by itself. If it lasts, ask HubSpot whether "
    "the address of this server is blocked"
)

# A task that has to wait longer than this gives its worker back.
LONGEST_HELD_SECONDS = 60.0


class HubSpotError(Exception):
    """Anything that went wrong between us and HubSpot.

    `correlation_id` is what HubSpot's support asks for; `hint` is the next step for a person; where `is_final`, trying
    again cannot help before somebody has taken that step.
    """

    is_final = False

    def __init__(
        self, message: str, *, status: int | None = None, correlation_id: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.correlation_id = correlation_id
        self.hint = hint

    def __str__(self) -> str:
        facts = {"status": self.status, "correlation id": self.correlation_id, "next": self.hint}
        known = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
        return f"{self.message} ({known})" if known else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuilt, (type(self), self.args, self.__dict__))


class RateLimited(HubSpotError):
    """A limit is used up; `retry_after` is in seconds, as HubSpot `asked` or as the limit's kind tells.

    `policy` is HubSpot's name of the limit.
    """

    retry_after: float = 10.0
    policy: str = "TEN_SECONDLY_ROLLING"
    asked: bool = False


class Unauthorized(HubSpotError):
    """HubSpot does not accept the token."""

    is_final = True


class NeedsAuthorization(Unauthorized):
    """There is no token to be had before a person of the customer's authorizes the app (again)."""


class WrongApp(Unauthorized):
    """The tokens were issued to another app than the one that uses them: a setting is wrong, no consent has ended."""


class MissingScopes(HubSpotError):
    """The token is good, but not for this; `scopes` are those that would do."""

    is_final = True
    scopes: tuple[str, ...] = ()


class Invalid(HubSpotError):
    """HubSpot refuses the request as it stands.

    `property_name` is the property at fault when HubSpot names one, `code` HubSpot's name of the fault, such as
    `READ_ONLY_VALUE`. One that says nothing of what is wrong (`is_vague`) was seen to go away by itself, so a read is
    made again.
    """

    is_final = True
    property_name: str | None = None
    code: str | None = None
    is_vague: bool = False


class UriTooLong(Invalid):
    """The URL is longer than HubSpot's edge accepts."""


class NotFound(HubSpotError):
    """There is no such record or resource."""


class Conflict(HubSpotError):
    """It exists already."""


class Unavailable(HubSpotError):
    """HubSpot cannot answer now; `retry_after` is in seconds when it says or documents one."""

    retry_after: float | None = None


class UnreadableAnswer(Unavailable):
    """An answer that says that the call succeeded, but does not have the documented shape."""


class Blocked(Unavailable):
    """HubSpot's edge turned the call away before the API saw it: its answer is no error of the API."""


class CircuitOpen(Unavailable):
    """The portal failed so often in a row that it is left alone until `retry_after` seconds have passed."""


class GivenUp(HubSpotError):
    """The caller no longer wants the answer that it waited for."""


def postponement(error: BaseException) -> float | None:
    """Return in how many seconds work should go on that `error` stopped, where holding a worker for it is a waste."""
    if isinstance(error, CircuitOpen):
        return error.retry_after or 1.0
    if isinstance(error, RateLimited | Unavailable) and (error.retry_after or 0.0) >= LONGEST_HELD_SECONDS:
        return error.retry_after
    return None


def next_midnight(time_zone: str | None, now: datetime) -> datetime:
    """Return when HubSpot's day ends, by the portal's time zone; by UTC where that is not known."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ValueError, ZoneInfoNotFoundError):
        zone = ZoneInfo("UTC")
    local = now.astimezone(zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC)


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    operation: str,
    time_zone: str | None = None,
    now: datetime | None = None,
) -> HubSpotError:
    """Return the exception for an answer that is not a success.

    :param headers: with lower-case names
    :param operation: what was asked, for the message
    :param time_zone: the portal's, by which HubSpot resets daily limits; unknown: an hour is waited
    :param now: HubSpot's time, as far as it is known; by default this machine's
    """
    answer = _parsed(body)
    message = f"HubSpot refused {operation}: {_message(answer, status)}"
    error = _classified(status, message, answer)
    error.status = status
    error.correlation_id = str(answer.get("correlationId") or headers.get("x-hubspot-correlation-id") or "") or None
    asked = _retry_after(headers, now or datetime.now(UTC))
    if isinstance(error, RateLimited):
        error.policy = str(answer.get("policyName") or "TEN_SECONDLY_ROLLING")
        error.asked = asked is not None
        error.retry_after = asked or _policy_delay(error.policy, time_zone, now or datetime.now(UTC))
    elif isinstance(error, Unavailable):
        error.retry_after = asked or (_LOCKED_SECONDS if status == 423 else None)
    return error


def _classified(status: int, message: str, answer: Mapping[str, object]) -> HubSpotError:
    match status:
        case 429:
            return RateLimited(message, hint="nothing is lost; the call is made again once the limit allows it")
        case 401 | 530:
            return Unauthorized(message, hint=_TOKEN_HINTS[status])
        case 403:
            return _forbidden(message, answer)
        case 404:
            return NotFound(message)
        case 409:
            return Conflict(message)
        case 414:
            return UriTooLong(message, hint="ask for fewer properties in one list call")
        case 423 | 477:
            return Unavailable(message, hint="the account is locked or being moved; it is tried again later")
        case _ if status >= 500:
            return Unavailable(message, hint="it is tried again by itself; look at HubSpot's status page if it lasts")
        case _:
            return _invalid(message, answer)


def _forbidden(message: str, answer: Mapping[str, object]) -> HubSpotError:
    if not answer:
        return Blocked(message, hint=_BLOCKED_HINT)
    scopes = tuple(sorted({scope for e in _errors(answer) for scope in _context(e, "requiredGranularScopes")}))
    needed = f"grant {' or '.join(scopes)}" if scopes else "check the app's scopes and whether the account blocks it"
    error = MissingScopes(f"{message} Needed: {', '.join(scopes)}" if scopes else message, hint=f"{needed} in HubSpot")
    error.scopes = scopes
    return error


def _invalid(message: str, answer: Mapping[str, object]) -> Invalid:
    error = Invalid(message, hint=_RULES.get(_code(answer) or ""))
    names = [name for e in _errors(answer) for name in _context(e, "propertyName")]
    error.property_name = names[0] if names else None
    error.code = _code(answer)
    error.is_vague = not answer or (not names and error.code is None and _says_nothing(answer))
    return error


def _code(answer: Mapping[str, object]) -> str | None:
    return next((str(e["code"]) for e in _errors(answer) if e.get("code")), None)


def _says_nothing(answer: Mapping[str, object]) -> bool:
    said = str(answer.get("message") or "").strip().rstrip(".").lower()
    return said in {"", "there was a problem with the request"}


def _errors(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    listed = answer.get("errors")
    return [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []


def _context(error: Mapping[str, object], key: str) -> list[str]:
    context = error.get("context")
    values = context.get(key) if isinstance(context, Mapping) else None
    return [str(v) for v in values] if isinstance(values, list) else []


def _parsed(body: bytes) -> dict[str, object]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _message(answer: Mapping[str, object], status: int) -> str:
    said = answer.get("message")
    return " ".join(str(said).split())[:_LONGEST_MESSAGE] if said else f"HTTP {status} without an explanation"


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    value = headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds()) if value else None
    except (TypeError, ValueError):
        return None


def _policy_delay(policy: str, time_zone: str | None, now: datetime) -> float:
    if policy != "DAILY":
        return _POLICY_SECONDS.get(policy, 10.0)
    if time_zone is None:
        return 3600.0
    return (next_midnight(time_zone, now) - now).total_seconds()


def _rebuilt(kind: type[HubSpotError], args: tuple[str, ...], state: dict[str, object]) -> HubSpotError:
    error = kind(*args)
    error.__dict__.update(state)
    return error
