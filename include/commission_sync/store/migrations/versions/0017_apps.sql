-- Which OAuth app a person agreed to; null: not known, from before it was kept.
ALTER TABLE crm_credentials ADD COLUMN client_id text;
