-- 1,000 companies as they are after a week: each of four streams synced every half hour, with what went wrong on the way.
-- One company in fifty has failed last, one in a hundred has an open breaker, one in forty a stream that is late.
INSERT INTO crm_integrations (company_id, portal_id, conn_id, last_sync, sync_status, last_error_message, error_count,
                              feature_flags)
SELECT 'company-' || lpad(n::text, 4, '0'), 10000 + n, 'hubspot_' || n, now() - interval '10 minutes',
       CASE WHEN n % 50 = 0 THEN 'error' ELSE 'idle' END::sync_status,
       CASE WHEN n % 50 = 0 THEN 'Unauthorized: HubSpot refused deals.search (status 401)' END,
       (n % 50 = 0)::int, jsonb_build_object('writeback', CASE n % 4 WHEN 0 THEN 'on' ELSE 'dry_run' END)
FROM generate_series(1, 1000) n;

INSERT INTO sync_cursors (integration_id, stream, cursor_at)
SELECT i.id, stream, now() - CASE WHEN portal_id % 40 = 0 THEN interval '3 hours' ELSE interval '10 minutes' END
FROM crm_integrations i, unnest(ARRAY['deals', 'line_items', 'emails', 'notes']) stream;

INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number, task_id, map_index, window_from,
                       window_to, started_at, finished_at, state, fetched, inserted, updated, unchanged, rejected,
                       api_calls, api_wait_ms, error)
SELECT i.id, s.stream, 'incremental', s.dag_id, 'scheduled__' || at, 1, 'sync', (portal_id - 10001)::int,
       at - interval '45 minutes', at, at, at + interval '3 seconds', CASE WHEN failed THEN 'failed' ELSE 'success' END,
       portal_id % 97, portal_id % 7, portal_id % 11, portal_id % 79, (portal_id % 200 = 0)::int, 2 + portal_id % 3, 40,
       CASE WHEN failed THEN 'Unauthorized: HubSpot refused deals.search (status 401)' END
FROM generate_series(0, 7 * 48 - 1) step
CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - interval '10 minutes' - step * interval '30 minutes' AS at) t
CROSS JOIN crm_integrations i
CROSS JOIN LATERAL (SELECT (portal_id % 50 = 0 AND step < 2) OR (portal_id + step) % 211 = 0 AS failed) f
CROSS JOIN (VALUES ('deals', 'hubspot_deals'), ('line_items', 'hubspot_line_items'), ('emails', 'hubspot_activities'),
                   ('notes', 'hubspot_activities')) s (stream, dag_id);

INSERT INTO sync_rejects (integration_id, stream, crm_id, payload, reason)
SELECT id, 'deals', n::text, '{"id": "1", "properties": {"amount": "twelve"}}', 'amount: ''twelve'' is not a number'
FROM crm_integrations, generate_series(1, 5) n WHERE portal_id % 20 = 0;

INSERT INTO api_budgets (integration_id, policy, allowed, window_seconds, granted, used, resets_at)
SELECT id, policy, allowed, seconds, 5000, portal_id, now() + interval '8 hours'
FROM crm_integrations,
     (VALUES ('burst', 190, 10), ('search', 5, 1), ('daily', 650000, 86400)) p (policy, allowed, seconds);

INSERT INTO circuit_breakers (integration_id, state, failures, opened_at, last_error)
SELECT id, CASE WHEN portal_id % 100 = 0 THEN 'open' ELSE 'closed' END, 0, now(),
       CASE WHEN portal_id % 100 = 0 THEN 'Unavailable: HubSpot answered 503' END
FROM crm_integrations;

INSERT INTO alert_incidents (integration_id, dag_id, kind, error_class, message, since, announced_at)
SELECT id, 'hubspot_deals', 'failed', 'Unauthorized', 'HubSpot refuses the token', now() - interval '1 hour', now()
FROM crm_integrations WHERE portal_id % 50 = 0;

INSERT INTO webhook_events (integration_id, portal_id, event_key, subscription_type, object_type, object_id,
                            occurred_at, received_at, payload, state, attempts, last_error, finished_at)
SELECT i.id, portal_id, portal_id || ':deal.propertyChange:' || n || ':' || n || ':' ||
       (extract(epoch FROM at) * 1000)::bigint, 'deal.propertyChange', 'deals', n, at, at,
       '{"propertyName": "amount"}', CASE WHEN (portal_id + n) % 500 = 0 THEN 'dead' ELSE 'done' END, 1,
       CASE WHEN (portal_id + n) % 500 = 0 THEN 'amount: ''twelve'' is not a number' END, at + interval '2 seconds'
FROM crm_integrations i, generate_series(1, 100) n,
     LATERAL (SELECT date_trunc('second', now()) - n * interval '13 minutes' AS at) t;

INSERT INTO deals (integration_id, company_id, crm_id, name, amount, currency, amount_base, stage, is_closed, is_won,
                   closed_at, properties, crm_created_at, crm_updated_at)
SELECT i.id, company_id, n::text, 'Deal ' || n, n * 100, 'USD', n * 100, 'closedwon', true, true, now(),
       jsonb_build_object('dealname', 'Deal ' || n, 'amount', (n * 100)::text), now(), now()
FROM crm_integrations i, generate_series(1, 100) n;

INSERT INTO deal_commissions (deal_id, amount, currency, status)
SELECT id, amount / 10, 'USD', 'approved' FROM deals WHERE crm_id::int % 4 = 0;

ANALYZE;
