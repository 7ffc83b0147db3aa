CREATE TYPE sync_status AS ENUM ('idle', 'syncing', 'error');

CREATE TABLE crm_integrations (
    id uuid CONSTRAINT pk_crm_integrations PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id text NOT NULL,
    portal_id bigint NOT NULL CONSTRAINT uq_crm_integrations_portal_id UNIQUE,
    conn_id text NOT NULL,
    provider text NOT NULL DEFAULT 'hubspot',
    is_active boolean NOT NULL DEFAULT true,
    base_currency text NOT NULL DEFAULT 'USD',
    property_mappings jsonb NOT NULL DEFAULT '{}',
    calculated_fields jsonb NOT NULL DEFAULT '{}',
    feature_flags jsonb NOT NULL DEFAULT '{}',
    last_sync timestamptz,
    sync_cursor text,
    sync_status sync_status NOT NULL DEFAULT 'idle',
    last_error_message text,
    error_count integer NOT NULL DEFAULT 0,
    portal_currency text,
    portal_time_zone text,
    -- A hash of the token that was proven to belong to portal_id, so that it is proven once and not at every run.
    verified_token_fingerprint text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sync_cursors (
    integration_id uuid NOT NULL CONSTRAINT fk_sync_cursors_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    cursor_at timestamptz NOT NULL,
    cursor_id text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_sync_cursors PRIMARY KEY (integration_id, stream)
);

-- Money and rates are numeric without precision: it keeps every digit that HubSpot gives.
CREATE TABLE deals (
    id uuid CONSTRAINT pk_deals PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_deals_integration_id REFERENCES crm_integrations,
    company_id text NOT NULL,
    crm_id text NOT NULL,
    name text,
    amount numeric,
    currency text,
    amount_base numeric,
    fx_rate numeric,
    fx_rate_date date,
    pipeline text,
    stage text,
    is_closed boolean,
    is_won boolean,
    owner_crm_id text,
    closed_at timestamptz,
    properties jsonb NOT NULL DEFAULT '{}',
    mapped jsonb NOT NULL DEFAULT '{}',
    calculated jsonb NOT NULL DEFAULT '{}',
    content_hash bytea NOT NULL DEFAULT '\x',
    crm_created_at timestamptz,
    crm_updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    merged_into_crm_id text,
    synced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_deals_integration_id_crm_id UNIQUE (integration_id, crm_id)
);

CREATE TABLE sync_runs (
    id uuid CONSTRAINT pk_sync_runs PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_sync_runs_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    mode text NOT NULL,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    try_number integer NOT NULL,
    window_from timestamptz,
    window_to timestamptz,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    state text NOT NULL DEFAULT 'running'
        CONSTRAINT ck_sync_runs_state CHECK (state IN ('running', 'success', 'failed', 'abandoned')),
    fetched bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    stale bigint NOT NULL DEFAULT 0,
    archived bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    api_calls bigint NOT NULL DEFAULT 0,
    api_wait_ms bigint NOT NULL DEFAULT 0,
    error text
);
CREATE INDEX ix_sync_runs_integration_id_stream_started_at ON sync_runs (integration_id, stream, started_at);
CREATE INDEX ix_sync_runs_dag_id_run_id ON sync_runs (dag_id, run_id);

CREATE TABLE sync_receipts (
    id uuid CONSTRAINT pk_sync_receipts PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_sync_receipts_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    sync_run_id uuid NOT NULL CONSTRAINT fk_sync_receipts_sync_run_id REFERENCES sync_runs,
    -- dag_id/run_id: what all tries of one run share, and by which a retry finds what was proven before.
    run_key text NOT NULL,
    window_from timestamptz,
    window_to timestamptz NOT NULL,
    announced bigint NOT NULL DEFAULT 0,
    landed bigint NOT NULL DEFAULT 0,
    -- [[after, upto], ...]: the intervals of record ids whose rows are committed.
    covered jsonb NOT NULL DEFAULT '[]',
    opened_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
CREATE INDEX ix_sync_receipts_integration_id_stream_run_key ON sync_receipts (integration_id, stream, run_key);
CREATE INDEX ix_sync_receipts_integration_id_stream_window_to ON sync_receipts (integration_id, stream, window_to);

CREATE TABLE sync_rejects (
    id uuid CONSTRAINT pk_sync_rejects PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_sync_rejects_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    crm_id text NOT NULL,
    payload jsonb NOT NULL,
    reason text NOT NULL,
    sync_run_id uuid CONSTRAINT fk_sync_rejects_sync_run_id REFERENCES sync_runs,
    attempts integer NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX uq_sync_rejects_open ON sync_rejects (integration_id, stream, crm_id) WHERE resolved_at IS NULL;

CREATE TABLE audit_log (
    id bigserial CONSTRAINT pk_audit_log PRIMARY KEY,
    -- No foreign keys: they would be checked once per change, and the log must be able to outlive what it tells of.
    integration_id uuid NOT NULL,
    entity text NOT NULL,
    entity_id text NOT NULL,
    action text NOT NULL,
    -- {property: [old, new]}; empty for an insert, as every later state can be walked back to it.
    changes jsonb NOT NULL DEFAULT '{}',
    actor text NOT NULL,
    sync_run_id uuid,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_audit_log_integration_id_entity_entity_id_at ON audit_log (integration_id, entity, entity_id, at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE property_catalog (
    integration_id uuid NOT NULL CONSTRAINT fk_property_catalog_integration_id REFERENCES crm_integrations,
    object_type text NOT NULL,
    name text NOT NULL,
    label text NOT NULL,
    type text NOT NULL,
    field_type text NOT NULL,
    group_name text NOT NULL,
    calculated boolean NOT NULL,
    read_only boolean NOT NULL,
    options jsonb NOT NULL DEFAULT '[]',
    archived_at timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    fetched_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_property_catalog PRIMARY KEY (integration_id, object_type, name)
);
