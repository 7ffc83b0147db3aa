CREATE TABLE mapping_versions (
    id uuid CONSTRAINT pk_mapping_versions PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_mapping_versions_integration_id REFERENCES crm_integrations,
    version integer NOT NULL,
    property_mappings jsonb NOT NULL DEFAULT '{}',
    calculated_fields jsonb NOT NULL DEFAULT '{}',
    -- {property: {"label", "type"}} when it was saved, by which later changes in HubSpot are told.
    baseline jsonb NOT NULL DEFAULT '{}',
    -- {"property_mappings": {property: [old, new]}, "calculated_fields": {field: [old, new]}} against the one before.
    diff jsonb NOT NULL DEFAULT '{}',
    author text NOT NULL,
    note text NOT NULL DEFAULT '',
    is_active boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    activated_by text,
    -- When the stored deals had all been computed with it; null while that is still to be done.
    recomputed_at timestamptz,
    CONSTRAINT uq_mapping_versions_integration_id_version UNIQUE (integration_id, version)
);
CREATE UNIQUE INDEX uq_mapping_versions_active ON mapping_versions (integration_id) WHERE is_active;

-- {key: [old, new]} for every key whose values differ, as audit_log has it; what is no object has no keys.
CREATE FUNCTION json_difference(before jsonb, after jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(old.value, new.value)), '{}')
    FROM jsonb_each(CASE jsonb_typeof(before) WHEN 'object' THEN before ELSE '{}' END) old
    FULL JOIN jsonb_each(CASE jsonb_typeof(after) WHEN 'object' THEN after ELSE '{}' END) new USING (key)
    WHERE old.value IS DISTINCT FROM new.value
$$;

CREATE TABLE mapping_problems (
    id uuid CONSTRAINT pk_mapping_problems PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_mapping_problems_integration_id REFERENCES crm_integrations,
    crm_id text NOT NULL,
    field text NOT NULL,
    reason text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX uq_mapping_problems_open ON mapping_problems (integration_id, crm_id, field)
    WHERE resolved_at IS NULL;

CREATE TABLE mapping_breaches (
    id uuid CONSTRAINT pk_mapping_breaches PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_mapping_breaches_integration_id REFERENCES crm_integrations,
    field text NOT NULL,
    kind text NOT NULL,
    property text,
    message text NOT NULL,
    is_error boolean NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX uq_mapping_breaches_open ON mapping_breaches (integration_id, field, kind, property)
    NULLS NOT DISTINCT WHERE resolved_at IS NULL;

CREATE TABLE feature_flags (
    id uuid CONSTRAINT pk_feature_flags PRIMARY KEY DEFAULT gen_random_uuid(),
    flag text NOT NULL,
    -- Null: a rule for all companies; it gives way to a rule for the one company.
    integration_id uuid CONSTRAINT fk_feature_flags_integration_id REFERENCES crm_integrations,
    -- What companies get that the rollout leaves out; null is the default that the code declares.
    default_value text,
    -- What companies get that the rollout takes in.
    value text NOT NULL,
    percentage integer NOT NULL DEFAULT 0
        CONSTRAINT ck_feature_flags_percentage CHECK (percentage BETWEEN 0 AND 100),
    allow text[] NOT NULL DEFAULT '{}',
    deny text[] NOT NULL DEFAULT '{}',
    note text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    CONSTRAINT uq_feature_flags_flag_integration_id UNIQUE NULLS NOT DISTINCT (flag, integration_id)
);

-- A change that concerns all companies, as that of a feature flag, belongs to no single one.
ALTER TABLE audit_log ALTER COLUMN integration_id DROP NOT NULL;
