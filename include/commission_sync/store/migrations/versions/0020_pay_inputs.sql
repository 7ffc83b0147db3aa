-- What affects pay is watched whether or not a company maps anything: the deal's own pay columns, its splits and live
-- line items, the mapped and calculated fields, and every property that a mapping or a formula reads.

-- The deal properties that a company's mappings and formulas name, without those that commissions are written into.
CREATE FUNCTION pay_property_names(integration uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT c.name ORDER BY c.name), '{}')
    FROM crm_integrations i
    CROSS JOIN LATERAL (SELECT jsonb_build_array(i.property_mappings, i.calculated_fields) AS document) m
    JOIN property_catalog c ON c.integration_id = i.id AND c.object_type = 'deals'
    WHERE i.id = integration AND (
        c.name = ANY (ARRAY(SELECT k #>> '{}' FROM jsonb_path_query(
            m.document, '$.** ? (@.type() == "object").keyvalue().key') k))
        OR c.name = ANY (ARRAY(SELECT unnest(regexp_split_to_array(s #>> '{}', '[^A-Za-z0-9_]+'))
                               FROM jsonb_path_query(m.document, '$.** ? (@.type() == "string")') s)))
      AND c.name NOT IN ('commission_amount', 'commission_status', 'commission_approved_date', 'commission_paid')
      AND NOT EXISTS (SELECT FROM jsonb_each_text(coalesce(i.writeback_settings -> 'properties', '{}')) w
                      WHERE w.value = c.name)
$$;

CREATE FUNCTION commission_inputs(d deals, names text[], mapping integer) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'mapping', mapping,
        'mapped', coalesce(d.mapped, '{}') || coalesce(d.calculated, '{}'),
        'read', (SELECT coalesce(jsonb_object_agg(n.name, coalesce(d.properties ->> n.name, '')), '{}')
                 FROM unnest(names) AS n (name)),
        'columns', jsonb_build_object(
            'amount', trim_scale(d.amount)::text, 'currency', d.currency, 'is_closed', d.is_closed, 'is_won', d.is_won,
            'owner_crm_id', d.owner_crm_id, 'closed_at', d.closed_at
        ),
        'parts', jsonb_build_object(
            'splits', (SELECT coalesce(jsonb_object_agg(s.owner_crm_id, trim_scale(s.percentage)::text), '{}')
                       FROM deal_splits s WHERE s.deal_id = d.id AND s.archived_at IS NULL),
            'line_items', (SELECT coalesce(jsonb_object_agg(l.crm_id, jsonb_build_array(
                               l.product_crm_id, trim_scale(l.quantity)::text, trim_scale(l.price)::text,
                               trim_scale(l.discount)::text, trim_scale(l.total)::text, l.currency)), '{}')
                           FROM deal_line_items l WHERE l.deal_id = d.id AND l.archived_at IS NULL)
        ),
        'record', jsonb_build_object('archived', d.archived_at IS NOT NULL, 'merged_into', d.merged_into_crm_id)
    )
$$;

CREATE FUNCTION active_mapping(integration uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT version FROM mapping_versions v WHERE v.integration_id = integration AND v.is_active
$$;

CREATE OR REPLACE FUNCTION commission_inputs(d deals) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT commission_inputs(d, pay_property_names(d.integration_id), active_mapping(d.integration_id))
$$;

-- What was not kept at approval, or what the mapping has gained or lost since, is no change of the deal; nor is what
-- another mapping makes of the same deal.
CREATE OR REPLACE FUNCTION changed_inputs(before jsonb, after jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(old.value, new.value)), '{}')
    FROM jsonb_each(
             CASE WHEN before -> 'mapping' IS NOT DISTINCT FROM after -> 'mapping' OR NOT before ? 'mapping'
                  THEN before -> 'mapped' ELSE '{}' END
             || coalesce(before -> 'read', '{}') || (before -> 'columns') || coalesce(before -> 'parts', '{}')
             || (before -> 'record')) old
         JOIN jsonb_each((after -> 'mapped') || (after -> 'read') || (after -> 'columns') || (after -> 'parts')
                         || (after -> 'record')) new USING (key)
    WHERE old.value <> new.value
