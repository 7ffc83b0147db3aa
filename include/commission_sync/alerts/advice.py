"""What a person should know of each kind of error: what happens by itself, and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What an error means, in the words of a mail's heading."""

    meaning: str
    by_itself: str
    to_do: str


_RETRIED = "Every run tries again and goes on where the last one stopped."
_OWN_COMPANY = "The other companies go on. Nothing that has landed is lost, and no change is skipped."

ADVICE = {
    "Unauthorized": Advice("HubSpot refuses the token", _OWN_COMPANY, "Put a valid token into the connection."),
    "NeedsAuthorization": Advice(
        "The app is no longer authorized",
        _OWN_COMPANY,
        "Ask an administrator of the portal to authorize the app again.",
    ),
    "MissingScopes": Advice(
        "The token lacks a scope", _OWN_COMPANY, "Grant the scopes that the message names, in HubSpot."
    ),
    "WrongPortal": Advice(
        "The token belongs to another portal",
        "Nothing is read or written for this company until it is corrected.",
        "Correct the connection's token or the portal's number in crm_integrations.",
    ),
    "RateLimited": Advice(
        "HubSpot's limits are used up", _RETRIED, "Nothing, unless it lasts: then ask what else calls this portal."
    ),
    "Unavailable": Advice("HubSpot is not answering", _RETRIED, "Nothing for an hour; then see HubSpot's status page."),
    "CircuitOpen": Advice(
        "HubSpot kept failing, so the portal is left alone for a while",
        "One call at a time tries whether it is back; then everything goes on.",
        "Nothing for an hour; then see HubSpot's status page.",
    ),
    "IncompleteRead": Advice(
        "HubSpot's search did not show all it counted",
        _RETRIED,
        "If it stays: trigger the DAG with mode 'full' for these companies.",
    ),
    "FutureWindow": Advice(
        "A window of time was asked for that has not begun",
        _RETRIED,
        "Ask for a time that has passed; if it has, put the clocks right.",
    ),
    "DatabaseUnavailable": Advice(
        "The commissions database does not answer", _RETRIED, "Bring the database back, or correct its connection."
    ),
    "Vanished": Advice(
        "The worker's process ended without a word",
        _RETRIED,
        "See whether the machine ran out of memory or was restarted.",
    ),
}

_UNKNOWN = Advice("The run failed", _RETRIED, "Read the last lines of the log: they say what is safe and what is next.")
_LATE = Advice(
    "Data are older than promised",
    "The run goes on, and the next one starts after it.",
    "Read the run's log: it says what the task is waiting for.",
)


def advice(kind: str, error_class: str | None) -> Advice:
    """Return the advice for an incident's kind (`failed`, `late`) and its error's class, if there is one."""
    if error_class in ADVICE:
        return ADVICE[error_class]
    return _LATE if kind == "late" else _UNKNOWN
