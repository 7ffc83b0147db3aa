"""Which of HubSpot's scopes each feature needs: no more is asked for than what is switched on can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Flags = Mapping[str, Any]

WRITES = ("approval", "on")


@dataclass(frozen=True)
class Feature:
    """What can be switched on for a company by `feature_flags`, and the scopes without which it cannot work."""

    name: str
    scopes: tuple[str, ...]
    is_on: Callable[[Flags], bool]


def _flag(name: str) -> Callable[[Flags], bool]:
    return lambda flags: bool(flags.get(name, True))


# HubSpot, "Scopes": activities are read under the contacts' scope; `oauth` is in every grant.
FEATURES = (
    Feature(
        "deals",
        ("oauth", "crm.objects.deals.read", "crm.schemas.deals.read", "crm.objects.owners.read"),
        lambda _: True,
    ),
    Feature("line_items", ("crm.objects.line_items.read", "crm.objects.products.read"), _flag("line_items")),
    Feature("activities", ("crm.objects.contacts.read", "sales-email-read"), _flag("activities")),
    Feature("fx", ("settings.currencies.read",), _flag("fx")),
    Feature(
        "writeback",
        ("crm.objects.deals.write", "crm.schemas.deals.write"),
        lambda flags: flags.get("writeback", "dry_run") in WRITES,
    ),
)


def features_on(flags: Flags) -> tuple[Feature, ...]:
    """Return the features that a company's flags switch on."""
    return tuple(feature for feature in FEATURES if feature.is_on(flags))


def scopes_for(flags: Flags) -> tuple[str, ...]:
    """Return the scopes that a company's features need, each once, in a fixed order."""
    return tuple(dict.fromkeys(scope for feature in features_on(flags) for scope in feature.scopes))


def features_without(flags: Flags, granted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the features that are on but cannot work with what was granted."""
    return tuple(feature.name for feature in features_on(flags) if not set(feature.scopes) <= set(granted))
