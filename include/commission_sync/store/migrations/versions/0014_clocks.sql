-- The record's modified time when its history was read: a record that was modified since has a history to be read again.
ALTER TABLE property_history_reads ADD COLUMN crm_updated_at timestamptz;

-- What the clocks of worker, database and HubSpot showed, where they differed by more than a minute.
ALTER TABLE sync_runs ADD COLUMN clock_warning text;

-- Deals that were edited during a first load had been left out, as histories were followed from its end on only.
UPDATE sync_cursors c SET cursor_at = least(c.cursor_at, r.began_at)
FROM (SELECT integration_id, min(window_to) AS began_at FROM sync_receipts
      WHERE stream = 'deals' AND window_from IS NULL GROUP BY 1) r
WHERE r.integration_id = c.integration_id AND c.stream = 'deals/history';

-- As before, but for two things. Before the oldest of twenty entries, as many as HubSpot is said to keep of a deal's
-- property, there may have been others, so that no entry does not mean no value. And our own writes, as they come back,
-- are changes to be walked back, too.
CREATE OR REPLACE FUNCTION deal_property_at(integration uuid, deal text, property_name text, as_of timestamptz)
RETURNS TABLE (value text, known_by text) LANGUAGE sql STABLE AS $$
WITH entries AS (
    SELECT count(*) AS kept, min(h.changed_at) AS oldest FROM property_history h
    WHERE h.integration_id = integration AND h.object_type = 'deals' AND h.crm_id = deal AND h.property = property_name
), history AS (
    SELECT (SELECT h.value FROM property_history h
            WHERE h.integration_id = integration AND h.object_type = 'deals' AND h.crm_id = deal
              AND h.property = property_name AND h.changed_at <= as_of
            ORDER BY h.changed_at DESC LIMIT 1) AS value
    FROM property_history_reads r, entries e
    WHERE r.integration_id = integration AND r.object_type = 'deals' AND r.crm_id = deal AND r.read_at >= as_of
      AND (e.oldest <= as_of OR e.kept BETWEEN 1 AND 19)
), seen AS (
    SELECT min(a.at) AS first_at FROM audit_log a
    WHERE a.integration_id = integration AND a.entity = 'deal' AND a.entity_id = deal
), next_change AS (
    SELECT a.changes -> property_name ->> 0 AS value FROM audit_log a
    WHERE a.integration_id = integration AND a.entity = 'deal' AND a.entity_id = deal AND a.at > as_of
      AND a.action IN ('update', 'echo') AND a.changes ? property_name
    ORDER BY a.at, a.id LIMIT 1
)
SELECT h.value, 'history' FROM history h
UNION ALL
SELECT CASE WHEN EXISTS (SELECT FROM next_change) THEN (SELECT n.value FROM next_change n)
            ELSE d.properties ->> property_name END,
       CASE WHEN as_of >= s.first_at THEN 'audit' ELSE 'assumed' END
FROM deals d, seen s
WHERE d.integration_id = integration AND d.crm_id = deal AND d.crm_created_at <= as_of
  AND NOT EXISTS (SELECT FROM history)
$$;
