-- Which companies a login may read through the role commission_readonly; `make roles` makes the role and its policies.
CREATE TABLE data_readers (
    role_name text NOT NULL,
    company_id text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    granted_by text NOT NULL,
    CONSTRAINT pk_data_readers PRIMARY KEY (role_name, company_id)
);

-- A session may narrow what it sees to one company by `SET commission.company`; it cannot widen it, as the table alone
-- says what a login may see and no reader may write to that.
CREATE FUNCTION readable_integrations(reader text) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT i.id FROM crm_integrations i JOIN data_readers r ON r.company_id = i.company_id
    WHERE r.role_name = reader
      AND coalesce(current_setting('commission.company', true), '') IN ('', i.company_id)
$$;

-- Weeks of the inbox are made and dropped by workers, which own no table: these two are all that they may do to one.
CREATE FUNCTION make_webhook_week(week date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    name text := to_char(week, '"webhook_events_"YYYYMMDD');
    starts timestamptz := week::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (week + 7)::timestamp AT TIME ZONE 'UTC';
BEGIN
    -- Attached only when it holds what the default partition had of its week: a row may be in one of them only.
    EXECUTE format('CREATE TABLE %I (LIKE webhook_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('WITH moved AS (DELETE FROM webhook_events_other WHERE occurred_at >= $1 AND occurred_at < $2 '
                   'RETURNING *) INSERT INTO %I SELECT * FROM moved', name) USING starts, ends;
    EXECUTE format('ALTER TABLE webhook_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, starts, ends);
END
$$;

CREATE FUNCTION drop_webhook_week(week date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    name text := to_char(week, '"webhook_events_"YYYYMMDD');
BEGIN
    EXECUTE format('ALTER TABLE webhook_events DETACH PARTITION %I', name);
    EXECUTE format('INSERT INTO webhook_events SELECT * FROM %I '
                   'WHERE state NOT IN (''done'', ''ignored'') AND dismissed_at IS NULL', name);
    EXECUTE format('DROP TABLE %I', name);
END
$$;
REVOKE EXECUTE ON FUNCTION make_webhook_week(date), drop_webhook_week(date) FROM PUBLIC;
