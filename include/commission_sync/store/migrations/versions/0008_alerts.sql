-- Which mapped task instance a try ran in, so that pages and mails can link to its log.
ALTER TABLE sync_runs ADD COLUMN task_id text;
ALTER TABLE sync_runs ADD COLUMN map_index integer NOT NULL DEFAULT -1;

-- One row from when a DAG stops working for a company until it works again; integration_id is null where the run failed
-- before it came to any company.
CREATE TABLE alert_incidents (
    id uuid CONSTRAINT pk_alert_incidents PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid CONSTRAINT fk_alert_incidents_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    dag_id text NOT NULL,
    kind text NOT NULL CONSTRAINT ck_alert_incidents_kind CHECK (kind IN ('failed', 'late')),
    error_class text,
    message text,
    since timestamptz NOT NULL,
    last_good_at timestamptz,
    run_id text,
    task_id text,
    map_index integer NOT NULL DEFAULT -1,
    opened_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    -- When people were told: of the incident, again, and of its end.
    announced_at timestamptz,
    reminded_at timestamptz,
    recovery_announced_at timestamptz,
    -- Whoever writes a mail about it has until then to send it.
    claimed_until timestamptz
);
CREATE UNIQUE INDEX uq_alert_incidents_open ON alert_incidents (integration_id, dag_id) NULLS NOT DISTINCT
    WHERE closed_at IS NULL;
CREATE INDEX ix_alert_incidents_opened_at ON alert_incidents (opened_at);
-- Finds a company's last good run of a DAG, for deadlines and pages.
CREATE INDEX ix_sync_runs_dag_id_integration_id_finished_at ON sync_runs (dag_id, integration_id, finished_at);

-- What people have not been told yet: of an incident, again after a day, and of its end.
CREATE VIEW alert_news AS
SELECT id, claimed_until,
       CASE WHEN closed_at IS NOT NULL THEN 'recovered' WHEN announced_at IS NULL THEN 'opened' ELSE 'reminder' END
           AS news
FROM alert_incidents
WHERE closed_at IS NULL AND announced_at IS NULL
   OR closed_at IS NULL AND greatest(announced_at, reminded_at) < now() - interval '1 day'
   OR closed_at IS NOT NULL AND announced_at IS NOT NULL AND recovery_announced_at IS NULL;

-- A company's last good run of a DAG; runs of a given window say nothing of freshness.
CREATE FUNCTION last_good_run(p_dag_id text, p_integration_id uuid) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT finished_at FROM sync_runs
    WHERE dag_id = p_dag_id AND integration_id = p_integration_id AND state = 'success' AND mode <> 'window'
    ORDER BY finished_at DESC LIMIT 1
$$;

-- The last try of each company and stream in a DAG run.
CREATE FUNCTION last_tries(p_dag_id text, p_run_id text) RETURNS SETOF sync_runs LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (integration_id, stream) * FROM sync_runs
    WHERE dag_id = p_dag_id AND run_id = p_run_id AND mode <> 'window'
    ORDER BY integration_id, stream, started_at DESC
$$;
-- Finds what a company's tries came to lately, for the health endpoint.
CREATE INDEX ix_sync_runs_integration_id_finished_at ON sync_runs (integration_id, finished_at);
