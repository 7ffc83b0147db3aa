"""Mapped and calculated fields as runs fill them, from HubSpot over HTTP into PostgreSQL."""

import json
import urllib.request
from contextlib import closing
from decimal import Decimal

from commission_sync.mapping.recompute import recompute
from commission_sync.mapping.versions import Documents, activate, check, save
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.streams.deals import DEALS
from commission_sync.streams.landing import Landing
from commission_sync.streams.mapped import load_mapping, portal_of
from commission_sync.streams.mapping_check import check_mapping
from commission_sync.streams.request import Mode

MAPPINGS = {
    "contract_length_months": {"field": "months", "type": "number", "required": True},
    "contract_start_date": {"field": "starts on", "type": "date"},
    "renewal": {"field": "is_renewal", "type": "boolean"},
    "sales_region": {"field": "factor", "type": "number", "values": {"EMEA": "1.5", "AMER": "1", "APAC": "1.25"}, "default": "1"},
    "partner_name": "partner",
}  # fmt: skip
FORMULAS = {"total_contract_value": "amount * months", "weighted": "round(total_contract_value * factor, 2)"}


def write_mapping(world, mappings=None, formulas=None):
    """Put a mapping into the table as somebody with a database client would."""
    documents = (
        json.dumps(MAPPINGS if mappings is None else mappings),
        json.dumps(FORMULAS if formulas is None else formulas),
    )
    world.query("UPDATE crm_integrations SET property_mappings = %s, calculated_fields = %s RETURNING 1", *documents)


