"""What a portal is like, as whoever starts the emulator declares it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ALL_SCOPES = (
    "oauth",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.line_items.read",
    "crm.objects.line_items.write",
    "crm.objects.products.read",
    "crm.objects.products.write",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.owners.read",
    "crm.dealsplits.read_write",
    "crm.schemas.deals.read",
    "crm.schemas.deals.write",
    "sales-email-read",
    "multi_currency.read",
    "settings.currencies.write",
)


@dataclass(frozen=True)
class Tier:
    """The limits of an edition: calls in any ten seconds, and calls a day (None: no daily limit is documented)."""

    burst: int
    daily: int | None


# HubSpot, "API usage guidelines and limits".
TIERS = {
    "free": Tier(100, 250_000),
    "pro": Tier(190, 625_000),
    "enterprise": Tier(190, 1_000_000),
    "capacity": Tier(250, 1_625_000),
    "oauth": Tier(110, None),
}


EDITIONS = ("free", "starter", "professional", "enterprise")
_COUNTS = (
    "deals",
    "line_items_per_deal",
    "line_items_on_one_deal",
    "activities_per_deal",
    "contacts_per_deal",
    "products",
)


@dataclass(frozen=True)
class PortalSpec:
    """One HubSpot account; the same specification and seed always give the same data.

    :param sales_edition: deal splits are for `enterprise` only
    :param line_items_on_one_deal: how many more line items hang on the deal in the middle
    """

    company: str
    portal_id: int
    deals: int
    token: str
    tier: str = "pro"
    currency: str = "USD"
    time_zone: str = "US/Eastern"
    scopes: tuple[str, ...] = ALL_SCOPES
    search_lag_seconds: float = 0.0
    latency_ms: float = 0.0
    line_items_per_deal: float = 1.5
    line_items_on_one_deal: int = 0
    activities_per_deal: float = 3.0
    contacts_per_deal: float = 0.5
    products: int = 40
    sales_edition: str = "enterprise"

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise ValueError(f"tier {self.tier!r} is unknown; use one of {', '.join(TIERS)}")
        if self.sales_edition not in EDITIONS:
            raise ValueError(f"edition {self.sales_edition!r} is unknown; use one of {', '.join(EDITIONS)}")
        try:
            ZoneInfo(self.time_zone)
        except (ValueError, ZoneInfoNotFoundError):
            raise ValueError(f"time zone {self.time_zone!r} is unknown; use a name such as Europe/Berlin") from None
        for name in _COUNTS:
            if getattr(self, name) < 0:
                raise ValueError(f"a portal cannot have {getattr(self, name)} {name.replace('_', ' ')}")
