"""Deals."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from hubspot_emulator import names
from hubspot_emulator.currencies import CURRENCIES
from hubspot_emulator.declaration import Fields, Kind, Moment, Properties
from hubspot_emulator.source import Source
from hubspot_emulator.times import DAY_MS, iso, milliseconds

STAGES = {
    "default": ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost"),
    "73104528": ("184201", "184202", "184203"),
}
WON_STAGES = frozenset({"closedwon", "184202"})
LOST_STAGES = frozenset({"closedlost", "184203"})

_CURRENCIES = (None, None, None, "EUR", "GBP", "JPY", "KWD", None)
_LONG = "\n".join(names.SENTENCES * 12)
# How a binary fraction looks once Java has written it out in full.
_THIRD = "0.200000000000000011102230246251565404236316680908203125"


def currency(deal_noise: int) -> str | None:
    """Return the currency of a deal from its noise 3; None: the company's."""
    return _CURRENCIES[deal_noise >> 20 & 7]


def generate(source: Source, number: int) -> Properties:
    """Return what a deal has been given."""
    a, b, c = source.noise(number, 3), source.noise(number, 4), source.noise(number, 5)
    pipeline = "default" if a % 4 else "73104528"
    stage = STAGES[pipeline][(a >> 8) % len(STAGES[pipeline])]
    created = source.created_ms(number)
    return {
        "dealname": f"{names.CUSTOMERS[b % len(names.CUSTOMERS)]} \u2013 {names.PRODUCTS[(b >> 8) % 8]} {number}",
        "amount": _amount(b >> 16),
        "deal_currency_code": currency(a),
        "pipeline": pipeline,
        "dealstage": stage,
        "closedate": iso(created + (c % 200) * DAY_MS + 3_600_000 * (c >> 8 & 15)) if c % 9 else None,
        "hubspot_owner_id": names.owner(a >> 24) if a % 11 else None,
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


def calculate(own: Properties, at: Moment) -> Properties:
    """Return what HubSpot works out; the `hs_time_in` ones differ at every read."""
    stage, amount = own.get("dealstage"), own.get("amount")
    code = own.get("deal_currency_code") or at.home_currency
    won, lost = stage in WON_STAGES, stage in LOST_STAGES
    elapsed = str(at.now_ms - at.modified_ms)
    # The rate follows the account's while the deal is open and stays as it was when it closed.
    since_ms = milliseconds(own.get("closedate") or "") or at.modified_ms if won or lost else at.now_ms
    rate = None if code == at.home_currency else at.rate(code, since_ms)
    return {
        "hs_is_closed": "true" if won or lost else "false",
        "hs_is_closed_won": "true" if won else "false",
        "hs_is_closed_lost": "true" if lost else "false",
        "hs_exchange_rate": rate,
        "amount_in_home_currency": amount if code == at.home_currency else _converted(amount, rate),
        "hs_deal_stage_probability": "1.0" if won else "0.0" if lost else "0.4",
        "hs_time_in_closedwon": elapsed if stage == "closedwon" else None,
        "hs_time_in_qualifiedtobuy": elapsed if stage == "qualifiedtobuy" else None,
    }


def _converted(amount: str | None, rate: str | None) -> str | None:
    try:
        return f"{Decimal(amount) * Decimal(rate):f}" if amount and rate else None
    except InvalidOperation:
        return None


def _amount(noise: int) -> str | None:
    kind = noise & 31
    if kind == 0:
        return None
    if kind == 1:
        return "0"
    if kind == 2:
        return f"{noise >> 5 & 0xFFFFFFF}.1234567"
    return f"{noise >> 5 & 0x7FFFF}.{noise >> 24 & 0x3F:02d}"


_FIELDS = Fields(
    defined={
        "dealname": "string",
        "amount": "number",
        "deal_currency_code": "enumeration",
        "pipeline": "enumeration",
        "dealstage": "enumeration",
        "closedate": "datetime",
        "hubspot_owner_id": "enumeration",
        "dealtype": "enumeration",
        "description": "string",
        "hs_next_step": "string",
        "hs_priority": "enumeration",
        "hs_manual_forecast_category": "enumeration",
        "closed_lost_reason": "string",
        "hubspot_team_id": "enumeration",
        "hs_forecast_probability": "number",
        "num_notes": "number",
    },
    read_only={
        "hs_object_id": "number",
        "createdate": "datetime",
        "hs_lastmodifieddate": "datetime",
        "hs_merged_object_ids": "enumeration",
        "hs_object_source": "string",
    },
    calculated={
        "hs_is_closed": "bool",
        "hs_is_closed_won": "bool",
        "hs_is_closed_lost": "bool",
        "hs_exchange_rate": "number",
        "amount_in_home_currency": "number",
        "hs_time_in_closedwon": "number",
        "hs_time_in_qualifiedtobuy": "number",
        "hs_deal_stage_probability": "number",
        "hs_is_deal_split": "bool",
        "hs_all_deal_split_owner_ids": "enumeration",
    },
    custom={
        "contract_length_months": "number",
        "contract_start_date": "date",
        "renewal": "bool",
        "sales_region": "enumeration",
        "product_families": "enumeration",
        "discount_percent": "number",
        "partner_name": "string",
        "commission_split_notes": "string",
        "first_payment_received_at": "datetime",
        "billing_contact": "string",
        "purchase_order": "string",
        "margin": "number",
        "win_back": "bool",
        "legacy_crm_id": "string",
        "expected_go_live": "date",
    },
    options={
        "deal_currency_code": CURRENCIES,
        "dealtype": ("newbusiness", "existingbusiness"),
        "hs_priority": ("low", "medium", "high"),
        "hs_manual_forecast_category": ("OMIT", "PIPELINE", "BEST_CASE", "COMMIT", "CLOSED"),
        "sales_region": ("EMEA", "AMER", "APAC"),
        "product_families": ("core", "analytics", "support", "training"),
        "pipeline": ("default", "73104528"),
        "dealstage": (
            "appointmentscheduled",
            "qualifiedtobuy",
            "contractsent",
            "closedwon",
            "closedlost",
            "184201",
            "184202",
            "184203",
        ),
    },
    text_areas=frozenset({"description", "commission_split_notes"}),
    check_boxes=frozenset({"product_families", "hs_all_deal_split_owner_ids"}),
    from_elsewhere=frozenset({"hubspot_owner_id", "hs_all_deal_split_owner_ids"}),
)

DEALS = Kind(
    name="deals",
    singular="deal",
    type_id="0-3",
    salt=0,
    group="dealinformation",
    fields=_FIELDS,
    defaults=("dealname", "amount", "closedate", "pipeline", "dealstage"),
    count=lambda spec: spec.deals,
    generate=generate,
    calculate=calculate,
    steady=("hs_is_closed", "hs_is_closed_won", "hs_is_closed_lost", "hs_deal_stage_probability"),
    created="createdate",
    read=("crm.objects.deals.read",),
    write=("crm.objects.deals.write",),
    schema_read=("crm.schemas.deals.read", "crm.objects.deals.read"),
    schema_write=("crm.schemas.deals.write",),
    searched=("dealname", "pipeline", "dealstage", "description", "dealtype"),
    merges=True,
)
