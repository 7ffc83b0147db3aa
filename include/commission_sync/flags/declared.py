"""Every optional capability, with its default; a new one is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TRUE, FALSE = "true", "false"


@dataclass(frozen=True)
class Flag:
    """An optional capability.

    `off` is the value that does the least: companies that are denied the capability get it, and those whose own
    setting makes no sense.
    """

    name: str
    description: str
    default: str = TRUE
    choices: tuple[str, ...] = (FALSE, TRUE)
    off: str = FALSE

    def read(self, value: Any) -> str | None:
        """Return a value, as JSON or a person writes it, as one of `choices`; None when it is none of them."""
        written = str(value).strip().lower() if isinstance(value, str | bool) else None
        return written if written in self.choices else None


FLAGS = {
    flag.name: flag
    for flag in (
        Flag("line_items", "sync the line items of deals"),
        Flag("activities", "sync emails, notes, calls, meetings and tasks of deals"),
        Flag("history", "read the history of the properties that affect pay"),
        Flag("fx", "convert amounts into the company's base currency"),
        Flag("webhooks", "apply HubSpot's events as they come in"),
        Flag(
            "writeback",
            "write commissions to HubSpot: off, dry_run (plan and show), approval (a person confirms), on",
            default="dry_run",
            choices=("off", "dry_run", "approval", "on"),
            off="off",
        ),
    )
}
