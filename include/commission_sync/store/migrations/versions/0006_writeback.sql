-- Names of properties, policies and caps; docs/writeback.md lists the keys.
ALTER TABLE crm_integrations ADD COLUMN writeback_settings jsonb NOT NULL DEFAULT '{}';

CREATE TABLE writeback_plans (
    id uuid CONSTRAINT pk_writeback_plans PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_writeback_plans_integration_id REFERENCES crm_integrations,
    kind text NOT NULL DEFAULT 'write' CONSTRAINT ck_writeback_plans_kind CHECK (kind IN ('write', 'undo')),
    undoes_run_id text,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    -- planned: may be applied. dry_run: shows what would be. Its rows say how an applied plan went.
    state text NOT NULL
        CONSTRAINT ck_writeback_plans_state CHECK (state IN
            ('dry_run', 'planned', 'awaiting_approval', 'rejected', 'expired', 'superseded', 'applied')),
    -- Why a person has to agree; null where nobody has to.
    approval_reason text,
    -- Rows of a plan are told from those of another by it: an unchanged dry run is not written again.
    digest bytea NOT NULL,
    rows integer NOT NULL,
    -- {currency: {rows, old, new, moved, all}}: numbers as strings; `all` sums every commission of the company.
    totals jsonb NOT NULL DEFAULT '{}',
    -- {amount: property name in HubSpot, ...}
    property_names jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    -- When a process last worked on it: a plan whose process died can be taken over.
    worked_at timestamptz,
    applied_at timestamptz
);
CREATE INDEX ix_writeback_plans_integration_id_created_at ON writeback_plans (integration_id, created_at);

CREATE TABLE commission_writebacks (
    id uuid CONSTRAINT pk_commission_writebacks PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_commission_writebacks_integration_id REFERENCES crm_integrations,
    plan_id uuid NOT NULL CONSTRAINT fk_commission_writebacks_plan_id REFERENCES writeback_plans,
    deal_id uuid NOT NULL CONSTRAINT fk_commission_writebacks_deal_id REFERENCES deals,
    -- The record that is written: the survivor, when the deal was merged away.
    crm_id text NOT NULL,
    merged_from_crm_id text,
    -- What HubSpot is to have, what it had when the plan was made, what it had when the row was settled, and what it
    -- had once it agreed, by our write or by itself: {property: string}, null or '' for no value.
    properties jsonb NOT NULL,
    before jsonb NOT NULL DEFAULT '{}',
    observed jsonb,
    stored jsonb,
    -- HubSpot's modified time of the deal that `stored`, or else `observed`, is from.
    crm_updated_at timestamptz,
    state text NOT NULL
        CONSTRAINT ck_commission_writebacks_state CHECK (state IN
            ('pending', 'awaiting_approval', 'sent', 'failed', 'conflict', 'skipped')),
    attempts integer NOT NULL DEFAULT 0,
    -- From the attempt until its outcome is kept: HubSpot may have it, although nobody saw the answer.
    unanswered boolean NOT NULL DEFAULT false,
    last_error text,
    correlation_id text,
    -- [{property, value, at, source, by}]: whose change stands against ours.
    conflict jsonb,
    -- A person's word on a conflict or a failure: ours, theirs or dismissed.
    resolution text
        CONSTRAINT ck_commission_writebacks_resolution CHECK (resolution IN ('ours', 'theirs', 'dismissed')),
    resolved_by text,
    -- {property: [written, found]}, when a later reading found something else.
    mismatch jsonb,
    near_misses integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempted_at timestamptz,
    settled_at timestamptz,
    sent_at timestamptz,
    verified_at timestamptz,
    echoed_at timestamptz,
    superseded_at timestamptz
);
CREATE INDEX ix_commission_writebacks_deal_id_created_at ON commission_writebacks (deal_id, created_at);
CREATE INDEX ix_commission_writebacks_plan_id_state ON commission_writebacks (plan_id, state);
-- Writes whose echo has not come back yet: few, and asked for by every merge of deals.
CREATE INDEX ix_commission_writebacks_awaited ON commission_writebacks (integration_id, crm_id)
    WHERE state = 'sent' AND echoed_at IS NULL;
CREATE INDEX ix_commission_writebacks_unverified ON commission_writebacks (integration_id, sent_at)
    WHERE state = 'sent' AND verified_at IS NULL;

CREATE VIEW writeback_problems AS
SELECT w.id, w.integration_id, i.company_id, w.plan_id, w.deal_id, w.crm_id, w.state, w.attempts, w.last_error,
       w.conflict, w.properties, w.observed, w.correlation_id, w.created_at, w.attempted_at
FROM commission_writebacks w JOIN crm_integrations i ON i.id = w.integration_id
WHERE w.state IN ('failed', 'conflict') AND w.superseded_at IS NULL AND w.resolution IS NULL;

