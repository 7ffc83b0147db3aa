-- Two days before now, as the companies' half-hourly runs and webhooks left them: charts need a past.
SELECT setseed(0.5);

INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number, window_from, window_to, started_at,
                       finished_at, state, fetched, inserted, updated, unchanged, api_calls, api_wait_ms, error)
SELECT i.id, s.stream, 'incremental', s.dag_id, 'scheduled__' || at, 1, at - interval '45 minutes', at, at,
       at + (1.2 + busy * 4 + random()) * interval '1 second', CASE WHEN failed THEN 'failed' ELSE 'success' END,
       CASE WHEN failed THEN 0 ELSE rows END, CASE WHEN failed THEN 0 ELSE rows / 5 END,
       CASE WHEN failed THEN 0 ELSE rows / 2 END, CASE WHEN failed THEN 0 ELSE rows - rows / 5 - rows / 2 END,
       2 + rows / 40, (random() * 300)::int, CASE WHEN failed THEN 'Unavailable: HubSpot answered 503 (status 503)' END
FROM generate_series(1, 96) step
CROSS JOIN LATERAL (SELECT date_trunc('hour', now()) - step * interval '30 minutes' AS at) t
-- People change deals by day.
CROSS JOIN LATERAL (SELECT greatest(0, sin((extract(hour FROM at) - 6) * pi() / 12)) AS busy) b
CROSS JOIN crm_integrations i
CROSS JOIN (VALUES ('deals', 'hubspot_deals'), ('line_items', 'hubspot_line_items'), ('emails', 'hubspot_activities'),
                   ('notes', 'hubspot_activities'), ('calls', 'hubspot_activities'), ('meetings', 'hubspot_activities'),
                   ('tasks', 'hubspot_activities')) s (stream, dag_id)
CROSS JOIN LATERAL (SELECT (busy * 120 * (0.4 + random()) + random() * 6)::int AS rows, step IN (31, 32) AS failed) r;

INSERT INTO webhook_events (integration_id, portal_id, event_key, subscription_type, object_type, object_id,
                            occurred_at, received_at, payload, state, attempts, finished_at)
SELECT i.id, portal_id, portal_id || ':deal.propertyChange:past' || n || ':' || n || ':' ||
       (extract(epoch FROM at) * 1000)::bigint, 'deal.propertyChange', 'deals', n, at, at + interval '0.4 seconds',
       jsonb_build_object('portalId', portal_id, 'subscriptionType', 'deal.propertyChange', 'propertyName', 'amount'),
       'done', 1, at + (1 + random() * 3) * interval '1 second'
FROM crm_integrations i, generate_series(1, 150) n,
     LATERAL (SELECT date_trunc('second', now() - (n + random()) * interval '8.7 minutes') AS at) t;
