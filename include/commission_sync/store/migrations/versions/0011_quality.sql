-- How good a company's data of a stream are, at most once a day: the newest scoring of a day stands.
CREATE TABLE data_quality_scores (
    id uuid CONSTRAINT pk_data_quality_scores PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_data_quality_scores_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    day date NOT NULL,
    -- Null where there is nothing to judge; `reason` says why.
    score numeric(5, 2) CONSTRAINT ck_data_quality_scores_score CHECK (score BETWEEN 0 AND 100),
    reason text CONSTRAINT ck_data_quality_scores_reason CHECK ((score IS NULL) = (reason IS NOT NULL)),
    records bigint NOT NULL DEFAULT 0,
    -- What hangs on these records, in the company's base currency.
    money numeric NOT NULL DEFAULT 0,
    -- {dimension: {"score", "weight", "points_lost", "money", "count", "reason"}}; figures are strings, to the digit.
    parts jsonb NOT NULL DEFAULT '{}',
    -- The DAG run that scored, or null where a person did.
    dag_id text,
    run_id text,
    scored_by text NOT NULL,
    scored_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_data_quality_scores_integration_id_stream_day UNIQUE (integration_id, stream, day)
);

-- The rows that cost points: of each dimension those that cost most; `count` in the score's parts is that of all.
CREATE TABLE data_quality_findings (
    id uuid CONSTRAINT pk_data_quality_findings PRIMARY KEY DEFAULT gen_random_uuid(),
    score_id uuid NOT NULL CONSTRAINT fk_data_quality_findings_score_id
        REFERENCES data_quality_scores ON DELETE CASCADE,
    integration_id uuid NOT NULL CONSTRAINT fk_data_quality_findings_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    day date NOT NULL,
    dimension text NOT NULL,
    rule text NOT NULL,
    entity text NOT NULL,
    -- Null where it concerns the stream as a whole.
    crm_id text,
    -- Of the stream's score, so that those of all findings add up to what it lacks to 100.
    points_lost numeric NOT NULL,
    money numeric NOT NULL,
    what text NOT NULL
);
CREATE INDEX ix_data_quality_findings_score_id ON data_quality_findings (score_id, dimension);
CREATE INDEX ix_data_quality_findings_day ON data_quality_findings (day);

-- Which of the reconciliation's figures are sums of money and which are numbers of records.
ALTER TABLE reconcile_checks ADD COLUMN is_money boolean NOT NULL DEFAULT false;
UPDATE reconcile_checks SET is_money = true WHERE what LIKE 'amount with %';