def hubspot(world, method, path, body=None):
    """Change the portal as its administrator would."""
    request = urllib.request.Request(
        f"{world.emulator.url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {world.portal.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.status


def a_deal(world):
    return world.value("SELECT min(crm_id) FROM deals")


def fields(world, crm_id):
    return world.query("SELECT mapped, calculated FROM deals WHERE crm_id = %s", crm_id)[0]


def problems(world):
    return world.query(
        "SELECT crm_id, field, reason FROM mapping_problems WHERE resolved_at IS NULL ORDER BY crm_id, field"
    )


def breaches(world):
    return world.query("SELECT field, kind, is_error FROM mapping_breaches WHERE resolved_at IS NULL ORDER BY 1, 2")


def checked_at_night(world):
    with closing(connect(world.dsn)) as conn, world.client() as client:
        with conn.transaction():
            company = integration(conn, world.integration_id)
        return check_mapping(client, conn, company)


def test_a_run_fills_the_fields_of_every_deal_with_the_declared_types(world):
    acme = world(300)
    write_mapping(acme)
    acme.sync()
    assert not acme.difference()
    rows = acme.query("SELECT amount, properties, mapped, calculated FROM deals")
    assert len(rows) == 300
    for amount, properties, mapped, calculated in rows:
        months = Decimal(properties["contract_length_months"])
        factor = {"EMEA": "1.5", "APAC": "1.25"}.get(properties["sales_region"], "1")
        assert mapped == {
            "months": str(months),
            "starts on": properties["contract_start_date"],
            "is_renewal": {"true": True, "false": False}.get(properties["renewal"]),
            "factor": factor,
            "partner": properties["partner_name"] or None,
        }
        total = None if amount is None else amount * months
        assert calculated["total_contract_value"] == (None if total is None else format(total, "f"))
    assert problems(acme) == []


def test_a_changed_mapping_is_a_version_and_recomputes_stored_deals_without_asking_for_any(world):
    acme = world(300)
    acme.sync()
    write_mapping(acme)
    counts = acme.sync()
    assert (counts.inserted, counts.updated) == (0, 0)
    assert acme.value("SELECT count(*) FROM deals WHERE mapped->>'months' IS NOT NULL") == 300
    assert counts.api_calls == 2
    assert acme.query("SELECT actor, action, count(*) FROM audit_log WHERE entity = 'deal' AND action NOT IN ('insert', 'split') GROUP BY 1, 2") == [
        ("mapping:1", "recompute", 300)
    ]  # fmt: skip
    assert acme.query("SELECT version, author, is_active, recomputed_at IS NOT NULL FROM mapping_versions") == [
        (1, "crm_integrations", True, True)
    ]
    write_mapping(acme, formulas={"total_contract_value": "amount * months * 2"})
    acme.sync()
    (changes,) = acme.query("SELECT changes FROM audit_log WHERE actor = 'mapping:2' AND entity = 'deal' LIMIT 1")[0]
    assert set(changes) <= {"total_contract_value", "weighted"}


def test_a_second_run_with_a_mapping_writes_nothing(world):
    acme = world(100)
    write_mapping(acme)
    acme.sync()
    before = acme.query("SELECT crm_id, xmin::text FROM deals ORDER BY 1"), acme.value("SELECT count(*) FROM audit_log")
    assert acme.sync().api_calls == 2
    assert before == (
        acme.query("SELECT crm_id, xmin::text FROM deals ORDER BY 1"),
        acme.value("SELECT count(*) FROM audit_log"),
    )


def test_a_value_that_cannot_be_mapped_is_null_named_kept_and_nobody_elses_matter(world):
    acme = world(60)
    write_mapping(acme, formulas={**FORMULAS, "share": "amount / (months - 12)"})
    acme.sync()
    crm_id = a_deal(acme)
    wrong = {"contract_length_months": "a year", "sales_region": "MARS", "amount": "10.00", "partner_name": "Initech"}
    acme.emulator.admin.override_deal(1001, crm_id, wrong)
    acme.sync()
    mapped, calculated = fields(acme, crm_id)
    assert (mapped["months"], mapped["factor"], mapped["partner"]) == (None, None, "Initech")
    assert calculated == {"total_contract_value": None, "weighted": None, "share": None}
    told = {field: reason for who, field, reason in problems(acme) if who == crm_id}
    assert told["months"] == "contract_length_months: 'a year' is not a number"
    assert told["factor"] == "sales_region: 'MARS' is not in the value map"
    assert set(told) == {"months", "factor", "total_contract_value", "weighted", "share"}
    others = [reason for who, field, reason in problems(acme) if who != crm_id]
    assert set(others) == {"column 11: division by zero"}

    acme.emulator.admin.override_deal(1001, crm_id, {"contract_length_months": "24", "sales_region": "EMEA"})
    acme.sync()
    assert fields(acme, crm_id)[1] == {
        "total_contract_value": "240.00",
        "weighted": "360.00",
        "share": "0.8" + "3" * 49,
    }
    assert [p for p in problems(acme) if p[0] == crm_id] == []
    assert (
        acme.value("SELECT count(*) FROM mapping_problems WHERE crm_id = %s AND resolved_at IS NOT NULL", crm_id) == 5
    )


def test_an_archived_property_is_reported_and_all_other_fields_go_on(world):
    acme = world(40)
    write_mapping(acme)
    acme.sync()
    crm_id = a_deal(acme)
    hubspot(acme, "DELETE", "/crm/properties/2026-03/deals/contract_length_months")
    assert [(i.field, i.kind.value) for i in checked_at_night(acme) if i.is_error] == [("months", "archived")]
    assert breaches(acme) == [("months", "archived", True)]
    assert fields(acme, crm_id)[0]["months"] is not None

    acme.emulator.admin.override_deal(1001, crm_id, {"sales_region": "EMEA", "amount": "7"})
    acme.sync()
    mapped, calculated = fields(acme, crm_id)
    assert (mapped["months"], mapped["factor"]) == (None, "1.5")
    assert calculated["total_contract_value"] is None
    assert problems(acme) == []


def test_a_renamed_property_and_one_of_another_type_are_reported_before_a_run_needs_them(world):
    acme = world(40)
    write_mapping(acme)
    acme.sync()
    hubspot(acme, "PATCH", "/crm/properties/2026-03/deals/partner_name", {"label": "Partner (old)"})
    again = {
        "name": "renewal",
        "label": "Renewal",
        "type": "string",
        "fieldType": "text",
        "groupName": "dealinformation",
    }
    hubspot(acme, "DELETE", "/crm/properties/2026-03/deals/renewal")
    hubspot(acme, "POST", "/crm/properties/2026-03/deals", again)
    checked_at_night(acme)
    assert breaches(acme) == [
        ("is_renewal", "type", True),
        ("is_renewal", "type_changed", True),
        ("partner", "renamed", False),
    ]
    crm_id = a_deal(acme)
    acme.emulator.admin.override_deal(1001, crm_id, {"renewal": "maybe", "partner_name": "Hooli"})
    acme.sync()
    mapped, _ = fields(acme, crm_id)
    assert (mapped["is_renewal"], mapped["partner"]) == (None, "Hooli")
    assert problems(acme) == [(crm_id, "is_renewal", "renewal: 'maybe' is neither true nor false")]


def test_a_broken_mapping_in_the_table_costs_its_own_fields_only(world):
    acme = world(30)
    bad = {"contract_length_months": {"field": "months"}, "nowhere": "lost", "renewal": {"feld": "x"}}
    write_mapping(acme, bad, {"ok": "months * 2", "typo": "mnths * 2", "round": "round_ + 1", "loop": "loop + 1"})
    acme.sync()
    assert not acme.difference()
    rows = acme.query("SELECT mapped->>'months', calculated FROM deals")
    assert all(c["ok"] == str(int(m) * 2) for m, c in rows)
    assert all(c["typo"] is c["loop"] is None for _, c in rows)
    assert {(f, k) for f, k, _ in breaches(acme)} == {
        ("lost", "missing"),
        ("renewal", "invalid"),
        ("typo", "formula"),
        ("round", "formula"),
        ("loop", "formula"),
    }
    write_mapping(acme)
    acme.sync()
    assert breaches(acme) == []


def test_documents_that_are_no_objects_are_told_and_stop_nothing(world):
    acme = world(20)
    acme.execute("UPDATE crm_integrations SET property_mappings = '[1]', calculated_fields = 'null'")
    acme.sync()
    assert not acme.difference()
    assert {(f, k) for f, k, _ in breaches(acme)} == {
        ("property_mappings", "invalid"),
        ("calculated_fields", "invalid"),
    }


def test_properties_may_have_any_name(world):
    acme = world(20)
    names = ["crm_id", "properties", "mapped", "no_name", "p" * 90]
    for name in names:
        definition = {
            "name": name,
            "label": name,
            "type": "string",
            "fieldType": "text",
            "groupName": "dealinformation",
        }
        acme.emulator.admin.create_property(1001, definition)
    acme.sync()
    crm_id = a_deal(acme)
    acme.emulator.admin.override_deal(1001, crm_id, {name: f"value of {name}" for name in names})
    acme.sync()
    write_mapping(acme, {name: f"my {name}" for name in names}, {"n": "if(\"my crm_id\" = 'value of crm_id', 1, 0)"})
    acme.sync()
    assert fields(acme, crm_id) == ({f"my {name}": f"value of {name}" for name in names}, {"n": "1"})


def test_a_recomputation_that_was_interrupted_is_finished_by_the_next_run(world):
    acme = world(100)
    write_mapping(acme)
    acme.sync()
    acme.execute("UPDATE mapping_versions SET recomputed_at = NULL")
    acme.execute("UPDATE deals SET mapped = '{}' WHERE crm_id IN (SELECT crm_id FROM deals ORDER BY crm_id LIMIT 40)")
    acme.sync()
    assert acme.value("SELECT count(*) FROM deals WHERE mapped = '{}'") == 0
    assert acme.value("SELECT count(*) FROM audit_log WHERE action = 'recompute'") == 40
    assert acme.value("SELECT recomputed_at FROM mapping_versions") is not None


def test_what_was_written_into_the_table_is_a_version_before_another_one_replaces_it(world):
    acme = world(20)
    acme.sync()
    write_mapping(acme, {"margin": "margin"}, {})
    with closing(connect(acme.dsn)) as conn:
        activate_by_hand(conn, acme, {"margin": "spread"})
    assert acme.query("SELECT version, author, is_active, property_mappings FROM mapping_versions ORDER BY 1") == [
        (1, "crm_integrations", False, {"margin": "margin"}),
        (2, "ana", True, {"margin": "spread"}),
    ]


def test_a_property_that_was_never_stored_is_read_alone(world):
    acme = world(250)
    acme.sync()
    acme.execute("UPDATE deals SET properties = properties - 'margin'")
    crm_id = a_deal(acme)
    acme.emulator.admin.override_deal(1001, crm_id, {"margin": "0.25"}, bump=False)
    write_mapping(acme, {"margin": "margin"}, {})
    # Two of any run, three batches, and the splits of what the backfill has changed.
    assert acme.sync().api_calls == 2 + 3 + 1
    assert fields(acme, crm_id) == ({"margin": "0.25"}, {})
    assert acme.value("SELECT count(*) FROM deals WHERE NOT properties ? 'margin'") == 0
    assert not acme.difference()
    assert acme.sync(Mode.FULL).updated == 0
    assert acme.query(
        "SELECT actor FROM audit_log WHERE entity_id = %s AND changes ? 'margin' ORDER BY id", crm_id
    ) == [
        ("backfill",),
        ("mapping:1",),
    ]


def test_a_mapping_that_changes_while_a_run_lands_leaves_no_row_behind(world, monkeypatch):
    """The change is made by another session, between two checkpoints of the run."""
    acme = world(600)
    write_mapping(acme, {"contract_length_months": "months"}, {})
    acme.sync()
    acme.emulator.admin.edit(1001, count=400, mix="update")
    monkeypatch.setattr("commission_sync.streams.landing.CHECKPOINT_ROWS", 100)
    commit, changed = Landing.commit, []

    def commit_after_a_change(landing):
        if not changed:
            changed.append(True)
            with closing(connect(acme.dsn)) as conn:
                activate_by_hand(conn, acme, {"contract_length_months": "term"})
        commit(landing)

    monkeypatch.setattr(Landing, "commit", commit_after_a_change)
    acme.sync()
    assert acme.query("SELECT DISTINCT jsonb_object_keys(mapped) FROM deals") == [("term",)]


def activate_by_hand(conn, world, mappings):
    """Save and activate a mapping and recompute the stored deals, as the command does."""
    with conn.transaction():
        company = integration(conn, world.integration_id)
        portal = portal_of(conn, company, DEALS)
        checked = check(Documents(json.dumps(mappings), "{}"), portal)
        version = save(conn, company.id, checked, portal, author="ana")
        activate(conn, company.id, version, portal, actor="ana")
    recompute(conn, company.id, load_mapping(conn, company, DEALS).compiled.mapping)