$$;

-- As before, but what a company's mapping reads is found out once for all of its deals.
CREATE OR REPLACE FUNCTION take_fingerprints() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE moved uuid[] := '{}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- A commission that a merge moves to the survivor keeps its fingerprint, which moves as well.
        moved := ARRAY(SELECT deal_id FROM touched EXCEPT SELECT deal_id FROM was);
    END IF;
    DELETE FROM commission_fingerprints f USING touched t
    WHERE f.deal_id = t.deal_id AND NOT (t.status IN ('approved', 'paid') OR t.paid);
    UPDATE commission_reviews r
    SET state = 'reopen', decided_by = 'commission engine', decided_at = now(), updated_at = now()
    FROM touched t
    WHERE r.deal_id = t.deal_id AND r.state = 'open' AND NOT (t.status IN ('approved', 'paid') OR t.paid);
    WITH companies AS MATERIALIZED (
        SELECT i.id, pay_property_names(i.id) AS names, active_mapping(i.id) AS mapping
        FROM crm_integrations i
        WHERE i.id IN (SELECT d.integration_id FROM touched t JOIN deals d ON d.id = t.deal_id)
    )
    INSERT INTO commission_fingerprints (deal_id, integration_id, inputs, fingerprint)
    SELECT d.id, d.integration_id, i.inputs, commission_fingerprint(i.inputs)
    FROM touched t JOIN deals d ON d.id = t.deal_id JOIN companies c ON c.id = d.integration_id,
         LATERAL (SELECT commission_inputs(d, c.names, c.mapping) AS inputs) i
    WHERE (t.status IN ('approved', 'paid') OR t.paid) AND NOT (t.deal_id = ANY (moved))
    ON CONFLICT (deal_id) DO NOTHING;
    RETURN NULL;
END
$$;

-- Fingerprints are the trigger's alone. These two rewrite one only where that takes nothing from anybody's sight: where
-- the deal has not changed, and where a person has just decided on its change.
CREATE FUNCTION adopt_fingerprints(integration uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    UPDATE commission_fingerprints f SET inputs = n.inputs, fingerprint = commission_fingerprint(n.inputs)
    FROM deals d,
         LATERAL (SELECT commission_inputs(d, pay_property_names(integration), active_mapping(integration)) AS inputs) n
    WHERE f.integration_id = integration AND d.id = f.deal_id AND f.fingerprint <> commission_fingerprint(n.inputs)
      AND changed_inputs(f.inputs, n.inputs) = '{}'
$$;

CREATE FUNCTION retake_fingerprint(deal uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    UPDATE commission_fingerprints f
    SET inputs = i.inputs, fingerprint = commission_fingerprint(i.inputs), taken_at = now()
    FROM deals d, LATERAL (SELECT commission_inputs(d) AS inputs) i
    WHERE f.deal_id = deal AND d.id = deal
      AND EXISTS (SELECT FROM commission_reviews r WHERE r.deal_id = deal AND r.state <> 'open' AND r.decided_at = now())
$$;

CREATE OR REPLACE FUNCTION decide_review(review uuid, decision text, who text, why text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE decided uuid;
BEGIN
    IF decision NOT IN ('keep', 'reopen', 'offset') THEN
        RAISE EXCEPTION 'decision % is unknown: use keep, reopen or offset', quote_literal(decision);
    END IF;
    UPDATE commission_reviews
    SET state = decision, decided_by = who, note = why, decided_at = now(), updated_at = now()
    WHERE id = review AND state = 'open' RETURNING deal_id INTO decided;
    IF decided IS NULL THEN
        RAISE EXCEPTION 'review % is not open', review;
    END IF;
    PERFORM retake_fingerprint(decided);
END
$$;
