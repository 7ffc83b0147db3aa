"""What a company's deal properties are used for, so that nothing of ours is written into somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg

# A mapping names its properties as keys, a formula in its text: any name within the documents is taken for a use.
_USES = """
SELECT p.name, CASE
    WHEN p.name LIKE 'hs\\_%%' OR p.name = ANY (%(read)s) THEN 'is HubSpot''s own, and the sync reads it'
    WHEN EXISTS (SELECT FROM property_catalog c WHERE c.integration_id = i.id AND c.object_type = 'deals'
                 AND c.name = p.name AND c.hubspot_defined) THEN 'is HubSpot''s own'
    WHEN i.fx_anchor = 'property:' || p.name THEN 'dates the company''s exchange rates (fx_anchor)'
    WHEN EXISTS (
        SELECT FROM jsonb_path_query(jsonb_build_array(i.property_mappings, i.calculated_fields),
                                     '$.** ? (@.type() == "object").keyvalue().key') k WHERE k #>> '{}' = p.name
        UNION ALL
        SELECT FROM jsonb_path_query(jsonb_build_array(i.property_mappings, i.calculated_fields),
                                     '$.** ? (@.type() == "string")') s
        WHERE p.name = ANY (regexp_split_to_array(s #>> '{}', '[^A-Za-z0-9_]+'))
    ) THEN 'is read by the company''s mapping or formulas'
END AS use
FROM crm_integrations i CROSS JOIN unnest(%(names)s::text[]) AS p (name)
WHERE i.id = %(integration_id)s
"""


def uses_of_properties(
    conn: psycopg.Connection, integration_id: UUID, names: Sequence[str], read: Sequence[str]
) -> dict[str, str]:
    """Return for each named deal property that somebody else writes or that counts as an input, what it is used for.

    :param read: the properties that the sync itself reads
    """
    values = {"integration_id": integration_id, "names": list(names), "read": list(read)}
    return {name: use for name, use in conn.execute(_USES, values) if use is not None}
