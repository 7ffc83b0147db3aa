-- Rows that hang on deals share these columns:
--   deal_crm_id  the deal that HubSpot names; null when the record hangs on none
--   deal_id      our row of that deal; null while it is not there yet, filled in when it comes (join_waiting_rows)
--   archived_at  not alive: in HubSpot's recycle bin, purged, or (with detached_at) no longer on this deal
--   detached_at  when HubSpot was last seen to have taken the record off a deal
--   purged_at    gone from HubSpot's recycle bin as well, so never to come back

CREATE TABLE deal_line_items (
    id uuid CONSTRAINT pk_deal_line_items PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_deal_line_items_integration_id REFERENCES crm_integrations,
    company_id text NOT NULL,
    deal_id uuid CONSTRAINT fk_deal_line_items_deal_id REFERENCES deals,
    deal_crm_id text,
    crm_id text NOT NULL,
    product_name text,
    product_crm_id text,
    sku text,
    quantity numeric,
    price numeric,
    discount numeric,
    discount_percentage numeric,
    total numeric,
    currency text,
    billing_frequency text,
    billing_term text,
    properties jsonb NOT NULL DEFAULT '{}',
    content_hash bytea NOT NULL DEFAULT '\x',
    crm_created_at timestamptz,
    crm_updated_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    detached_at timestamptz,
    purged_at timestamptz,
    merged_into_crm_id text,
    synced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_deal_line_items_integration_id_crm_id UNIQUE (integration_id, crm_id)
);
-- Not by integration_id first: only the unique index shall be of use to whoever looks for a record.
CREATE INDEX ix_deal_line_items_deal_crm_id_integration_id ON deal_line_items (deal_crm_id, integration_id);
CREATE INDEX ix_deal_line_items_deal_id ON deal_line_items (deal_id);

-- An activity on several deals is several rows; one on none is one row without a deal.
CREATE TABLE deal_activities (
    id uuid CONSTRAINT pk_deal_activities PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_deal_activities_integration_id REFERENCES crm_integrations,
    company_id text NOT NULL,
    deal_id uuid CONSTRAINT fk_deal_activities_deal_id REFERENCES deals,
    deal_crm_id text,
    crm_id text NOT NULL,
    type text NOT NULL
        CONSTRAINT ck_deal_activities_type CHECK (type IN ('email', 'note', 'call', 'meeting', 'task')),
    content jsonb NOT NULL DEFAULT '{}',
    owner_crm_id text,
    occurred_at timestamptz,
    created_at timestamptz,
    content_hash bytea NOT NULL DEFAULT '\x',
    crm_updated_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    detached_at timestamptz,
    purged_at timestamptz,
    merged_into_crm_id text,
    synced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_deal_activities_integration_id_type_crm_id_deal_id UNIQUE (integration_id, type, crm_id, deal_id),
    CONSTRAINT uq_deal_activities_integration_id_type_crm_id_deal_crm_id
        UNIQUE NULLS NOT DISTINCT (integration_id, type, crm_id, deal_crm_id)
);
CREATE INDEX ix_deal_activities_deal_crm_id_integration_id ON deal_activities (deal_crm_id, integration_id);
CREATE INDEX ix_deal_activities_deal_id ON deal_activities (deal_id);

-- Whatever else a portal hangs on deals: custom objects land here by a declaration alone.
CREATE TABLE deal_objects (
    id uuid CONSTRAINT pk_deal_objects PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_deal_objects_integration_id REFERENCES crm_integrations,
    company_id text NOT NULL,
    deal_id uuid CONSTRAINT fk_deal_objects_deal_id REFERENCES deals,
    deal_crm_id text,
    crm_id text NOT NULL,
    type text NOT NULL,
    name text,
    amount numeric,
    currency text,
    properties jsonb NOT NULL DEFAULT '{}',
    content_hash bytea NOT NULL DEFAULT '\x',
    crm_created_at timestamptz,
    crm_updated_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    detached_at timestamptz,
    purged_at timestamptz,
    merged_into_crm_id text,
    synced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_deal_objects_integration_id_type_crm_id_deal_crm_id
        UNIQUE NULLS NOT DISTINCT (integration_id, type, crm_id, deal_crm_id)
);
CREATE INDEX ix_deal_objects_deal_crm_id_integration_id ON deal_objects (deal_crm_id, integration_id);
CREATE INDEX ix_deal_objects_deal_id ON deal_objects (deal_id);

