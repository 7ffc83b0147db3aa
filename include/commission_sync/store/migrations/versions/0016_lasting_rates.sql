-- What became a part of the euro: one euro is `rate` units from `joined` on, for ever. Source: Council Regulations (EC)
-- 2866/98, 1478/2000, 1086/2006, 1134/2007, 1135/2007, 694/2008, (EU) 671/2010, 870/2013, 851/2014, 2022/1208, 2025/1409.
CREATE TABLE fx_fixed_rates (
    currency text NOT NULL CONSTRAINT pk_fx_fixed_rates PRIMARY KEY,
    joined date NOT NULL,
    rate numeric NOT NULL CONSTRAINT ck_fx_fixed_rates_rate CHECK (rate > 0)
);
INSERT INTO fx_fixed_rates (currency, joined, rate) VALUES
    ('ATS', '1999-01-01', 13.7603), ('BEF', '1999-01-01', 40.3399), ('DEM', '1999-01-01', 1.95583),
    ('ESP', '1999-01-01', 166.386), ('FIM', '1999-01-01', 5.94573), ('FRF', '1999-01-01', 6.55957),
    ('IEP', '1999-01-01', 0.787564), ('ITL', '1999-01-01', 1936.27), ('LUF', '1999-01-01', 40.3399),
    ('NLG', '1999-01-01', 2.20371), ('PTE', '1999-01-01', 200.482), ('GRD', '2001-01-01', 340.750),
    ('SIT', '2007-01-01', 239.640), ('CYP', '2008-01-01', 0.585274), ('MTL', '2008-01-01', 0.429300),
    ('SKK', '2009-01-01', 30.1260), ('EEK', '2011-01-01', 15.6466), ('LVL', '2014-01-01', 0.702804),
    ('LTL', '2015-01-01', 3.45280), ('HRK', '2023-01-01', 7.53450), ('BGN', '2026-01-01', 1.95583);

-- A rate that a person entered for a company, for what its source does not have.
CREATE TABLE fx_entered_rates (
    id bigserial CONSTRAINT pk_fx_entered_rates PRIMARY KEY,
    integration_id uuid NOT NULL CONSTRAINT fk_fx_entered_rates_integration_id REFERENCES crm_integrations,
    base text NOT NULL CONSTRAINT ck_fx_entered_rates_base CHECK (base ~ '^[A-Z]{3}$'),
    quote text NOT NULL CONSTRAINT ck_fx_entered_rates_quote CHECK (quote ~ '^[A-Z]{3}$'),
    rate numeric NOT NULL CONSTRAINT ck_fx_entered_rates_rate CHECK (rate > 0 AND rate <> 'Infinity' AND rate <> 'NaN'),
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    reason text NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_by text,
    withdrawn_at timestamptz,
    CONSTRAINT ck_fx_entered_rates_days CHECK (valid_from <= valid_to),
    CONSTRAINT ck_fx_entered_rates_pair CHECK (base <> quote)
);
CREATE INDEX ix_fx_entered_rates_integration_id ON fx_entered_rates (integration_id) WHERE withdrawn_at IS NULL;
