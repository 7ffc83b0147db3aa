-- Each process that begins to apply a plan takes the next number; whoever has an older one sends nothing any more.
ALTER TABLE writeback_plans ADD COLUMN fence bigint NOT NULL DEFAULT 0;

-- Of a row that is `unanswered`: the values that HubSpot may have been sent, or that may still be on their way.
ALTER TABLE commission_writebacks ADD COLUMN sending jsonb;
UPDATE commission_writebacks SET sending = properties WHERE unanswered;

-- Few: asked for by every plan and every batch.
CREATE INDEX ix_commission_writebacks_unanswered ON commission_writebacks (integration_id, deal_id) WHERE unanswered;
