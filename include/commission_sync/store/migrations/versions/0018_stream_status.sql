-- How each stream of a company last ended; the company's own status is the worst of them.
CREATE TABLE sync_stream_status (
    integration_id uuid NOT NULL
        CONSTRAINT fk_sync_stream_status_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    dag_id text NOT NULL,
    stream text NOT NULL,
    state text NOT NULL CONSTRAINT ck_sync_stream_status_state CHECK (state IN ('running', 'idle', 'waiting', 'failed')),
    failures bigint NOT NULL DEFAULT 0,
    message text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_sync_stream_status PRIMARY KEY (integration_id, dag_id, stream)
);
