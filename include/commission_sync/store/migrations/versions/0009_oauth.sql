-- HubSpot refused a token before its time, and another one was asked for: not again within a minute.
ALTER TABLE crm_credentials ADD COLUMN forced_at timestamptz;

-- Consents that were started and came back: each may be used once.
CREATE TABLE oauth_states (
    nonce text CONSTRAINT pk_oauth_states PRIMARY KEY,
    used_at timestamptz NOT NULL DEFAULT now()
);
