"""Products and line items."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from hubspot_emulator import names
from hubspot_emulator.currencies import CURRENCIES
from hubspot_emulator.declaration import Fields, Kind, Moment, Properties
from hubspot_emulator.kinds import deals
from hubspot_emulator.source import Source
from hubspot_emulator.times import DAY_MS, iso

_FREQUENCIES = (None, "monthly", "annually", None, "quarterly", "annually", None, "monthly")
_PERIODS = {"monthly": "P12M", "annually": "P12M", "quarterly": "P6M"}
_TERMS = {"monthly": "12", "annually": "12", "quarterly": "6"}
_COMMERCE = "e-commerce"
# One in 64 has no deal yet.
_ONE_DEAL = tuple((n % 4,) if n else () for n in range(64))
_COMMON_READ_ONLY = {
    "hs_object_id": "number",
    "createdate": "datetime",
    "hs_lastmodifieddate": "datetime",
    "hs_object_source": "string",
}


def product(source: Source, number: int) -> Properties:
    """Return a product."""
    noise = source.noise(number, 3)
    return {
        "name": _product_name(number),
        "hs_sku": _sku(number),
        "price": _price(source, number),
        "description": names.SENTENCES[noise & 3] if noise >> 2 & 1 else None,
        "hs_cost_of_goods_sold": f"{noise >> 8 & 1023}.50" if noise >> 3 & 1 else None,
        "recurringbillingfrequency": _FREQUENCIES[noise >> 20 & 7],
        "hs_object_source": "CRM_UI",
    }


def line_item(source: Source, number: int) -> Properties:
    """Return a line item: mostly of a product, in the currency of its deal."""
    a, b = source.noise(number, 3), source.noise(number, 4)
    chosen = (b >> 8) % max(1, source.spec.products)
    frequency = _FREQUENCIES[a >> 4 & 7]
    deal = next(iter(source.spread.deals_of(number)), None)
    has_product = a & 15 != 0 and source.spec.products > 0
    return {
        "name": _product_name(chosen) if has_product else f"{names.CUSTOMERS[b % len(names.CUSTOMERS)]} special",
        "hs_product_id": str(source.crm_id(chosen)) if has_product else None,
        "hs_sku": _sku(chosen) if has_product else None,
        "description": names.SENTENCES[a >> 8 & 3] if a >> 10 & 3 == 0 else None,
        "quantity": ("1", "1", "2", "3", "10", "0.5", "12", "250")[a >> 12 & 7],
        "price": f"{b >> 20 & 0x3FFF}.{b >> 40 & 0x3F:02d}" if b >> 50 & 31 else None,
        "discount": f"{a >> 16 & 15}.25" if a >> 20 & 7 == 1 else None,
        "hs_discount_percentage": str((a >> 16 & 7) * 5) if a >> 20 & 7 == 2 else None,
        "hs_cost_of_goods_sold": f"{a >> 24 & 1023}.10" if a >> 34 & 1 else None,
        "hs_line_item_currency_code": None if deal is None else deals.currency(source.deal_noise(deal, 3)),
        "recurringbillingfrequency": frequency,
        "hs_recurring_billing_period": _PERIODS.get(frequency or ""),
        "hs_term_in_months": _TERMS.get(frequency or ""),
        "hs_recurring_billing_start_date": iso(source.created_ms(number) + 30 * DAY_MS)[:10] if frequency else None,
        "hs_position_on_quote": str(a >> 40 & 7),
        "hs_object_source": "CRM_UI" if a >> 46 & 1 else "INTEGRATION",
        "commissionable": ("true", "true", "false", None)[a >> 50 & 3],
    }


def calculate(own: Properties, _: Moment) -> Properties:
    """Return the totals: the discount is per unit, or a share in per cent."""
    try:
        price, quantity = Decimal(own.get("price") or ""), Decimal(own.get("quantity") or "1")
        off = Decimal(own.get("discount") or 0) or price * Decimal(own.get("hs_discount_percentage") or 0) / 100
    except InvalidOperation:
        return {"amount": None, "hs_pre_discount_amount": None, "hs_total_discount": None}
    return {
        "amount": f"{(price - off) * quantity:f}",
        "hs_pre_discount_amount": f"{price * quantity:f}",
        "hs_total_discount": f"{off * quantity:f}",
    }


def _product_name(number: int) -> str:
    return f"{names.PRODUCTS[number % len(names.PRODUCTS)]} {number // len(names.PRODUCTS) + 1}"


def _sku(number: int) -> str:
    return f"SKU-{number:05d}"


def _price(source: Source, number: int) -> str:
    noise = source.noise(number, 4)
    return f"{noise & 0x3FFF}.{noise >> 14 & 0x3F:02d}"


_PRODUCT_FIELDS = {
    "name": "string",
    "hs_sku": "string",
    "price": "number",
    "description": "string",
    "hs_cost_of_goods_sold": "number",
    "recurringbillingfrequency": "enumeration",
}
_FREQUENCY_OPTIONS = ("weekly", "biweekly", "monthly", "quarterly", "per_six_months", "annually", "per_two_years")

PRODUCTS = Kind(
    name="products",
    singular="product",
    type_id="0-7",
    salt=7,
    group="productinformation",
    fields=Fields(
        defined=_PRODUCT_FIELDS,
        read_only=_COMMON_READ_ONLY,
        options={"recurringbillingfrequency": _FREQUENCY_OPTIONS},
        text_areas=frozenset({"description"}),
    ),
    defaults=("name", "description", "price"),
    count=lambda spec: spec.products,
    generate=product,
    created="createdate",
    read=("crm.objects.products.read", _COMMERCE),
    write=("crm.objects.products.write", _COMMERCE),
    schema_read=("crm.objects.products.read", _COMMERCE),
    schema_write=(_COMMERCE,),
    searched=("name", "description", "price", "hs_sku"),
    edited={
        "price": ("19.90", "1200", "0.10"),
        "name": ("Renamed", "Groß"),
        "description": (None, "New"),
    },
)

LINE_ITEMS = Kind(
    name="line_items",
    singular="line_item",
    type_id="0-8",
    salt=8,
    group="lineiteminformation",
    fields=Fields(
        defined={
            **_PRODUCT_FIELDS,
            "hs_product_id": "number",
            "quantity": "number",
            "discount": "number",
            "hs_discount_percentage": "number",
            "hs_line_item_currency_code": "enumeration",
            "hs_recurring_billing_period": "string",
            "hs_term_in_months": "number",
            "hs_recurring_billing_start_date": "date",
            "hs_position_on_quote": "number",
        },
        read_only=_COMMON_READ_ONLY,
        calculated={"amount": "number", "hs_pre_discount_amount": "number", "hs_total_discount": "number"},
        custom={"commissionable": "bool"},
        options={"recurringbillingfrequency": _FREQUENCY_OPTIONS, "hs_line_item_currency_code": CURRENCIES},
        text_areas=frozenset({"description"}),
    ),
    defaults=("quantity", "amount", "price"),
    count=lambda spec: round(spec.deals * spec.line_items_per_deal) + spec.line_items_on_one_deal,
    generate=line_item,
    calculate=calculate,
    steady=("amount", "hs_pre_discount_amount", "hs_total_discount"),
    created="createdate",
    read=("crm.objects.line_items.read", _COMMERCE),
    write=("crm.objects.line_items.write", _COMMERCE),
    schema_read=("crm.schemas.line_items.read", "crm.objects.line_items.read", _COMMERCE),
    schema_write=("crm.schemas.line_items.write", _COMMERCE),
    searched=("name", "description", "hs_sku"),
    offsets=_ONE_DEAL,
    crowd=lambda spec: spec.line_items_on_one_deal,
    edited={
        "quantity": ("1", "2", "7", "0.25"),
        "price": ("99", "1250.50", "0.333", None),
        "discount": (None, "5", "0.10"),
        "name": ("Renamed", "数量割引", "Rabatt & Söhne"),
        "commissionable": ("true", "false", None),
    },
)
