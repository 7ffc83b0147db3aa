-- One row per integration and limit. Times are seconds since 1970 by this server's clock, so that all workers mean the
-- same instant. Half of each page stays free: a row is rewritten for every call, in place and without index updates.
CREATE TABLE api_budgets (
    integration_id uuid NOT NULL CONSTRAINT fk_api_budgets_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    policy text NOT NULL CONSTRAINT ck_api_budgets_policy CHECK (policy IN ('burst', 'search', 'daily')),
    -- What HubSpot allows in a window, as its headers tell; NULL while it is unknown (the day, for OAuth apps).
    allowed integer,
    -- The connection's own, lower limit.
    ceiling integer,
    window_seconds double precision NOT NULL,
    -- A call that was let go and is not answered yet may arrive this much later.
    latest_arrival double precision NOT NULL DEFAULT 0,
    arrivals double precision[] NOT NULL DEFAULT '{}',
    -- What other apps of the account use in a window, as far as refusals and headers give it away.
    others integer NOT NULL DEFAULT 0,
    others_seen integer NOT NULL DEFAULT 0,
    others_until double precision NOT NULL DEFAULT 0,
    others_seconds double precision NOT NULL DEFAULT 0,
    strikes integer NOT NULL DEFAULT 0,
    closed_until double precision NOT NULL DEFAULT 0,
    -- Until when each lane (webhook, write-back, incremental, backfill) is waiting for a call.
    waiting double precision[] NOT NULL DEFAULT '{0,0,0,0}',
    paced_at double precision NOT NULL DEFAULT 0,
    -- The day's row only.
    used bigint NOT NULL DEFAULT 0,
    resets_at timestamptz,
    granted bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_api_budgets PRIMARY KEY (integration_id, policy)
) WITH (fillfactor = 50);