-- Reference data: products by the same engine as deals, owners and stages by their own endpoints.
CREATE TABLE crm_products (
    id uuid CONSTRAINT pk_crm_products PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_crm_products_integration_id REFERENCES crm_integrations,
    company_id text NOT NULL,
    crm_id text NOT NULL,
    name text,
    sku text,
    price numeric,
    properties jsonb NOT NULL DEFAULT '{}',
    content_hash bytea NOT NULL DEFAULT '\x',
    crm_created_at timestamptz,
    crm_updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    purged_at timestamptz,
    merged_into_crm_id text,
    synced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_crm_products_integration_id_crm_id UNIQUE (integration_id, crm_id)
);

CREATE TABLE crm_owners (
    integration_id uuid NOT NULL CONSTRAINT fk_crm_owners_integration_id REFERENCES crm_integrations,
    crm_id text NOT NULL,
    email text,
    first_name text,
    last_name text,
    user_id text,
    teams jsonb NOT NULL DEFAULT '[]',
    is_archived boolean NOT NULL DEFAULT false,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_crm_owners PRIMARY KEY (integration_id, crm_id)
);

CREATE TABLE crm_stages (
    integration_id uuid NOT NULL CONSTRAINT fk_crm_stages_integration_id REFERENCES crm_integrations,
    pipeline text NOT NULL,
    pipeline_label text NOT NULL,
    stage text NOT NULL,
    stage_label text NOT NULL,
    display_order integer NOT NULL,
    is_closed boolean,
    probability numeric,
    archived_at timestamptz,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_crm_stages PRIMARY KEY (integration_id, pipeline, stage)
);

-- A split that HubSpot no longer lists keeps its row, with archived_at.
CREATE TABLE deal_splits (
    id uuid CONSTRAINT pk_deal_splits PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_deal_splits_integration_id REFERENCES crm_integrations,
    company_id text NOT NULL,
    deal_id uuid NOT NULL CONSTRAINT fk_deal_splits_deal_id REFERENCES deals,
    owner_crm_id text NOT NULL,
    percentage numeric NOT NULL,
    archived_at timestamptz,
    synced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_deal_splits_deal_id_owner_crm_id UNIQUE (deal_id, owner_crm_id)
);
CREATE INDEX ix_deal_splits_integration_id ON deal_splits (integration_id);

-- HubSpot's own history of the properties that affect pay.
CREATE TABLE property_history (
    integration_id uuid NOT NULL CONSTRAINT fk_property_history_integration_id REFERENCES crm_integrations,
    object_type text NOT NULL,
    crm_id text NOT NULL,
    property text NOT NULL,
    changed_at timestamptz NOT NULL,
    value text,
    source_type text,
    source_id text,
    source_label text,
    user_id text,
    CONSTRAINT pk_property_history PRIMARY KEY (integration_id, object_type, crm_id, property, changed_at)
);

CREATE TABLE property_history_reads (
    integration_id uuid NOT NULL CONSTRAINT fk_property_history_reads_integration_id REFERENCES crm_integrations,
    object_type text NOT NULL,
    crm_id text NOT NULL,
    read_at timestamptz NOT NULL,
    CONSTRAINT pk_property_history_reads PRIMARY KEY (integration_id, object_type, crm_id)
);

-- How far the nightly reconciliation of a stream has come.
CREATE TABLE reconcile_state (
    integration_id uuid NOT NULL CONSTRAINT fk_reconcile_state_integration_id REFERENCES crm_integrations,
    stream text NOT NULL,
    -- Everything that HubSpot archived up to here is marked.
    archived_until timestamptz,
    -- Every record up to this id was compared value by value in this round; the next night goes on from here.
    swept_upto bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_reconcile_state PRIMARY KEY (integration_id, stream)
);

