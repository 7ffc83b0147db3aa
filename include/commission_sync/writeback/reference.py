"""Writes `docs/hubspot-properties.md` from the declared properties: `python -m commission_sync.writeback.reference`."""

from __future__ import annotations

import sys
from pathlib import Path

from commission_sync.writeback.properties import PROPERTIES, Declared

_HEAD = """\
# Properties in HubSpot

<!-- Written by `make docs` from include/commission_sync/writeback/properties.py; edit that. -->

The write-back keeps these properties on deals, in the group `commissions`. It creates those that a portal lacks when
it first applies a plan (scope `crm.schemas.deals.write`) and checks the others: one that is read-only or of another
type stops the company's write-back before anything is written. A company may name them otherwise:

```sql
UPDATE crm_integrations
SET writeback_settings = writeback_settings || '{"properties": {"commission_amount": "provision"}}'
WHERE company_id = 'acme';
```

The sync reads them like any other property; they are no inputs of the commission. Values that people change in HubSpot
are treated as the company's `on_conflict` says: see [write-back](writeback.md).

| property | label | type | field type | from `deal_commissions` | no value |
|---|---|---|---|---|---|
"""

_SOURCES = {
    "commission_amount": ("`amount`, every digit", "the amount is null"),
    "commission_status": ("`status`", "never"),
    "commission_approved_date": ("`approved_date`, as midnight UTC of that day", "it is null"),
    "commission_paid": ("`paid`", "never"),
}


def document() -> str:
    """Return the page."""
    rows = "".join(_row(declared) for declared in PROPERTIES)
    return _HEAD + rows + "".join(_details(declared) for declared in PROPERTIES)


def _row(declared: Declared) -> str:
    source, absent = _SOURCES[declared.key]
    return (
        f"| `{declared.key}` | {declared.label} | `{declared.type}` | `{declared.field_type}` | {source} | {absent} |\n"
    )


def _details(declared: Declared) -> str:
    lines = [f"\n## `{declared.key}`\n", f"\n{declared.description}\n"]
    if declared.options:
        lines.append(f"\nOptions: {', '.join(f'`{value}` ({label})' for value, label in declared.options)}.\n")
    if declared.extra.get("showCurrencySymbol"):
        lines.append(
            "\nHubSpot shows it in the deal's currency (`deal_currency_code`) and knows no other for it: a plan\n"
            "tells how many of its commissions are in another.\n"
        )
    return "".join(lines)


def main(path: str = "docs/hubspot-properties.md") -> None:
    """Write the page."""
    Path(path).write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