CREATE TABLE circuit_breakers (
    integration_id uuid CONSTRAINT pk_circuit_breakers PRIMARY KEY
        CONSTRAINT fk_circuit_breakers_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'closed'
        CONSTRAINT ck_circuit_breakers_state CHECK (state IN ('closed', 'open', 'half_open')),
    failures integer NOT NULL DEFAULT 0,
    opened_at timestamptz,
    probe_at timestamptz,
    -- How often it opened since it was last closed: each time, the pause doubles.
    openings integer NOT NULL DEFAULT 0,
    last_error text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE crm_credentials (
    integration_id uuid CONSTRAINT pk_crm_credentials PRIMARY KEY
        CONSTRAINT fk_crm_credentials_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    -- Fernet texts; the keys are in TOKEN_ENCRYPTION_KEYS and nowhere in this database.
    refresh_token text NOT NULL,
    access_token text,
    expires_at timestamptz,
    lifetime_seconds integer,
    scopes text[] NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'valid'
        CONSTRAINT ck_crm_credentials_state CHECK (state IN ('valid', 'needs_authorization')),
    -- One worker refreshes; it is not waited for longer than this.
    refreshing_until timestamptz,
    refreshes bigint NOT NULL DEFAULT 0,
    last_error text,
    alerted_at timestamptz,
    authorized_at timestamptz NOT NULL DEFAULT now(),
    authorized_by text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- What a portal says of itself and rarely changes: owners, pipelines, account.
CREATE TABLE portal_cache (
    integration_id uuid NOT NULL
        CONSTRAINT fk_portal_cache_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    kind text NOT NULL,
    content jsonb NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_portal_cache PRIMARY KEY (integration_id, kind)
);

ALTER TABLE sync_runs DROP CONSTRAINT ck_sync_runs_state;
ALTER TABLE sync_runs ADD CONSTRAINT ck_sync_runs_state
    CHECK (state IN ('running', 'success', 'failed', 'abandoned', 'deferred'));
ALTER TABLE sync_runs ADD COLUMN calls_saved bigint NOT NULL DEFAULT 0;

CREATE FUNCTION seconds_now() RETURNS double precision LANGUAGE sql VOLATILE AS
    $$ SELECT extract(epoch FROM clock_timestamp())::double precision $$;

-- Lets up to `wanted` calls of a lane (0 webhook, 1 write-back, 2 incremental, 3 backfill) go.
-- granted 0: `reason` says what for (limit, priority, refused, day, breaker), and `delay` for how many seconds.
CREATE FUNCTION take_calls(
    p_integration uuid, p_policy text, p_lane integer, p_wanted integer, p_share double precision,
    OUT granted integer, OUT counted_at double precision, OUT delay double precision, OUT reason text
) LANGUAGE plpgsql AS $$
DECLARE
    b api_budgets;
    breaker circuit_breakers;
    day api_budgets;
    t double precision;
    capacity integer;
    taken integer;
BEGIN
    granted := 0;
    SELECT * INTO STRICT b FROM api_budgets WHERE integration_id = p_integration AND policy = p_policy FOR UPDATE;
    t := seconds_now();
    SELECT * INTO breaker FROM circuit_breakers WHERE integration_id = p_integration AND state <> 'closed';
    IF FOUND AND extract(epoch FROM breaker.probe_at) > t THEN
        reason := 'breaker';
        delay := extract(epoch FROM breaker.probe_at) - t;
        RETURN;
    END IF;
    SELECT * INTO day FROM api_budgets WHERE integration_id = p_integration AND policy = 'daily';
    IF day.allowed IS NOT NULL AND day.resets_at > to_timestamp(t) AND day.used >= day.allowed * p_share THEN
        reason := 'day';
        delay := extract(epoch FROM day.resets_at) - t;
        RETURN;
    END IF;

    b.arrivals := ARRAY(SELECT a FROM unnest(b.arrivals) a WHERE a > t - b.window_seconds ORDER BY a);
    IF b.others > 0 AND t >= b.others_until THEN
        -- Search's answers tell nothing, so the belief is lowered by one call at a time, later each time that fails.
        b.others := greatest(b.others_seen, CASE p_policy WHEN 'search' THEN b.others - 1 ELSE 0 END);
        b.others_seconds := CASE WHEN b.strikes = 0 THEN greatest(5, b.others_seconds / 2) ELSE b.others_seconds END;
        b.others_seen := 0;
        b.strikes := 0;
        b.others_until := t + b.others_seconds;
    END IF;
    capacity := least(b.allowed, b.ceiling) - b.others;
    IF p_lane = 3 THEN
        capacity := capacity - greatest(1, least(b.allowed, b.ceiling) / 4);
    END IF;
    capacity := greatest(1, capacity);
    taken := cardinality(b.arrivals);

    IF b.closed_until > t THEN
        reason := 'refused';
        delay := b.closed_until - t;
    ELSIF EXISTS (SELECT FROM unnest(b.waiting[1:p_lane]) w WHERE w > t) THEN
        reason := 'priority';
        delay := 0.1;
    ELSIF p_lane = 3 AND b.paced_at > t THEN
        reason := 'limit';
        delay := b.paced_at - t;
    ELSIF taken >= capacity THEN
        reason := 'limit';
        delay := b.arrivals[taken - capacity + 1] + b.window_seconds - t;
    ELSE
        granted := least(p_wanted, capacity - taken, CASE WHEN p_lane = 3 OR breaker.state IS NOT NULL THEN 1 END);
    END IF;

    IF granted > 0 AND breaker.state IS NOT NULL THEN
        UPDATE circuit_breakers
        SET state = 'half_open', probe_at = to_timestamp(t) + interval '60 seconds', updated_at = now()
        WHERE integration_id = p_integration AND state <> 'closed' AND probe_at <= to_timestamp(t);
        IF NOT FOUND THEN
            granted := 0;
            reason := 'breaker';
            delay := 1;
            RETURN;
        END IF;
        reason := 'probe';
    END IF;

    IF granted > 0 THEN
        counted_at := t + b.latest_arrival;
        b.arrivals := b.arrivals || array_fill(counted_at, ARRAY[granted]);
        b.paced_at := CASE WHEN p_lane = 3 THEN t + b.window_seconds / capacity ELSE b.paced_at END;
        UPDATE api_budgets u SET used = u.used + take_calls.granted
        WHERE u.integration_id = p_integration AND u.policy = 'daily';
    END IF;
    b.waiting[p_lane + 1] := CASE WHEN granted >= p_wanted THEN 0 ELSE t + coalesce(delay, 0.0) + 0.3 END;
    UPDATE api_budgets u
    SET arrivals = b.arrivals, others = b.others, others_seen = b.others_seen, others_until = b.others_until,
        strikes = b.strikes, waiting = b.waiting, paced_at = b.paced_at, granted = u.granted + take_calls.granted,
        updated_at = now()
    WHERE u.integration_id = p_integration AND u.policy = p_policy;
END
$$;

-- Calls are over: each counts from its answer if it may have arrived that late. `p_max`, `p_remaining`, `p_day` and
-- `p_day_remaining` are what the last answer's headers told, if anything.
CREATE FUNCTION settle_calls(
    p_integration uuid, p_policy text, p_counted double precision[], p_ages double precision[],
    p_max integer, p_remaining integer, p_day integer, p_day_remaining integer, p_zone text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b api_budgets;
    t double precision;
    i integer;
    place integer;
    seen integer;
BEGIN
    SELECT * INTO STRICT b FROM api_budgets WHERE integration_id = p_integration AND policy = p_policy FOR UPDATE;
    t := seconds_now();
    FOR i IN 1 .. cardinality(p_counted) LOOP
        place := array_position(b.arrivals, p_counted[i]);
        IF place IS NOT NULL THEN
            b.arrivals[place] := least(p_counted[i], t - p_ages[i]);
        END IF;
    END LOOP;
    IF p_policy = 'burst' AND p_max IS NOT NULL THEN
        b.allowed := p_max;
        seen := p_max - p_remaining - (SELECT count(*) FROM unnest(b.arrivals) a WHERE a > t - b.window_seconds);
        IF seen > 0 THEN
            b.others_seen := greatest(b.others_seen, seen);
            IF seen > b.others THEN
                b.others := seen;
                b.others_seconds := b.window_seconds;
                b.others_until := t + b.window_seconds;
            END IF;
        END IF;
    END IF;
    UPDATE api_budgets u
    SET arrivals = b.arrivals, allowed = b.allowed, others = b.others, others_seen = b.others_seen,
        others_seconds = b.others_seconds, others_until = b.others_until, updated_at = now()
    WHERE u.integration_id = p_integration AND u.policy = p_policy;
    UPDATE api_budgets u
    SET used = CASE WHEN p_day IS NULL THEN CASE WHEN now() >= resets_at THEN 0 ELSE used END
                    ELSE p_day - p_day_remaining END,
        allowed = coalesce(p_day, allowed),
        resets_at = (date_trunc('day', now() AT TIME ZONE p_zone) + interval '1 day') AT TIME ZONE p_zone,
        updated_at = now()
    WHERE u.integration_id = p_integration AND u.policy = 'daily'
      AND (p_day IS NOT NULL OR u.resets_at IS NULL OR now() >= u.resets_at);
END
$$;

-- HubSpot refused a call although we had counted right: somebody else uses the account. Of one window's calls, those
-- that we got through are what is left to us; but one refusal alone halves the belief at most.
CREATE FUNCTION refuse_calls(p_integration uuid, p_policy text, p_seconds double precision)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b api_budgets;
    t double precision;
    whole integer;
    own integer;
BEGIN
    SELECT * INTO STRICT b FROM api_budgets WHERE integration_id = p_integration AND policy = p_policy FOR UPDATE;
    t := seconds_now();
    IF p_policy = 'daily' THEN
        UPDATE api_budgets u SET used = greatest(u.used, coalesce(u.allowed, 0)), allowed = coalesce(u.allowed, 0),
            resets_at = to_timestamp(t + p_seconds), refused = u.refused + 1, updated_at = now()
        WHERE u.integration_id = p_integration AND u.policy = p_policy;
        RETURN;
    END IF;
    whole := least(b.allowed, b.ceiling);
    own := (SELECT count(*) FROM unnest(b.arrivals) a WHERE a > t - b.window_seconds) - 1;
    IF t >= b.closed_until THEN
        b.strikes := b.strikes + 1;
        -- Held for longer each time that lowering it was too soon.
        b.others_seconds := least(60, greatest(5, b.window_seconds, 2 * b.others_seconds));
    END IF;
    b.others := least(whole - 1, greatest(b.others, least(whole - own, whole - (whole >> least(b.strikes, 8)))));
    b.others_until := t + b.others_seconds;
    b.closed_until := greatest(b.closed_until, t + p_seconds);
    UPDATE api_budgets u
    SET others = b.others, others_until = b.others_until, others_seconds = b.others_seconds, strikes = b.strikes,
        closed_until = b.closed_until, refused = u.refused + 1, updated_at = now()
    WHERE u.integration_id = p_integration AND u.policy = p_policy;
END
$$;

-- Counts what became of calls and returns the breaker's state after it, and whether this call changed it.
CREATE FUNCTION note_outcomes(
    p_integration uuid, p_answered integer, p_failed integer, p_error text, p_threshold integer,
    p_first_pause double precision, p_longest_pause double precision,
    OUT state text, OUT changed boolean, OUT probe_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    b circuit_breakers;
BEGIN
    changed := false;
    state := 'closed';
    IF p_failed > 0 THEN
        INSERT INTO circuit_breakers (integration_id) VALUES (p_integration) ON CONFLICT DO NOTHING;
    END IF;
    SELECT * INTO b FROM circuit_breakers c WHERE c.integration_id = p_integration
        AND (p_failed > 0 OR c.failures > 0 OR c.state <> 'closed') FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    state := b.state;
    IF p_answered > 0 AND b.state <> 'open' THEN
        -- An answer that was under way when it opened proves nothing; the probe's does.
        changed := b.state <> 'closed';
        state := 'closed';
        b.failures := p_failed;
        b.openings := CASE WHEN changed THEN 0 ELSE b.openings END;
    ELSE
        b.failures := b.failures + p_failed;
    END IF;
    IF state = 'half_open' AND p_failed > 0 OR state = 'closed' AND b.failures >= p_threshold THEN
        changed := true;
        state := 'open';
        b.openings := b.openings + 1;
        b.opened_at := clock_timestamp();
        b.probe_at := b.opened_at + make_interval(
            secs => least(p_longest_pause, p_first_pause * 2 ^ least(b.openings - 1, 20)));
    END IF;
    probe_at := b.probe_at;
    UPDATE circuit_breakers c
    SET state = note_outcomes.state, failures = b.failures, openings = b.openings, opened_at = b.opened_at,
        probe_at = b.probe_at, last_error = coalesce(p_error, c.last_error), updated_at = now()
    WHERE c.integration_id = p_integration;
END
$$;
