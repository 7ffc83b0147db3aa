-- One unit of `base` is `rate` units of `quote`, as the source published it: every digit, and never its inverse.
CREATE TABLE fx_rates (
    source text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    rate_date date NOT NULL,
    rate numeric NOT NULL CONSTRAINT ck_fx_rates_rate CHECK (rate > 0 AND rate < 'Infinity'),
    fetched_at timestamptz NOT NULL DEFAULT now(),
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT uq_fx_rates_id UNIQUE,
    CONSTRAINT pk_fx_rates PRIMARY KEY (source, base, quote, rate_date)
);
CREATE INDEX ix_fx_rates_source_rate_date ON fx_rates (source, rate_date);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fx_rates
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a source says of a rate that it published otherwise before. It counts once a person has set accepted_at.
CREATE TABLE fx_rate_corrections (
    fx_rate_id bigint NOT NULL CONSTRAINT fk_fx_rate_corrections_fx_rate_id REFERENCES fx_rates (id),
    rate numeric NOT NULL CONSTRAINT ck_fx_rate_corrections_rate CHECK (rate > 0 AND rate < 'Infinity'),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz,
    accepted_by text,
    CONSTRAINT pk_fx_rate_corrections PRIMARY KEY (fx_rate_id, rate),
    CONSTRAINT ck_fx_rate_corrections_accepted CHECK ((accepted_at IS NULL) = (accepted_by IS NULL))
);

CREATE VIEW fx_rates_in_force AS
SELECT r.id, r.source, r.base, r.quote, r.rate_date, coalesce(accepted.rate, r.rate) AS rate
FROM fx_rates r LEFT JOIN LATERAL (
    SELECT c.rate FROM fx_rate_corrections c
    WHERE c.fx_rate_id = r.id AND c.accepted_at IS NOT NULL
    ORDER BY c.accepted_at DESC LIMIT 1
) accepted ON true;

