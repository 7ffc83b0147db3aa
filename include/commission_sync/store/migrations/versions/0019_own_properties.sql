-- Which properties are HubSpot's own: nothing of ours is ever written into one.
ALTER TABLE property_catalog ADD COLUMN hubspot_defined boolean NOT NULL DEFAULT false;

-- The setting is refused where it is made, as far as it can be told there; every run looks again, and at more.
CREATE FUNCTION refuse_foreign_properties() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    foreign_name text;
BEGIN
    SELECT p.value INTO foreign_name
    FROM jsonb_each_text(CASE jsonb_typeof(NEW.writeback_settings -> 'properties')
                         WHEN 'object' THEN NEW.writeback_settings -> 'properties' ELSE '{}' END) p
    WHERE p.value LIKE 'hs\_%'
       OR p.value IN ('amount', 'closedate', 'createdate', 'deal_currency_code', 'dealname', 'dealstage',
                      'hubspot_owner_id', 'pipeline')
       OR EXISTS (SELECT FROM property_catalog c WHERE c.integration_id = NEW.id AND c.object_type = 'deals'
                  AND c.name = p.value AND c.hubspot_defined)
    LIMIT 1;
    IF foreign_name IS NOT NULL THEN
        RAISE EXCEPTION 'commissions cannot be written into the deal property %: it is HubSpot''s own', foreign_name
            USING ERRCODE = 'check_violation', HINT = 'Name a property that nobody else writes, or leave the key out.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refuse_foreign_properties BEFORE INSERT OR UPDATE OF writeback_settings ON crm_integrations
    FOR EACH ROW EXECUTE FUNCTION refuse_foreign_properties();
