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
    -- When each call of the last window reached HubSpot at the latest.
    arrivals double precision[] NOT NULL DEFAULT '{}',
    -- What other apps use in a window, as far as headers and refusals give it away; held until a time, then lowered to
    -- the most that was seen lately.
    others integer NOT NULL DEFAULT 0,
    others_lately integer NOT NULL DEFAULT 0,
    others_until double precision NOT NULL DEFAULT 0,
    hold_seconds double precision NOT NULL DEFAULT 5,
    strikes integer NOT NULL DEFAULT 0,
    closed_until double precision NOT NULL DEFAULT 0,
    -- Until when each lane (webhook, write-back, incremental, backfill) is waiting for a call.
    waiting double precision[] NOT NULL DEFAULT '{0,0,0,0}',
    -- When the next backfill call may go: backfills spread theirs evenly.
    paced_at double precision NOT NULL DEFAULT 0,
    -- The day's row only.
    used bigint NOT NULL DEFAULT 0,
    resets_at timestamptz,
    granted bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_api_budgets PRIMARY KEY (integration_id, policy)
) WITH (fillfactor = 50);

-- 250 times fit into the row; compressing them, or moving them out of it, would cost more than the rest of a call.
ALTER TABLE api_budgets ALTER COLUMN arrivals SET STORAGE PLAIN;

