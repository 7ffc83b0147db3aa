"""Commissions go only into properties that are the write-back's own: no input of theirs, nothing of HubSpot's."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from commission_sync.writeback.schema import UnfitProperty


def name(acme, property_name):
    acme.flag("on", properties={"commission_amount": property_name})


@pytest.mark.parametrize("foreign", ["amount", "dealstage", "hs_forecast_amount", "description"])
def test_a_property_of_hubspots_own_is_refused_when_the_setting_is_made(acme, foreign):
    with pytest.raises(psycopg.errors.CheckViolation, match=f"deal property {foreign}: it is HubSpot's own"):
        name(acme, foreign)


@pytest.mark.parametrize(
    ("column", "document"),
    [
        ("property_mappings", {"quota_credit": {"field": "credit", "type": "number"}}),
        ("property_mappings", {"version": 1, "fields": [{"property": "quota_credit"}]}),
        ("calculated_fields", {"bonus": "quota_credit * 2"}),
    ],
)
def test_a_property_that_a_mapping_or_a_formula_reads_is_refused_at_every_run(acme, column, document):
    name(acme, "quota_credit")
    acme.pay([acme.world.emulator.admin.truth_ids(1001)[0]])
    with psycopg.connect(acme.world.dsn) as conn:
        conn.execute(f"UPDATE crm_integrations SET {column} = %s", (Jsonb(document),))
    with pytest.raises(UnfitProperty, match="quota_credit: it is read by the company's mapping or formulas"):
        acme.run()
    assert acme.world.value("SELECT count(*) FROM commission_writebacks") == 0


def test_a_property_that_dates_exchange_rates_is_refused_at_every_run(acme):
    name(acme, "rate_day")
    acme.world.execute("UPDATE crm_integrations SET fx_anchor = 'property:rate_day'")
    with pytest.raises(UnfitProperty, match="rate_day: it dates the company's exchange rates"):
        acme.run()


def test_a_property_that_turns_out_to_be_hubspots_is_refused_at_the_next_run(acme):
    name(acme, "quota_credit")
    acme.world.execute(
        "INSERT INTO property_catalog (integration_id, object_type, name, label, type, field_type, group_name, "
        "calculated, read_only, hubspot_defined) SELECT id, 'deals', 'quota_credit', 'x', 'number', 'number', 'x', "
        "false, false, true FROM crm_integrations"
    )
    with pytest.raises(UnfitProperty, match="quota_credit: it is HubSpot's own"):
        acme.run()


def test_a_name_of_ones_own_still_goes(acme):
    name(acme, "provision")
    acme.pay([acme.world.emulator.admin.truth_ids(1001)[0]])
    assert acme.run().counts == {"sent": 1}
