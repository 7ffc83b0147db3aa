-- Beside the tables of the product, not among them: a database that was never adopted has none of this.
CREATE SCHEMA IF NOT EXISTS adoption;

CREATE TABLE IF NOT EXISTS adoption.adoptions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kept_schema text NOT NULL,
    time_zone text NOT NULL,
    keep text NOT NULL,
    -- {table: {"rows": n, "hash": h}} as the older service left them.
    fingerprints jsonb NOT NULL,
    adopted_at timestamptz NOT NULL DEFAULT now(),
    adopted_by text NOT NULL,
    finalised_at timestamptz,
    finalised_by text,
    undone_at timestamptz,
    undone_by text,
    undone_schema text
);
CREATE UNIQUE INDEX IF NOT EXISTS uq_adoptions_standing ON adoption.adoptions ((true)) WHERE undone_at IS NULL;

-- No foreign keys to the product's tables: this outlives them when an adoption is undone.
CREATE TABLE IF NOT EXISTS adoption.companies (
    adoption_id bigint NOT NULL REFERENCES adoption.adoptions,
    integration_id uuid NOT NULL,
    company_id text NOT NULL,
    -- By what the old deals name the company.
    old_keys text[] NOT NULL,
    was_active boolean NOT NULL,
    writeback jsonb,
    stage text NOT NULL DEFAULT 'waiting' CHECK (stage IN ('waiting', 'shadow', 'live')),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL,
    PRIMARY KEY (adoption_id, integration_id)
);

CREATE TABLE IF NOT EXISTS adoption.deals (
    adoption_id bigint NOT NULL REFERENCES adoption.adoptions,
    deal_id uuid NOT NULL,
    old_id text,
    PRIMARY KEY (adoption_id, deal_id)
);

-- Every old row that became no row, and every value that could not be read; `landed` tells the two apart.
CREATE TABLE IF NOT EXISTS adoption.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    adoption_id bigint NOT NULL REFERENCES adoption.adoptions,
    source text NOT NULL,
    company_id text,
    crm_id text,
    reason text NOT NULL,
    landed boolean NOT NULL,
    old_row jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_quarantine_adoption_id_reason ON adoption.quarantine (adoption_id, reason);