CREATE TABLE fx_rate_rejects (
    id uuid CONSTRAINT pk_fx_rate_rejects PRIMARY KEY DEFAULT gen_random_uuid(),
    source text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    rate_date date NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX uq_fx_rate_rejects_open ON fx_rate_rejects (source, base, quote, rate_date)
    WHERE resolved_at IS NULL;

CREATE TABLE fx_fetches (
    id uuid CONSTRAINT pk_fx_fetches PRIMARY KEY DEFAULT gen_random_uuid(),
    source text NOT NULL,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    try_number integer NOT NULL,
    days_from date,
    days_to date,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    state text NOT NULL DEFAULT 'running'
        CONSTRAINT ck_fx_fetches_state CHECK (state IN ('running', 'success', 'failed')),
    inserted bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    corrected bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    error text
);
CREATE INDEX ix_fx_fetches_source_started_at ON fx_fetches (source, started_at);

ALTER TABLE crm_integrations
    -- close_date, create_date, property:NAME (a HubSpot property) or mapped:NAME (a mapped field).
    ADD COLUMN fx_anchor text NOT NULL DEFAULT 'close_date'
        CONSTRAINT ck_crm_integrations_fx_anchor CHECK (fx_anchor ~ '^(close_date|create_date|(property|mapped):.+)$'),
    ADD COLUMN fx_drift_threshold numeric NOT NULL DEFAULT 0.05
        CONSTRAINT ck_crm_integrations_fx_drift_threshold CHECK (fx_drift_threshold > 0);

ALTER TABLE deals
    ADD COLUMN fx_pair text,
    ADD COLUMN fx_source text,
    ADD COLUMN fx_rate_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN fx_anchor_date date,
    ADD COLUMN fx_waiting text,
    ADD COLUMN fx_frozen_at timestamptz;
CREATE INDEX ix_deals_fx_waiting ON deals (integration_id) WHERE fx_waiting IS NOT NULL;

-- Written by the commission engine, read by us.
CREATE TABLE deal_commissions (
    deal_id uuid CONSTRAINT pk_deal_commissions PRIMARY KEY
        CONSTRAINT fk_deal_commissions_deal_id REFERENCES deals,
    amount numeric,
    currency text,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_deal_commissions_status CHECK (status IN ('pending', 'approved', 'paid', 'cancelled')),
    approved_date date,
    paid boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A deal is frozen in the transaction that approves its commission: a conversion side by side waits for the deal's row
-- and then sees that it is frozen. Deals are locked in the order in which a merge locks them.
CREATE FUNCTION freeze_fx() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    WITH standing AS MATERIALIZED (
        SELECT d.id, coalesce(c.status IN ('approved', 'paid') OR c.paid, false) AS is_frozen
        FROM deals d JOIN touched t ON t.deal_id = d.id LEFT JOIN deal_commissions c ON c.deal_id = d.id
        ORDER BY d.integration_id, d.crm_id
        FOR UPDATE OF d
    )
    UPDATE deals d SET fx_frozen_at = CASE WHEN s.is_frozen THEN now() END
    FROM standing s WHERE d.id = s.id AND s.is_frozen <> (d.fx_frozen_at IS NOT NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER freeze_fx_on_insert AFTER INSERT ON deal_commissions REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION freeze_fx();
CREATE TRIGGER freeze_fx_on_update AFTER UPDATE ON deal_commissions REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION freeze_fx();
CREATE TRIGGER freeze_fx_on_delete AFTER DELETE ON deal_commissions REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION freeze_fx();

-- A HubSpot value as the day it means in a time zone; null where it means none, as one bad value must not stop a batch.
CREATE FUNCTION fx_date(value text, zone text) RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE
        WHEN value ~ '^\d{4}-\d{2}-\d{2}$' THEN value::date
        WHEN value ~ '^\d{12,14}$' THEN (to_timestamp(value::numeric / 1000) AT TIME ZONE zone)::date
        WHEN value ~ '^\d{4}-\d{2}-\d{2}T' THEN (value::timestamptz AT TIME ZONE zone)::date
    END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- A number as HubSpot writes it; null for anything else.
CREATE FUNCTION fx_number(value text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value ~ '^-?\d{1,60}(\.\d{1,100})?$' THEN value::numeric END
$$;

CREATE VIEW deals_waiting_for_rate AS
SELECT d.integration_id, d.company_id, d.id AS deal_id, d.crm_id, d.name, d.amount, d.currency, i.base_currency,
       d.fx_anchor_date, d.fx_waiting AS reason
FROM deals d JOIN crm_integrations i ON i.id = d.integration_id
WHERE d.fx_waiting IS NOT NULL AND d.archived_at IS NULL AND d.merged_into_crm_id IS NULL;

-- HubSpot's own rate is into the portal's currency, so it can be compared only where the company uses the same one.
CREATE VIEW deals_fx_drift AS
SELECT d.integration_id, d.company_id, d.id AS deal_id, d.crm_id, d.currency, i.base_currency, d.amount, d.amount_base,
       d.fx_rate, d.fx_rate_date, d.fx_source, h.rate AS hubspot_rate, round(d.fx_rate / h.rate - 1, 6) AS drift,
       i.fx_drift_threshold AS threshold
FROM deals d
JOIN crm_integrations i ON i.id = d.integration_id AND i.portal_currency = i.base_currency
CROSS JOIN LATERAL (
    SELECT nullif(coalesce(
        fx_number(d.properties ->> 'hs_exchange_rate'),
        round(fx_number(d.properties ->> 'amount_in_home_currency') / nullif(d.amount, 0), 12)
    ), 0) AS rate
) h
WHERE d.fx_source <> 'identity' AND abs(d.fx_rate / h.rate - 1) > i.fx_drift_threshold
  AND d.archived_at IS NULL AND d.merged_into_crm_id IS NULL;
