"""The deal properties that a portal has to begin with, as HubSpot's property API describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

GROUP = "dealinformation"
CREATED = "2023-01-01T00:00:00Z"

_FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "datetime": "date",
    "date": "date",
    "bool": "booleancheckbox",
    "enumeration": "select",
}

_DEFINED = {
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
}
_READ_ONLY = {
    "hs_object_id": "number",
    "createdate": "datetime",
    "hs_lastmodifieddate": "datetime",
    "hs_merged_object_ids": "enumeration",
    "hs_object_source": "string",
}
_CALCULATED = {
    "hs_is_closed": "bool",
    "hs_is_closed_won": "bool",
    "hs_is_closed_lost": "bool",
    "hs_exchange_rate": "number",
    "amount_in_home_currency": "number",
    "hs_time_in_closedwon": "number",
    "hs_time_in_qualifiedtobuy": "number",
    "hs_deal_stage_probability": "number",
}
_CUSTOM = {
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
}
_OPTIONS = {
    "deal_currency_code": ("USD", "EUR", "GBP", "JPY", "KWD"),
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
}
_TEXT_AREAS = {"description", "commission_split_notes"}


def deal_properties() -> dict[str, dict[str, Any]]:
    """Return the definitions by name."""
    kinds: tuple[tuple[dict[str, str], dict[str, bool]], ...] = (
        (_DEFINED, {}),
        (_READ_ONLY, {"read_only": True}),
        (_CALCULATED, {"calculated": True}),
    )
    found = {name: _definition(name, kind, **marks) for names, marks in kinds for name, kind in names.items()}
    return found | {name: _definition(name, kind, custom=True) for name, kind in _CUSTOM.items()}


def options(values: Iterable[str]) -> list[dict[str, Any]]:
    """Return enumeration options in HubSpot's shape."""
    return [
        {"label": value.title(), "value": value, "displayOrder": n, "hidden": False} for n, value in enumerate(values)
    ]


def completed(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition as HubSpot gives it back once it is created."""
    return {
        "description": "",
        "displayOrder": -1,
        "options": [],
        "calculated": False,
        "externalOptions": False,
        "hasUniqueValue": False,
        "hidden": False,
        "formField": False,
        "hubspotDefined": False,
        "archived": False,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        "createdAt": CREATED,
        "updatedAt": CREATED,
        **definition,
    }


def _definition(
    name: str, kind: str, *, read_only: bool = False, calculated: bool = False, custom: bool = False
) -> dict[str, Any]:
    field_type = "textarea" if name in _TEXT_AREAS else _FIELD_TYPES[kind]
    if name == "product_families":
        field_type = "checkbox"
    fixed = read_only or calculated
    return completed(
        {
            "name": name,
            "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
            "type": kind,
            "fieldType": "calculation_equation" if calculated and kind == "number" else field_type,
            "groupName": GROUP,
            "options": options(("true", "false") if kind == "bool" else _OPTIONS.get(name, ())),
            "calculated": calculated,
            "externalOptions": name == "hubspot_owner_id",
            "hubspotDefined": not custom,
            "modificationMetadata": {
                "archivable": custom,
                "readOnlyDefinition": not custom,
                "readOnlyValue": fixed,
            },
        }
    )
