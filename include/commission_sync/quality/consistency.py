"""Whether figures that speak of the same thing agree."""

from commission_sync.quality.dimension import ACTIVITIES, DEALS, LINE_ITEMS, Dimension, Rule, record_rule
from commission_sync.quality.subject import OBJECTS

# A cent for each line item is what rounding them one by one may come to. Line items in another currency than their
# deal's are found on their own.
_TOTALS_DIFFER = """
SELECT r.crm_id, r.weight AS money,
       format('its %%s line items add up to %%s, its amount is %%s', i.items, i.total, r.amount) AS what
FROM quality_records r JOIN (
    SELECT deal_id, count(*) AS items, coalesce(sum(total), 0) AS total, array_agg(DISTINCT currency) AS currencies
    FROM deal_line_items WHERE integration_id = %(integration_id)s AND archived_at IS NULL AND deal_id IS NOT NULL
    GROUP BY deal_id
) i ON i.deal_id = r.id
WHERE NOT r.is_lost AND abs(i.total - r.amount) > 0.01 * i.items AND i.currencies <@ ARRAY[r.currency]
"""

# HubSpot gives shares of 1 with eight decimals.
_SPLITS_DIFFER = """
SELECT r.crm_id, r.weight AS money,
       format('it is split among %%s owners, whose shares add up to %%s %%%%', p.owners, trim_scale(p.total * 100))
           AS what
FROM quality_records r JOIN (
    SELECT deal_id, count(*) AS owners, sum(percentage) AS total
    FROM deal_splits WHERE integration_id = %(integration_id)s AND archived_at IS NULL GROUP BY deal_id
) p ON p.deal_id = r.id
WHERE NOT r.is_lost AND abs(p.total - 1) > 0.0000001
"""

_WAITS = "format('it names deal %%s, which is not stored', r.waits_for)"

CONSISTENCY = Dimension(
    "consistency",
    25,
    (
        Rule("line_items_differ", _TOTALS_DIFFER, DEALS, feature="line_items"),
        record_rule(
            "won_without_amount", "r.is_won AND r.amount IS NULL", "'the deal is won and has no amount'", tables=DEALS
        ),
        Rule("splits_differ", _SPLITS_DIFFER, DEALS),
        record_rule(
            "without_deal",
            "r.deal_id IS NULL AND r.named_deal IS NULL",
            "CASE WHEN r.detached_at IS NULL THEN 'the line item hangs on no deal' "
            "ELSE 'the line item was taken off its deal' END",
            tables=LINE_ITEMS,
        ),
        record_rule(
            "deal_missing",
            "r.deal_id IS NULL AND r.named_deal IS NOT NULL",
            "format('it names deal %%s, which is not stored', r.named_deal)",
            tables=LINE_ITEMS,
        ),
        record_rule(
            "currency_differs",
            "r.currency <> r.deal_currency",
            "format('it is in %%s, its deal %%s in %%s', r.currency, r.deal, r.deal_currency)",
            tables=LINE_ITEMS,
        ),
        record_rule("deal_missing", "r.waits_for IS NOT NULL", _WAITS, tables=ACTIVITIES | {OBJECTS.table}),
    ),
)