CREATE TABLE circuit_breakers (
    integration_id uuid CONSTRAINT pk_circuit_breakers PRIMARY KEY
        CONSTRAINT fk_circuit_breakers_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'closed'
        CONSTRAINT ck_circuit_breakers_state CHECK (state IN ('closed', 'open', 'half_open')),
    -- Calls in a row that HubSpot did not serve.
    failures integer NOT NULL DEFAULT 0,
    opened_at timestamptz,
    -- open: when one call may try; half_open: when that call counts as lost.
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

-- What a portal says of itself and rarely changes: names of properties, owners, pipelines, account.
CREATE TABLE portal_cache (
    integration_id uuid NOT NULL
        CONSTRAINT fk_portal_cache_integration_id REFERENCES crm_integrations ON DELETE CASCADE,
    kind text NOT NULL,
    content jsonb NOT NULL,
    -- How many calls the answer took, and each use of it saves.
    calls integer NOT NULL DEFAULT 1,
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

-- A budget as it is at the time t: arrivals that left the window a second ago forgotten, and a belief in other apps'
-- use that was held for long enough lowered. Search's answers tell nothing of others, so there it is lowered by one call at a time.
CREATE FUNCTION budget_at(b api_budgets, t double precision) RETURNS api_budgets LANGUAGE plpgsql AS $$
BEGIN
    b.arrivals := ARRAY(SELECT a FROM unnest(b.arrivals) a WHERE a > t - b.window_seconds - 1 ORDER BY a);
    IF b.others > 0 AND t >= b.others_until THEN
        b.others := greatest(b.others_lately, CASE b.policy WHEN 'search' THEN b.others - 1 ELSE 0 END);
        b.hold_seconds := CASE WHEN b.strikes = 0 THEN greatest(5, b.hold_seconds / 2) ELSE b.hold_seconds END;
        b.others_lately := 0;
        b.strikes := 0;
        b.others_until := t + b.hold_seconds;
    END IF;
    RETURN b;
END
$$;

-- How many calls may have reached HubSpot within the window that ends at t, or are under way.
CREATE FUNCTION budget_taken(b api_budgets, t double precision) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT count(*)::integer FROM unnest(b.arrivals) a WHERE a > t - b.window_seconds
$$;

-- How many calls a lane may have in a window. A backfill leaves a quarter free, so that a scheduled run finds room at
-- once; scheduled runs leave a hundredth to webhooks and write-back.
CREATE FUNCTION budget_room(b api_budgets, p_lane integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(1, whole - b.others - CASE p_lane WHEN 3 THEN greatest(1, whole / 4) WHEN 2 THEN whole / 95 ELSE 0 END)
    FROM (SELECT least(b.allowed, b.ceiling) AS whole) AS limits
$$;

-- Why no call at all may go now, and for how long: the breaker is open, or the day's share is used up.
CREATE FUNCTION calls_stopped(
    p_integration uuid, t double precision, p_share double precision, OUT reason text, OUT delay double precision
) LANGUAGE sql STABLE AS $$
    SELECT CASE state WHEN 'open' THEN 'breaker' ELSE 'probe' END, extract(epoch FROM probe_at)::double precision - t
    FROM circuit_breakers
    WHERE integration_id = p_integration AND state <> 'closed' AND probe_at > to_timestamp(t)
    UNION ALL
    SELECT 'day', extract(epoch FROM resets_at)::double precision - t
    FROM api_budgets
    WHERE integration_id = p_integration AND policy = 'daily' AND resets_at > to_timestamp(t)
      AND used >= allowed * p_share
    LIMIT 1
$$;

-- Lets up to `wanted` calls of a lane (0 webhook, 1 write-back, 2 incremental, 3 backfill) go. They count as arriving
-- `p_unsettled` seconds from now until they are settled.
-- granted 0: `reason` says what for (limit, priority, refused, day, breaker, probe), `delay` for how many seconds.
-- granted 1 with the reason `probe`: this call finds out for everybody whether HubSpot serves again.
CREATE FUNCTION take_calls(
    p_integration uuid, p_policy text, p_lane integer, p_wanted integer, p_share double precision,
    p_unsettled double precision, p_probe_seconds double precision,
    OUT granted integer, OUT counted_at double precision, OUT delay double precision, OUT reason text
) LANGUAGE plpgsql AS $$
DECLARE
    b api_budgets;
    t double precision;
    room integer;
    taken integer;
BEGIN
    granted := 0;
    SELECT * INTO STRICT b FROM api_budgets WHERE integration_id = p_integration AND policy = p_policy FOR UPDATE;
    t := seconds_now();
    SELECT s.reason, s.delay INTO reason, delay FROM calls_stopped(p_integration, t, p_share) s;
    IF reason IS NOT NULL THEN
        RETURN;
    END IF;
    b := budget_at(b, t);
    room := budget_room(b, p_lane);
    taken := budget_taken(b, t);
    IF b.closed_until > t THEN
        reason := 'refused';
        delay := b.closed_until - t;
    ELSIF EXISTS (SELECT FROM unnest(b.waiting[1:p_lane]) w WHERE w > t) THEN
        reason := 'priority';
        delay := 0.1;
    ELSIF p_lane = 3 AND b.paced_at > t THEN
        reason := 'limit';
        delay := b.paced_at - t;
    ELSIF taken >= room THEN
        reason := 'limit';
        delay := b.arrivals[cardinality(b.arrivals) - room + 1] + b.window_seconds - t;
    ELSIF claim_probe(p_integration, t, p_probe_seconds) THEN
        reason := 'probe';
        granted := 1;
    ELSE
        granted := least(p_wanted, room - taken, CASE p_lane WHEN 3 THEN 1 END);
    END IF;
    counted_at := t + p_unsettled;
    b.arrivals := b.arrivals || array_fill(counted_at, ARRAY[granted]);
    b.paced_at := CASE WHEN p_lane = 3 AND granted > 0 THEN t + b.window_seconds / room ELSE b.paced_at END;
    b.waiting[p_lane + 1] := CASE WHEN granted = p_wanted THEN 0 ELSE t + coalesce(delay, 0.0) + 0.3 END;
    b.granted := b.granted + granted;
    PERFORM keep_budget(b);
END
$$;

-- Whether the breaker is open and this caller is the one to probe: all callers of a portal's other limit may ask at the
-- same time, so the row decides.
CREATE FUNCTION claim_probe(p_integration uuid, t double precision, p_probe_seconds double precision) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE circuit_breakers
    SET state = 'half_open', probe_at = to_timestamp(t + p_probe_seconds), updated_at = clock_timestamp()
    WHERE integration_id = p_integration AND state <> 'closed' AND probe_at <= to_timestamp(t);
    RETURN FOUND;
END
$$;

CREATE FUNCTION keep_budget(b api_budgets) RETURNS void LANGUAGE sql AS $$
    UPDATE api_budgets
    SET allowed = b.allowed, arrivals = b.arrivals, others = b.others, others_lately = b.others_lately,
        others_until = b.others_until, hold_seconds = b.hold_seconds, strikes = b.strikes,
        closed_until = b.closed_until, waiting = b.waiting, paced_at = b.paced_at, granted = b.granted,
        refused = b.refused, updated_at = clock_timestamp()
    WHERE integration_id = b.integration_id AND policy = b.policy
$$;

-- Calls are over: call i, counted at p_counted[i] so far, reached HubSpot p_ages[i] seconds ago at the latest.
-- p_max and p_remaining are what the headers of an answer told, if anything, whose call was sent p_sent_age seconds ago.
-- All of ours that HubSpot can have counted in that answer are in the window since, so the rest is others'.
CREATE FUNCTION settle_calls(
    p_integration uuid, p_policy text, p_counted double precision[], p_ages double precision[],
    p_max integer, p_remaining integer, p_sent_age double precision
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b api_budgets;
    t double precision;
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
        seen := p_max - p_remaining - budget_taken(b, t - p_sent_age);
        b.others_lately := greatest(b.others_lately, seen);
        IF seen > b.others THEN
            b.others := seen;
            b.hold_seconds := b.window_seconds;
            b.others_until := t + b.window_seconds;
        END IF;
    END IF;
    PERFORM keep_budget(b);
END
$$;

-- The day goes on by p_calls, or stands where the last answer's headers told.
CREATE FUNCTION count_day(
    p_integration uuid, p_calls integer, p_day integer, p_day_remaining integer, p_resets_at timestamptz
) RETURNS void LANGUAGE sql AS $$
    UPDATE api_budgets
    SET used = coalesce(p_day - p_day_remaining, CASE WHEN resets_at > clock_timestamp() THEN used ELSE 0 END + p_calls),
        allowed = coalesce(p_day, allowed), resets_at = p_resets_at, updated_at = clock_timestamp()
    WHERE integration_id = p_integration AND policy = 'daily'
$$;

-- HubSpot refused a call although we had counted right: somebody else uses the limit. What is left to us is what we got
-- through in the window; but a single refusal halves it at most, and a quarter is always tried, with longer and longer
-- pauses, as mistaken refusals would stop us otherwise.
-- p_asked: for how many seconds HubSpot wants no call; without it, a window's length is approached step by step.
CREATE FUNCTION refuse_call(p_integration uuid, p_policy text, p_asked double precision)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b api_budgets;
    t double precision;
    whole integer;
    own integer;
BEGIN
    SELECT * INTO STRICT b FROM api_budgets WHERE integration_id = p_integration AND policy = p_policy FOR UPDATE;
    t := seconds_now();
    whole := least(b.allowed, b.ceiling);
    own := budget_taken(b, t) - 1;
    -- Calls that were under way when the first one was refused are refused for the same reason.
    IF t >= b.closed_until THEN
        b.strikes := b.strikes + 1;
        b.hold_seconds := least(30, greatest(b.window_seconds, 2 * b.hold_seconds));
    END IF;
    b.others := least(whole - greatest(1, whole / 4), greatest(b.others, least(whole - own, whole - (whole >> least(b.strikes, 8)))));
    b.others_until := t + b.hold_seconds;
    b.closed_until := greatest(
        b.closed_until, t + coalesce(p_asked, least(b.window_seconds, 0.5 * 2 ^ least(b.strikes, 8))));
    b.refused := b.refused + 1;
    PERFORM keep_budget(b);
END
$$;

-- HubSpot says that the day's calls are used up.
CREATE FUNCTION refuse_day(p_integration uuid, p_resets_at timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE api_budgets
    SET used = greatest(used, allowed), allowed = coalesce(allowed, 0), resets_at = p_resets_at, refused = refused + 1,
        updated_at = clock_timestamp()
    WHERE integration_id = p_integration AND policy = 'daily'
$$;

-- Counts what became of calls; returns the breaker's state after it, and whether they changed it. While it is not
-- closed, only the probe's outcome counts: an answer that was under way when it opened proves nothing.
CREATE FUNCTION note_outcomes(
    p_integration uuid, p_answered integer, p_failed integer, p_probe boolean, p_error text, p_threshold integer,
    p_first_pause double precision, p_longest_pause double precision,
    OUT state text, OUT changed boolean, OUT failures integer, OUT probe_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    b circuit_breakers;
BEGIN
    IF p_failed > 0 THEN
        INSERT INTO circuit_breakers (integration_id) VALUES (p_integration) ON CONFLICT DO NOTHING;
    END IF;
    SELECT * INTO b FROM circuit_breakers c WHERE c.integration_id = p_integration
        AND (p_failed > 0 OR c.failures > 0 OR c.state <> 'closed') FOR UPDATE;
    state := coalesce(b.state, 'closed');
    changed := false;
    IF b IS NULL OR p_answered + p_failed = 0 OR state <> 'closed' AND NOT p_probe THEN
        RETURN;
    END IF;
    b.failures := CASE WHEN p_answered > 0 THEN p_failed ELSE b.failures + p_failed END;
    state := CASE WHEN b.failures >= p_threshold OR b.state <> 'closed' AND p_failed > 0 THEN 'open' ELSE 'closed' END;
    changed := b.state <> state;
    IF state = 'open' THEN
        b.openings := b.openings + 1;
        b.opened_at := clock_timestamp();
        b.probe_at := b.opened_at
            + make_interval(secs => least(p_longest_pause, p_first_pause * 2 ^ least(b.openings - 1, 20)));
    ELSE
        b.openings := 0;
        b.probe_at := NULL;
    END IF;
    failures := b.failures;
    probe_at := b.probe_at;
    UPDATE circuit_breakers c
    SET state = note_outcomes.state, failures = b.failures, openings = b.openings, opened_at = b.opened_at,
        probe_at = b.probe_at, last_error = coalesce(p_error, c.last_error), updated_at = clock_timestamp()
    WHERE c.integration_id = p_integration;
END
$$;
