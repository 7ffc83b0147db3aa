"""The deal properties that a commission is written to, and how its values look there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from commission_sync.store.commissions import Commission, Values
from commission_sync.streams.values import UnreadableValue, instant

OBJECT_TYPE = "deals"
GROUP, GROUP_LABEL = "commissions", "Commissions"

# A longer one is a mistake that a person should see; HubSpot does not document how many it keeps.
_MOST_DIGITS = 100


class Unwritable(ValueError):
    """A commission has a value that HubSpot must not be sent; the message names the value and what is allowed."""


@dataclass(frozen=True)
class Declared:
    """A property that the write-back owns.

    `key` names it in our settings and is its name in HubSpot unless a company says otherwise. `render` makes HubSpot's
    string of a commission, an empty one for no value; `same` tells whether two of its values mean the same.
    """

    key: str
    label: str
    description: str
    type: str
    field_type: str
    render: Callable[[Commission], str]
    same: Callable[[str, str], bool] = str.__eq__
    options: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def definition(self, name: str) -> dict[str, Any]:
        """Return what HubSpot is sent to create it."""
        body: dict[str, Any] = {
            "name": name,
            "label": self.label,
            "description": self.description,
            "groupName": GROUP,
            "type": self.type,
            "fieldType": self.field_type,
            **self.extra,
        }
        if self.options:
            body["options"] = [
                {"value": value, "label": label, "displayOrder": order, "hidden": False}
                for order, (value, label) in enumerate(self.options)
            ]
        return body

    def agree(self, one: str | None, other: str | None) -> bool:
        """Whether two values mean the same; null and the empty string both mean none."""
        if not one or not other:
            return not one and not other
        return one == other or self.same(one, other)


def _amount(commission: Commission) -> str:
    amount = commission.amount
    if amount is None:
        return ""
    if not amount.is_finite():
        raise Unwritable(f"the amount {amount} is not a number that HubSpot can hold; correct it in deal_commissions")
    if max(len(amount.as_tuple().digits), abs(amount.adjusted())) > _MOST_DIGITS:
        raise Unwritable(f"the amount has more than {_MOST_DIGITS} digits; correct it in deal_commissions")
    return format(amount, "f")


def _status(commission: Commission) -> str:
    allowed = [value for value, _ in STATUSES]
    if commission.status not in allowed:
        raise Unwritable(f"the status {commission.status!r} is none of {', '.join(allowed)}")
    return commission.status


def _approved_date(commission: Commission) -> str:
    if commission.approved_date is None:
        return ""
    try:
        # HubSpot keeps a date as midnight UTC of this day and takes it in this form.
        return date.fromisoformat(commission.approved_date).isoformat()
    except ValueError:
        raise Unwritable(
            f"the approved_date {commission.approved_date!r} is not a day of the years 1 to 9999"
        ) from None


def _paid(commission: Commission) -> str:
    return "true" if commission.paid else "false"


def _same_number(one: str, other: str) -> bool:
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _same_day(one: str, other: str) -> bool:
    try:
        return instant(one) == instant(other)
    except UnreadableValue:
        return False


STATUSES = (("pending", "Pending"), ("approved", "Approved"), ("paid", "Paid"), ("cancelled", "Cancelled"))

PROPERTIES = (
    Declared(
        "commission_amount",
        "Commission amount",
        "The commission on this deal, as the commission engine worked it out.",
        "number",
        "number",
        _amount,
        _same_number,
        extra={"showCurrencySymbol": True, "currencyPropertyName": "deal_currency_code"},
    ),
    Declared(
        "commission_status",
        "Commission status",
        "How far the commission on this deal is.",
        "enumeration",
        "select",
        _status,
        options=STATUSES,
    ),
    Declared(
        "commission_approved_date",
        "Commission approved on",
        "The day on which the commission was approved.",
        "date",
        "date",
        _approved_date,
        _same_day,
    ),
    Declared(
        "commission_paid",
        "Commission paid",
        "Whether the commission has been paid out.",
        "bool",
        "booleancheckbox",
        _paid,
        options=(("true", "Yes"), ("false", "No")),
    ),
)
KEYS = tuple(declared.key for declared in PROPERTIES)


@dataclass(frozen=True)
class Layout:
    """Which property of a portal each declared one is: `names` maps keys to names, missing keys to themselves."""

    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, declared: Declared) -> str:
        """Return a declared property's name in HubSpot."""
        return self.names.get(declared.key, declared.key)

    @cached_property
    def by_name(self) -> dict[str, Declared]:
        """The declared properties by their names in HubSpot."""
        return {self.name(declared): declared for declared in PROPERTIES}

    def wanted(self, commission: Commission) -> dict[str, str]:
        """Return what HubSpot is to have for a commission.

        :raises Unwritable: when it has a value that must not be sent
        """
        return {self.name(declared): declared.render(commission) for declared in PROPERTIES}

    def differing(self, one: Values, other: Values) -> list[str]:
        """Return the properties whose values differ in meaning."""
        return [name for name, d in self.by_name.items() if not d.agree(one.get(name), other.get(name))]
