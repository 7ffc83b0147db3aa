"""Whether what is there can be what it says."""

from typing import LiteralString

from commission_sync.quality.dimension import DEALS, EVERY_TABLE, LINE_ITEMS, Dimension, Rule, record_rule

# A record that could not become a row weighs what its payload says, where that can be read.
_REJECTED: LiteralString = """
SELECT x.crm_id,
       greatest(coalesce(r.weight, abs(fx_number(x.payload -> 'properties' ->> 'amount')), t.money), 1) AS money,
       format('HubSpot''s record could not be stored: %%s', x.reason) AS what, r.crm_id IS NULL AS is_new
FROM sync_rejects x LEFT JOIN quality_records r ON r.crm_id = x.crm_id CROSS JOIN quality_typical t
WHERE x.integration_id = %(integration_id)s AND x.stream = %(stream)s AND x.resolved_at IS NULL
"""

# What is calculated from a field without a sound value is no further problem.
_PROBLEMS = """
SELECT r.crm_id, r.weight AS money, format('its field %%s has no sound value: %%s', p.field, p.reason) AS what
FROM quality_problems p JOIN quality_records r ON r.crm_id = p.crm_id
WHERE NOT p.is_missing
  AND (p.is_mapped OR NOT EXISTS (SELECT FROM quality_problems q WHERE q.crm_id = p.crm_id AND q.is_mapped))
"""

# A field that is broken for all deals costs its share of all fields.
_BROKEN = """
SELECT NULL AS crm_id, f.share * (SELECT coalesce(sum(weight), 0) FROM quality_records) AS money,
       format('the mapping of %%s is broken for all deals: %%s', b.field, string_agg(b.message, '; ')) AS what
FROM mapping_breaches b CROSS JOIN (
    SELECT 1.0 / greatest((SELECT count(*) FROM quality_fields), 1) AS share
) f
WHERE b.integration_id = %(integration_id)s AND b.resolved_at IS NULL AND b.is_error
GROUP BY b.field, f.share
"""

_UNKNOWN_CURRENCY: LiteralString = "r.currency <> ALL (%(currencies)s)"
_SAYS_CURRENCY: LiteralString = "format('%%s is no currency of ISO 4217', r.currency)"

VALIDITY = Dimension(
    "validity",
    20,
    (
        Rule("rejected", "SELECT crm_id, money, what FROM (" + _REJECTED + ") rejected", EVERY_TABLE),
        Rule("field_unsound", _PROBLEMS, DEALS),
        Rule("mapping_broken", _BROKEN, DEALS),
        record_rule("currency_unknown", _UNKNOWN_CURRENCY, _SAYS_CURRENCY, tables=DEALS | LINE_ITEMS),
        record_rule(
            "owner_unknown",
            "r.owner_crm_id IS NOT NULL AND EXISTS (SELECT FROM crm_owners WHERE integration_id = %(integration_id)s) "
            "AND NOT EXISTS (SELECT FROM crm_owners o WHERE o.integration_id = %(integration_id)s "
            "AND o.crm_id = r.owner_crm_id)",
            "format('the portal has no owner %%s', r.owner_crm_id)",
            tables=DEALS,
        ),
        record_rule(
            "stage_unknown",
            "EXISTS (SELECT FROM crm_stages WHERE integration_id = %(integration_id)s) AND NOT EXISTS (SELECT "
            "FROM crm_stages s WHERE s.integration_id = %(integration_id)s AND s.pipeline = r.pipeline "
            "AND s.stage = r.stage)",
            "format('the portal has no stage %%s in a pipeline %%s', coalesce(r.stage, 'without name'), "
            "coalesce(r.pipeline, 'without name'))",
            tables=DEALS,
        ),
    ),
    money="(SELECT coalesce(sum(weight), 0) FROM quality_records) + "
    "(SELECT coalesce(sum(money), 0) FROM (" + _REJECTED + ") rejected WHERE is_new)",
    unknown="CASE WHEN NOT EXISTS (SELECT FROM quality_records) AND NOT EXISTS ("
    + _REJECTED
    + ") THEN 'no record is stored' END",
)
