-- Those that were merged into a deal: few, and asked for by whoever looks at it.
CREATE INDEX ix_deals_merged_into ON deals (integration_id, merged_into_crm_id) WHERE merged_into_crm_id IS NOT NULL;