-- What a reconciliation compared and found: HubSpot's figure beside ours.
CREATE TABLE reconcile_checks (
    id uuid CONSTRAINT pk_reconcile_checks PRIMARY KEY DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL CONSTRAINT fk_reconcile_checks_integration_id REFERENCES crm_integrations,
    sync_run_id uuid NOT NULL CONSTRAINT fk_reconcile_checks_sync_run_id REFERENCES sync_runs,
    stream text NOT NULL,
    what text NOT NULL,
    hubspot numeric NOT NULL,
    stored numeric NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_reconcile_checks_integration_id_stream_at ON reconcile_checks (integration_id, stream, at);

ALTER TABLE deals ADD COLUMN purged_at timestamptz;

-- Gives rows that waited for their deal the deal that has come; returns how many. It finds the tables by their foreign
-- keys, so that a table added later needs no change here.
CREATE FUNCTION join_waiting_rows(integration uuid, run uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    waiting regclass;
    joined bigint;
    total bigint := 0;
BEGIN
    FOR waiting IN
        SELECT c.conrelid::regclass FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = 'deal_crm_id' AND NOT a.attisdropped
        WHERE c.contype = 'f' AND c.confrelid = 'deals'::regclass
    LOOP
        EXECUTE format($q$
            WITH joined AS (
                UPDATE %1$s w SET deal_id = d.id FROM deals d
                WHERE w.integration_id = $1 AND w.deal_id IS NULL AND w.deal_crm_id IS NOT NULL
                  AND d.integration_id = $1 AND d.crm_id = w.deal_crm_id
                RETURNING w.crm_id, w.deal_crm_id
            )
            INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor, sync_run_id)
            SELECT $1, %2$L, crm_id, 'join', jsonb_build_object('deal_id', jsonb_build_array(NULL, deal_crm_id),
                   'why', 'the deal it waited for has come'), 'sync', $2 FROM joined
            $q$, waiting, waiting::text) USING integration, run;
        GET DIAGNOSTICS joined = ROW_COUNT;
        total := total + joined;
    END LOOP;
    RETURN total;
END
$$;
-- The rows that wait, which are few, so that looking for them costs nothing.
CREATE INDEX ix_deal_line_items_waiting ON deal_line_items (integration_id, deal_crm_id)
    WHERE deal_id IS NULL AND deal_crm_id IS NOT NULL;
CREATE INDEX ix_deal_activities_waiting ON deal_activities (integration_id, deal_crm_id)
    WHERE deal_id IS NULL AND deal_crm_id IS NOT NULL;
CREATE INDEX ix_deal_objects_waiting ON deal_objects (integration_id, deal_crm_id)
    WHERE deal_id IS NULL AND deal_crm_id IS NOT NULL;

-- Points everything that references a merged deal at its survivor: line items, activities, commissions, and whatever
-- table references deals later. A row that the survivor already has one of (a commission of its own) stays where it is
-- and is counted in `kept`, for a person to decide.
CREATE FUNCTION move_deal_references(loser uuid, survivor uuid)
RETURNS TABLE (referencing text, moved bigint, kept bigint) LANGUAGE plpgsql AS $$
DECLARE
    reference record;
    place tid;
BEGIN
    FOR reference IN
        SELECT c.conrelid::regclass AS name, a.attname AS col,
               EXISTS (SELECT FROM pg_attribute x WHERE x.attrelid = c.conrelid AND x.attname = 'deal_crm_id'
                       AND NOT x.attisdropped) AS has_crm_id
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = 'deals'::regclass AND array_length(c.conkey, 1) = 1
    LOOP
        referencing := reference.name::text;
        moved := 0;
        kept := 0;
        FOR place IN EXECUTE format('SELECT ctid FROM %s WHERE %I = $1', reference.name, reference.col) USING loser
        LOOP
            BEGIN
                EXECUTE format('UPDATE %s SET %I = $1 %s WHERE ctid = $2', reference.name, reference.col,
                    CASE WHEN reference.has_crm_id
                        THEN ', deal_crm_id = (SELECT crm_id FROM deals WHERE id = $1)' ELSE '' END)
                USING survivor, place;
                moved := moved + 1;
            EXCEPTION WHEN unique_violation THEN
                -- The survivor has this very link already: the loser's is taken off.
                IF reference.has_crm_id THEN
                    EXECUTE format('UPDATE %s SET detached_at = now(), archived_at = coalesce(archived_at, now()) '
                        'WHERE ctid = $1', reference.name) USING place;
                ELSE
                    kept := kept + 1;
                END IF;
            END;
        END LOOP;
        IF moved + kept > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

-- What a property of a deal was at a time, and how that is known:
--   history  by HubSpot's own history, which was read after that time
--   audit    by walking the audit log back from the value that is stored now; it tells when we saw a change
--   assumed  the deal was first seen later and its history was never read: the oldest value that was seen
CREATE FUNCTION deal_property_at(integration uuid, deal text, property_name text, as_of timestamptz)
RETURNS TABLE (value text, known_by text) LANGUAGE sql STABLE AS $$
WITH history AS (
    SELECT (SELECT h.value FROM property_history h
            WHERE h.integration_id = integration AND h.object_type = 'deals' AND h.crm_id = deal
              AND h.property = property_name AND h.changed_at <= as_of
            ORDER BY h.changed_at DESC LIMIT 1) AS value
    FROM property_history_reads r
    WHERE r.integration_id = integration AND r.object_type = 'deals' AND r.crm_id = deal AND r.read_at >= as_of
      AND EXISTS (SELECT FROM property_history h WHERE h.integration_id = integration AND h.object_type = 'deals'
                  AND h.crm_id = deal AND h.property = property_name)
), seen AS (
    SELECT min(a.at) AS first_at FROM audit_log a
    WHERE a.integration_id = integration AND a.entity = 'deal' AND a.entity_id = deal
), next_change AS (
    SELECT a.changes -> property_name ->> 0 AS value FROM audit_log a
    WHERE a.integration_id = integration AND a.entity = 'deal' AND a.entity_id = deal AND a.at > as_of
      AND a.action = 'update' AND a.changes ? property_name
    ORDER BY a.at, a.id LIMIT 1
)
SELECT h.value, 'history' FROM history h
UNION ALL
SELECT CASE WHEN EXISTS (SELECT FROM next_change) THEN (SELECT n.value FROM next_change n)
            ELSE d.properties ->> property_name END,
       CASE WHEN as_of >= s.first_at THEN 'audit' ELSE 'assumed' END
FROM deals d, seen s
WHERE d.integration_id = integration AND d.crm_id = deal AND d.crm_created_at <= as_of
  AND NOT EXISTS (SELECT FROM history)
$$;

CREATE FUNCTION deal_property_as_of(integration uuid, deal text, property_name text, as_of timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
SELECT p.value FROM deal_property_at(integration, deal, property_name, as_of) p
$$;

-- What complete receipts prove, as ranges of modified time. `read` counts every complete reading; `settled` only what
-- was modified an hour or more before its reading ended, when search's index no longer lags behind.
CREATE VIEW sync_coverage AS
SELECT r.integration_id, i.company_id, r.stream,
    range_agg(tstzrange(r.window_from, r.window_to)) AS read,
    coalesce(range_agg(tstzrange(r.window_from, least(r.window_to, r.completed_at - interval '1 hour')))
        FILTER (WHERE r.window_from IS NULL OR r.window_from < r.completed_at - interval '1 hour'), '{}') AS settled,
    sum(r.announced) AS announced, sum(r.landed) AS landed
FROM sync_receipts r JOIN crm_integrations i ON i.id = r.integration_id
WHERE r.completed_at IS NOT NULL
GROUP BY r.integration_id, i.company_id, r.stream;

-- Whether everything that was modified in a period has provably landed.
CREATE FUNCTION sync_is_complete(company text, stream_name text, period_from timestamptz, period_to timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT EXISTS (
    SELECT FROM sync_coverage c
    WHERE c.company_id = company AND c.stream = stream_name AND c.settled @> tstzrange(period_from, period_to)
      AND NOT EXISTS (SELECT FROM sync_rejects x WHERE x.integration_id = c.integration_id AND x.stream = c.stream
                      AND x.resolved_at IS NULL)
)
$$;

-- The same for every calendar month (UTC) of the last two years, with what is missing.
CREATE VIEW sync_completeness AS
SELECT c.integration_id, c.company_id, c.stream, m.month::date AS month,
    c.read @> p.period AS is_read,
    c.settled @> p.period AND x.open_rejects = 0 AS is_complete,
    tstzmultirange(p.period) - c.settled AS missing,
    x.open_rejects
FROM sync_coverage c
CROSS JOIN generate_series(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '24 months',
    date_trunc('month', now() AT TIME ZONE 'UTC'), interval '1 month') AS m (month)
CROSS JOIN LATERAL (SELECT tstzrange(m.month AT TIME ZONE 'UTC',
    least((m.month + interval '1 month') AT TIME ZONE 'UTC', now())) AS period) p
CROSS JOIN LATERAL (SELECT count(*) AS open_rejects FROM sync_rejects r
    WHERE r.integration_id = c.integration_id AND r.stream = c.stream AND r.resolved_at IS NULL) x;
