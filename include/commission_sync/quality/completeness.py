"""Whether what pay hangs on is there."""

from commission_sync.quality.dimension import ACTIVITIES, DEALS, LINE_ITEMS, Dimension, Rule, record_rule

# A mapped field of a deal that is required, and for which HubSpot has no value; others are a matter of validity.
_REQUIRED = """
SELECT r.crm_id, r.weight AS money, format('its mapped field %%s is empty: %%s', p.field, p.reason) AS what
FROM quality_problems p JOIN quality_records r ON r.crm_id = p.crm_id WHERE p.is_missing
"""

COMPLETENESS = Dimension(
    "completeness",
    25,
    (
        # A won deal without an amount contradicts itself, so it is a matter of consistency.
        record_rule(
            "amount_missing",
            "r.amount IS NULL AND NOT r.is_lost AND NOT r.is_won",
            "'the open deal has no amount'",
            tables=DEALS,
        ),
        record_rule(
            "close_date_missing", "r.closed_at IS NULL AND NOT r.is_lost", "'the deal has no close date'", tables=DEALS
        ),
        record_rule(
            "owner_missing", "r.owner_crm_id IS NULL AND NOT r.is_lost", "'the deal has no owner'", tables=DEALS
        ),
        record_rule(
            "currency_missing",
            "r.currency IS NULL AND r.amount IS NOT NULL AND NOT r.is_lost",
            "'the amount has no currency, and that of the portal is not known'",
            tables=DEALS,
        ),
        record_rule(
            "rate_missing",
            "r.fx_waiting IS NOT NULL AND r.currency = ANY (%(currencies)s) AND NOT r.is_lost",
            "format('no amount in the base currency: %%s', r.fx_waiting)",
            tables=DEALS,
            feature="fx",
        ),
        Rule("required_field_missing", _REQUIRED, DEALS),
        record_rule(
            "total_missing", "r.total IS NULL AND r.chance > 0", "'the line item has no total'", tables=LINE_ITEMS
        ),
        record_rule(
            "quantity_missing",
            "r.quantity IS NULL AND r.chance > 0",
            "'the line item has no quantity'",
            tables=LINE_ITEMS,
        ),
        record_rule("time_missing", "r.occurred_at IS NULL", "'nobody says when it was'", tables=ACTIVITIES),
    ),
)
