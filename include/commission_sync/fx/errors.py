"""What can go wrong between us and a source of exchange rates; no message ever holds the key."""

from __future__ import annotations


class FxError(Exception):
    """A source did not give its rates; `hint` is the next step for a person.

    `is_lasting` says that asking again will get the same answer until somebody does something.
    """

    is_lasting = True

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} (next: {self.hint})"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuilt, (type(self), self.message, self.hint))


class BadKey(FxError):
    """The source does not accept the key."""


class QuotaReached(FxError):
    """The key has no requests left."""


class PlanTooSmall(FxError):
    """The key's plan does not include what was asked for, such as history."""


class UnsupportedCurrency(FxError):
    """The source does not know a currency that it was asked for."""


class Refused(FxError):
    """The source refuses the request for a reason that has no class of its own."""


class SourceUnavailable(FxError):
    """The source does not answer now."""

    is_lasting = False


class Unreadable(FxError):
    """The source's answer is not whole, or not what it publishes; nothing of it was taken."""

    is_lasting = False


def _rebuilt(kind: type[FxError], message: str, hint: str) -> FxError:
    return kind(message, hint=hint)
