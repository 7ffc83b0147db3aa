"""Whether HubSpot and the tables agree, as the last reconciliation compared them."""

from typing import LiteralString

from commission_sync.quality.dimension import Dimension, Rule

# A record more or less counts as an average one.
_CHECKS: LiteralString = """
SELECT c.what, c.hubspot, c.stored, c.at, CASE WHEN c.is_money THEN 1 ELSE coalesce(average.weight, 1) END AS each
FROM reconcile_checks c CROSS JOIN (SELECT avg(weight) AS weight FROM quality_records) average
WHERE c.integration_id = %(integration_id)s AND c.stream = %(stream)s AND c.at > %(now)s - interval '7 days'
  AND c.sync_run_id = (
    SELECT sync_run_id FROM reconcile_checks
    WHERE integration_id = %(integration_id)s AND stream = %(stream)s AND at <= %(now)s ORDER BY at DESC LIMIT 1)
"""

_DIFFERS = (
    "SELECT NULL AS crm_id, abs(c.hubspot - c.stored) * c.each AS money, "
    "format('%%s: %%s in HubSpot, %%s stored when they were compared, %%s UTC', c.what, c.hubspot, c.stored, "
    "to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS what FROM ("
    + _CHECKS
    + ") c WHERE c.hubspot <> c.stored"
)

PARITY = Dimension(
    "parity",
    15,
    (Rule("figures_differ", _DIFFERS),),
    money="(SELECT sum(greatest(abs(c.hubspot), abs(c.stored)) * c.each) FROM (" + _CHECKS + ") c)",
    unknown="CASE WHEN NOT EXISTS (SELECT FROM (" + _CHECKS + ") c WHERE c.hubspot <> 0 OR c.stored <> 0) "
    "THEN 'no figures were compared with HubSpot in the last 7 days' END",
)
