"""Deals as a pure function of seed, portal and number: a million of them cost nothing until they are asked for."""

from __future__ import annotations

from hubspot_emulator import names
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.times import DAY_MS, iso

Properties = dict[str, str | None]

# Fixed, not "now": a restarted emulator has to show the same past.
FIRST_CREATED_MS = 1_672_531_200_000  # 2023-01-01
LAST_CREATED_MS = 1_767_225_600_000  # 2026-01-01
LAST_MODIFIED_MS = 1_782_777_600_000  # 2026-06-30
ID_GAP = 977

OWNERS = 12
STAGES = {
    "default": ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost"),
    "73104528": ("184201", "184202", "184203"),
}
WON_STAGES = frozenset({"closedwon", "184202"})
LOST_STAGES = frozenset({"closedlost", "184203"})
RATES = {"USD": "1.0", "EUR": "1.0842", "GBP": "1.2701", "JPY": "0.0066", "KWD": "3.2512"}

_MASK = (1 << 64) - 1
_CURRENCIES = (None, None, None, "EUR", "GBP", "JPY", "KWD", None)
_LONG = "\n".join(names.SENTENCES * 12)


class DealSource:
    """The deals of a portal before anybody edited them; numbers count from 0."""

    def __init__(self, spec: PortalSpec, seed: int) -> None:
        self.count = spec.deals
        self._spec = spec
        self._seed = _mixed(seed * 1_000_003 + spec.portal_id)
        self._first_id = 10_000_000_000 + (spec.portal_id % 80_000) * 1_000_000_000
        self._step = (LAST_CREATED_MS - FIRST_CREATED_MS) // max(1, spec.deals)

    def crm_id(self, number: int) -> int:
        """Return the id of a deal, also of one that is created later; ids rise with numbers, with gaps."""
        return self._first_id + number * ID_GAP + _mixed(self._seed ^ (number << 1)) % ID_GAP

    def number(self, crm_id: int) -> int:
        """Return the number that `crm_id` could have; whether it has is for the caller to check."""
        return (crm_id - self._first_id) // ID_GAP

    def lowest_number_above(self, crm_id: int) -> int:
        """Return the number of the first deal whose id is above `crm_id`."""
        number = max(0, self.number(crm_id))
        return number if self.crm_id(number) > crm_id else number + 1

    def created_ms(self, number: int) -> int:
        """Return when a deal was created."""
        return FIRST_CREATED_MS + number * self._step + (self._noise(number, 1) % max(1, self._step))

    def modified_ms(self, number: int) -> int:
        """Return when a deal was last modified; every tenth time has no millisecond part."""
        noise = self._noise(number, 2)
        modified = min(self.created_ms(number) + noise % (180 * DAY_MS), LAST_MODIFIED_MS - noise % DAY_MS)
        return modified - modified % 1000 if noise % 10 == 0 else modified

    def properties(self, number: int) -> Properties:
        """Return a deal's own properties; calculated ones and nulls are added by whoever reads it."""
        a, b, c = self._noise(number, 3), self._noise(number, 4), self._noise(number, 5)
        pipeline = "default" if a % 4 else "73104528"
        stage = STAGES[pipeline][(a >> 8) % len(STAGES[pipeline])]
        created = self.created_ms(number)
        return {
            "dealname": f"{names.CUSTOMERS[b % len(names.CUSTOMERS)]} \u2013 {names.PRODUCTS[(b >> 8) % 8]} {number}",
            "amount": _amount(b >> 16),
            "deal_currency_code": _CURRENCIES[a >> 20 & 7],
            "pipeline": pipeline,
            "dealstage": stage,
            "closedate": iso(created + (c % 200) * DAY_MS + 3_600_000 * (c >> 8 & 15)) if c % 9 else None,
            "hubspot_owner_id": str(70_001 + (a >> 24) % OWNERS) if a % 11 else None,
            "dealtype": "newbusiness" if a & 1 else "existingbusiness",
            "description": _LONG if c % 97 == 0 else names.SENTENCES[c >> 12 & 3] if c % 3 else None,
            "hs_next_step": "Call back" if a >> 30 & 3 == 0 else None,
            "hs_priority": ("low", "medium", "high", None)[a >> 32 & 3],
            "hs_manual_forecast_category": ("PIPELINE", "COMMIT", "BEST_CASE", None)[a >> 34 & 3],
            "closed_lost_reason": names.REASONS[a >> 36 & 3] if stage in LOST_STAGES else None,
            "hs_forecast_probability": f"0.{a >> 38 & 7}" if a >> 41 & 1 else None,
            "num_notes": str(a >> 42 & 15),
            "hs_object_source": "CRM_UI" if a >> 46 & 1 else "INTEGRATION",
            "contract_length_months": str((b >> 40 & 3) * 12 + 12),
            "contract_start_date": iso(created + 30 * DAY_MS)[:10] if b >> 42 & 1 else None,
            "renewal": "true" if b >> 43 & 1 else "false",
            "sales_region": ("EMEA", "AMER", "APAC", None)[b >> 44 & 3],
            "product_families": ("core", "core;analytics", "analytics;support;training", None)[b >> 46 & 3],
            "discount_percent": f"{b >> 48 & 31}.{b >> 53 & 7}",
            "partner_name": names.PARTNERS[c >> 16 & 3] if c >> 18 & 1 else None,
            "commission_split_notes": names.SENTENCES[c >> 19 & 3] if c >> 21 & 7 == 0 else None,
            "first_payment_received_at": iso(created + 45 * DAY_MS) if c >> 24 & 3 == 0 else None,
            "billing_contact": f"billing+{number}@example.com" if c >> 26 & 1 else None,
            "purchase_order": f"PO-{c >> 27 & 0xFFFFF:05d}" if c >> 47 & 1 else None,
            "margin": _THIRD if c >> 48 & 7 == 0 else f"0.{c >> 51 & 63}",
            "win_back": "true" if c >> 57 & 7 == 0 else None,
            "legacy_crm_id": f"L{number:07d}",
            "expected_go_live": iso(created + 90 * DAY_MS)[:10] if c >> 60 & 1 else None,
        }

    def _noise(self, number: int, salt: int) -> int:
        return _mixed(self._seed + number * 8 + salt)