-- What an approved commission was worked out from, as it was in the transaction that approved it.
CREATE TABLE commission_fingerprints (
    deal_id uuid CONSTRAINT pk_commission_fingerprints PRIMARY KEY
        CONSTRAINT fk_commission_fingerprints_deal_id REFERENCES deals,
    integration_id uuid NOT NULL CONSTRAINT fk_commission_fingerprints_integration_id REFERENCES crm_integrations,
    inputs jsonb NOT NULL,
    fingerprint bytea NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_commission_fingerprints_integration_id ON commission_fingerprints (integration_id);

CREATE TABLE commission_reviews (
    id uuid CONSTRAINT pk_commission_reviews PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_commission_reviews_integration_id REFERENCES crm_integrations,
    deal_id uuid NOT NULL CONSTRAINT fk_commission_reviews_deal_id REFERENCES deals,
    -- {input: [at approval, now]}
    changes jsonb NOT NULL,
    commission_status text NOT NULL,
    state text NOT NULL DEFAULT 'open'
        CONSTRAINT ck_commission_reviews_state CHECK (state IN ('open', 'keep', 'reopen', 'offset', 'reverted')),
    note text,
    decided_by text,
    decided_at timestamptz,
    opened_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX uq_commission_reviews_open ON commission_reviews (deal_id) WHERE state = 'open';
CREATE INDEX ix_commission_reviews_integration_id_state ON commission_reviews (integration_id, state);

-- The mapped fields are what pay is worked out from; the columns stand in for them where nothing is mapped.
CREATE FUNCTION commission_inputs(d deals) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'mapped', d.mapped,
        'columns', jsonb_build_object(
            'amount', trim_scale(d.amount)::text, 'currency', d.currency, 'is_closed', d.is_closed, 'is_won', d.is_won,
            'owner_crm_id', d.owner_crm_id, 'closed_at', d.closed_at
        ),
        'record', jsonb_build_object('archived', d.archived_at IS NOT NULL, 'merged_into', d.merged_into_crm_id)
    )
$$;

CREATE FUNCTION commission_fingerprint(inputs jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(inputs::text, 'UTF8'))
$$;

-- A field that the mapping has gained or lost is a change of the mapping, not of the deal.
CREATE FUNCTION changed_inputs(before jsonb, after jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    WITH part AS (
        SELECT CASE WHEN before -> 'mapped' <> '{}' AND after -> 'mapped' <> '{}' THEN 'mapped' ELSE 'columns' END AS name
    )
    SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(old.value, new.value)), '{}')
    FROM part,
         jsonb_each((before -> part.name) || (before -> 'record')) old
         JOIN jsonb_each((after -> part.name) || (after -> 'record')) new USING (key)
    WHERE old.value <> new.value
$$;

-- Taken in the transaction that approves, so that no change can fall between the approval and the fingerprint. The
-- engine may be a role that has no rights on these tables.
CREATE FUNCTION take_fingerprints() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
    INSERT INTO commission_fingerprints (deal_id, integration_id, inputs, fingerprint)
    SELECT d.id, d.integration_id, i.inputs, commission_fingerprint(i.inputs)
    FROM touched t JOIN deals d ON d.id = t.deal_id, LATERAL (SELECT commission_inputs(d) AS inputs) i
    WHERE (t.status IN ('approved', 'paid') OR t.paid) AND NOT (t.deal_id = ANY (moved))
    ON CONFLICT (deal_id) DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER take_fingerprints_on_insert AFTER INSERT ON deal_commissions REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION take_fingerprints();
CREATE TRIGGER take_fingerprints_on_update AFTER UPDATE ON deal_commissions
    REFERENCING OLD TABLE AS was NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION take_fingerprints();

INSERT INTO commission_fingerprints (deal_id, integration_id, inputs, fingerprint)
SELECT d.id, d.integration_id, i.inputs, commission_fingerprint(i.inputs)
FROM deal_commissions c JOIN deals d ON d.id = c.deal_id, LATERAL (SELECT commission_inputs(d) AS inputs) i
WHERE c.status IN ('approved', 'paid') OR c.paid;

-- A person's word on a deal that changed after approval. What the deal is now is what later changes are held against.
CREATE FUNCTION decide_review(review uuid, decision text, who text, why text DEFAULT NULL) RETURNS void
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
    UPDATE commission_fingerprints f
    SET inputs = i.inputs, fingerprint = commission_fingerprint(i.inputs), taken_at = now()
    FROM deals d, LATERAL (SELECT commission_inputs(d) AS inputs) i
    WHERE f.deal_id = decided AND d.id = decided;
END
$$;

-- A person's word on a row that failed or is in conflict: write ours, let theirs stand, or do not try again.
CREATE FUNCTION decide_writeback(writeback uuid, decision text, who text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE commission_writebacks SET resolution = decision, resolved_by = who
    WHERE id = writeback AND state IN ('failed', 'conflict') AND superseded_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'write-back % is neither failed nor in conflict', writeback;
    END IF;
END
$$;
