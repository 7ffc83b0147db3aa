"""Whether everything that HubSpot knew within the SLA is known here, and proven by receipts."""

from commission_sync.quality.dimension import Dimension, Rule

# Within the SLA nothing is lost; from there on evenly, until at ten times the SLA everything is. Time before the cursor
# that no complete receipt covers counts as so much delay.
_SHARE = "least(extract(epoch FROM {time}) / (9 * extract(epoch FROM %(sla)s::interval)), 1)"

_LATE = (
    "SELECT NULL AS crm_id, "
    + _SHARE.replace("{time}", "%(now)s - c.cursor_at - %(sla)s::interval")
    + """ * (SELECT sum(weight) FROM quality_records) AS money,
       format('complete only to %%s UTC, which is later than FRESHNESS_SLA_MINUTES allows',
              to_char(c.cursor_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS what
FROM quality_cursor c WHERE %(now)s - c.cursor_at > %(sla)s::interval
"""
)

_UNPROVEN = (
    "SELECT NULL AS crm_id, CASE WHEN lower_inf(g.gap) THEN 1 ELSE "
    + _SHARE.replace("{time}", "upper(g.gap) - lower(g.gap)")
    + """ END * (SELECT sum(weight) FROM quality_records) AS money,
       format('no complete receipt for what was modified from %%s to %%s UTC',
              coalesce(to_char(lower(g.gap) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'ever'),
              to_char(upper(g.gap) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS what
FROM quality_cursor c CROSS JOIN LATERAL unnest(
    tstzmultirange(tstzrange(NULL, c.cursor_at)) - coalesce((
        SELECT v.read FROM sync_coverage v WHERE v.integration_id = %(integration_id)s AND v.stream = %(stream)s), '{}')
) AS g (gap)
"""
)

FRESHNESS = Dimension("freshness", 15, (Rule("late", _LATE), Rule("receipt_missing", _UNPROVEN)))
