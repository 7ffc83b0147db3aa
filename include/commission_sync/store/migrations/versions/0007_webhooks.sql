-- Partitioned by the week in which an event occurred, not in which it was received: a unique constraint has to hold the
-- partition key, and a repeated delivery is received at another time but carries the same occurredAt. As event_key ends
-- with that time, which the check below holds it to, unique (event_key, occurred_at) is unique event_key.
CREATE TABLE webhook_events (
    id bigserial NOT NULL,
    integration_id uuid CONSTRAINT fk_webhook_events_integration_id REFERENCES crm_integrations,
    portal_id bigint,
    -- portalId:subscriptionId:eventId:object:occurredAt in milliseconds.
    event_key text NOT NULL,
    subscription_type text,
    object_type text,
    object_id bigint,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'received' CONSTRAINT ck_webhook_events_state
        CHECK (state IN ('received', 'processing', 'done', 'retry', 'dead', 'ignored')),
    attempts integer NOT NULL DEFAULT 0,
    -- When it may be claimed; while it is being processed, when its lease ends and another worker may claim it.
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease uuid,
    last_error text,
    error_class text,
    correlation_ids text[] NOT NULL DEFAULT '{}',
    finished_at timestamptz,
    replays integer NOT NULL DEFAULT 0,
    replayed_by text,
    dismissed_at timestamptz,
    dismissed_by text,
    dismissed_reason text,
    CONSTRAINT pk_webhook_events PRIMARY KEY (id, occurred_at),
    CONSTRAINT uq_webhook_events_event_key_occurred_at UNIQUE (event_key, occurred_at),
    CONSTRAINT ck_webhook_events_event_key
        CHECK (event_key LIKE '%:' || (extract(epoch FROM occurred_at) * 1000)::bigint),
    CONSTRAINT ck_webhook_events_dismissed
        CHECK ((dismissed_at IS NULL) = (dismissed_reason IS NULL) AND (dismissed_at IS NULL OR state = 'dead'))
) PARTITION BY RANGE (occurred_at);

-- What waits, and nothing else: it stays small however many events are kept.
CREATE INDEX ix_webhook_events_waiting ON webhook_events (integration_id, next_attempt_at)
    WHERE state IN ('received', 'retry', 'processing');
CREATE INDEX ix_webhook_events_dead ON webhook_events (integration_id, received_at) WHERE state = 'dead';
CREATE INDEX ix_webhook_events_object ON webhook_events (integration_id, object_type, object_id);

-- Takes what no week takes, so that no time in a payload and no forgotten maintenance can make the receiver fail.
CREATE TABLE webhook_events_other PARTITION OF webhook_events DEFAULT;

CREATE TABLE webhook_lanes (
    integration_id uuid CONSTRAINT pk_webhook_lanes PRIMARY KEY
        CONSTRAINT fk_webhook_lanes_integration_id REFERENCES crm_integrations,
    -- Paused: events are accepted and wait.
    paused_at timestamptz,
    paused_by text,
    paused_reason text,
    -- A worker is at the lane until then, unless it says so again: nobody else needs to be called.
    attended_by uuid,
    attended_until timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT ck_webhook_lanes_paused CHECK ((paused_at IS NULL) = (paused_reason IS NULL))
);

CREATE VIEW webhook_dead_letters AS
SELECT e.id, i.company_id, e.integration_id, e.portal_id, e.subscription_type, e.object_type, e.object_id,
       e.occurred_at, e.received_at, e.finished_at AS died_at, e.attempts, e.error_class, e.last_error,
       e.correlation_ids, e.replays, e.payload
FROM webhook_events e LEFT JOIN crm_integrations i ON i.id = e.integration_id
WHERE e.state = 'dead' AND e.dismissed_at IS NULL;

-- The last 24 hours of each company, and what waits now. Events that were replayed tell nothing of the delivery.
CREATE VIEW webhook_delivery AS
SELECT i.company_id, i.id AS integration_id, lane.paused_at, recent.*, waiting.*
FROM crm_integrations i
LEFT JOIN webhook_lanes lane ON lane.integration_id = i.id
CROSS JOIN LATERAL (
    SELECT count(*) AS accepted,
           count(*) FILTER (WHERE state = 'done') AS processed,
           count(*) FILTER (WHERE attempts > 1) AS retried,
           count(*) FILTER (WHERE state = 'dead' AND dismissed_at IS NULL) AS dead,
           count(*) FILTER (WHERE state = 'ignored') AS ignored,
           percentile_cont(0.50) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99_seconds
    FROM (
        SELECT e.*, CASE WHEN state = 'done' AND replays = 0
                         THEN extract(epoch FROM finished_at - occurred_at)::float8 END AS seconds
        FROM webhook_events e
        -- HubSpot delivers for a day after an event occurred; the second bound is for the planner to skip old weeks.
        -- An event without a readable time has that of 1970.
        WHERE e.integration_id = i.id AND e.received_at > now() - interval '1 day'
          AND (e.occurred_at > now() - interval '3 days' OR e.occurred_at = to_timestamp(0))
    ) e
) recent
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, extract(epoch FROM now() - min(received_at))::float8 AS oldest_waiting_seconds
    FROM webhook_events e
    WHERE e.integration_id = i.id AND e.state IN ('received', 'retry', 'processing')
) waiting;

-- Puts events back as if they had just been received; without arguments all open dead letters.
CREATE FUNCTION replay_webhooks(
    ids bigint[] DEFAULT NULL,
    company text DEFAULT NULL,
    subscription_types text[] DEFAULT NULL,
    received_from timestamptz DEFAULT NULL,
    received_to timestamptz DEFAULT NULL,
    states text[] DEFAULT ARRAY['dead'],
    actor text DEFAULT current_user
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    replayed bigint;
BEGIN
    -- The portal is looked up again: it may have been unknown when the event came.
    UPDATE webhook_events e
    SET state = 'received', attempts = 0, next_attempt_at = now(), lease = NULL, last_error = NULL, error_class = NULL,
        finished_at = NULL, replays = e.replays + 1, replayed_by = actor, dismissed_at = NULL, dismissed_by = NULL,
        dismissed_reason = NULL, integration_id = i.id
    FROM crm_integrations i
    WHERE i.portal_id = e.portal_id
      AND e.state = ANY (states) AND e.state IN ('dead', 'ignored', 'done', 'retry')
      AND (ids IS NULL OR e.id = ANY (ids))
      AND (company IS NULL OR i.company_id = company)
      AND (subscription_types IS NULL OR e.subscription_type = ANY (subscription_types))
      AND (received_from IS NULL OR e.received_at >= received_from)
      AND (received_to IS NULL OR e.received_at < received_to)
      AND (e.dismissed_at IS NULL OR ids IS NOT NULL);
    GET DIAGNOSTICS replayed = ROW_COUNT;
    IF replayed > 0 THEN
        PERFORM pg_notify('webhook_events', '');
    END IF;
    RETURN replayed;
END
$$;