def calculated(properties: Properties, home_currency: str, modified_ms: int, now_ms: int) -> Properties:
    """Return the properties that HubSpot works out of the others; the `hs_time_in` ones differ at every read."""
    stage, amount = properties.get("dealstage"), properties.get("amount")
    currency = properties.get("deal_currency_code") or home_currency
    won, lost = stage in WON_STAGES, stage in LOST_STAGES
    elapsed = str(now_ms - modified_ms)
    return {
        "hs_is_closed": "true" if won or lost else "false",
        "hs_is_closed_won": "true" if won else "false",
        "hs_is_closed_lost": "true" if lost else "false",
        "hs_exchange_rate": None if currency == home_currency else RATES.get(currency),
        "amount_in_home_currency": amount if currency == home_currency else None,
        "hs_deal_stage_probability": "1.0" if won else "0.0" if lost else "0.4",
        "hs_time_in_closedwon": elapsed if stage == "closedwon" else None,
        "hs_time_in_qualifiedtobuy": elapsed if stage == "qualifiedtobuy" else None,
    }


# How a binary fraction looks once Java has written it out in full.
_THIRD = "0.200000000000000011102230246251565404236316680908203125"


def _amount(noise: int) -> str | None:
    kind = noise & 31
    if kind == 0:
        return None
    if kind == 1:
        return "0"
    if kind == 2:
        return f"{noise >> 5 & 0xFFFFFFF}.1234567"
    return f"{noise >> 5 & 0x7FFFF}.{noise >> 24 & 0x3F:02d}"


def _mixed(value: int) -> int:
    """Return well-spread bits of a number (the finaliser of the SplitMix64 generator)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
