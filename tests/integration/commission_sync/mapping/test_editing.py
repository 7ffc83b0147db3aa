"""Editing a mapping over stored deals: search, comparison, keeping, and going on when somebody else was quicker."""

from contextlib import closing, contextmanager
from decimal import Decimal

import psycopg
import pytest

from commission_sync.flags.change import InvalidFlag, set_for_company
from commission_sync.mapping.draft import CalculatedRow, Draft, MappedRow, check_draft
from commission_sync.mapping.editing import Outdated, counting_documents, keep, mark_of
from commission_sync.mapping.issues import InvalidMapping
from commission_sync.mapping.preview import compare_newest
from commission_sync.store import connect
from commission_sync.store.integrations import integration
from commission_sync.store.mapping_versions import stored_mapping
from commission_sync.store.property_search import property_kinds, search_properties
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import portal_of, recompute_stored
from hubspot_emulator import PortalSpec, running_emulator
from world import World, register

TOTAL = Draft(
    (MappedRow("contract_length_months", "months", "number"),), (CalculatedRow("total", "amount * months", "worth"),)
)


@pytest.fixture(scope="module")
def synced(fresh_database):
    portal = PortalSpec("acme", 1001, 150, "pat-na1-acme", "pro")
    with running_emulator([portal], limits=False) as emulator:
        acme = World(emulator, portal, fresh_database, register(fresh_database, portal))
        acme.sync()
    return acme


@pytest.fixture
def acme(synced):
    """A company with deals and without a mapping."""
    synced.execute(
        "TRUNCATE mapping_versions, mapping_problems, mapping_breaches;"
        "UPDATE crm_integrations SET property_mappings = '{}', calculated_fields = '{}', feature_flags = '{}';"
        "UPDATE deals SET mapped = '{}', calculated = '{}'; UPDATE property_catalog SET archived_at = NULL"
    )
    return synced


@contextmanager
def editing(acme):
    with closing(connect(acme.dsn)) as conn, conn.transaction():
        company = integration(conn, acme.integration_id)
        yield conn, company.id, portal_of(conn, company, DEALS)


def kept(acme, draft, made_from=None, **how):
    with editing(acme) as (conn, company, portal):
        mark = made_from or mark_of(stored_mapping(conn, company))
        return keep(conn, company, check_draft(draft, portal), portal, made_from=mark, author="user:ana", **how)


def recomputed(acme):
    with closing(connect(acme.dsn)) as conn:
        with conn.transaction():
            company = integration(conn, acme.integration_id)
        return recompute_stored(conn, company, DEALS)


def test_a_draft_is_kept_activated_and_applied_to_stored_deals(acme):
    assert kept(acme, TOTAL, note="for the plan of 2027", activates=True) == 1
    assert acme.query("SELECT version, author, note, is_active, activated_by FROM mapping_versions") == [
        (1, "user:ana", "for the plan of 2027", True, "user:ana")
    ]
    done, has_gaps = recomputed(acme)
    assert (done.deals, has_gaps) == (150, False)
    for amount, months, total in acme.query(
        "SELECT amount, properties ->> 'contract_length_months', calculated ->> 'total' FROM deals"
    ):
        assert (total and Decimal(total)) == (amount and amount * Decimal(months))
    with editing(acme) as (conn, company, _):
        assert Draft.of(counting_documents(stored_mapping(conn, company))) == TOTAL


def test_saving_alone_leaves_the_mapping_that_counts(acme):
    assert kept(acme, TOTAL) == 1
    assert acme.query("SELECT is_active FROM mapping_versions") == [(False,)]
    assert acme.value("SELECT property_mappings FROM crm_integrations") == {}


def test_nothing_invalid_is_kept(acme):
    wrong = Draft(TOTAL.mapped, (CalculatedRow("total", "amount * mnths"),))
    twice = Draft((*TOTAL.mapped, *TOTAL.mapped), TOTAL.calculated)
    for draft in (wrong, twice):
        with pytest.raises(InvalidMapping):
            kept(acme, draft)
    assert acme.value("SELECT count(*) FROM mapping_versions") == 0


def test_a_draft_does_not_undo_what_somebody_else_activated_meanwhile(acme):
    with editing(acme) as (conn, company, _):
        mark = mark_of(stored_mapping(conn, company))
    kept(acme, TOTAL, activates=True)
    with pytest.raises(Outdated, match="version 1"):
        kept(acme, Draft(TOTAL.mapped, (CalculatedRow("total", "amount"),)), made_from=mark, activates=True)
    assert acme.value("SELECT count(*) FROM mapping_versions") == 1


def test_neither_does_one_over_documents_that_were_changed_in_the_table(acme):
    with editing(acme) as (conn, company, _):
        mark = mark_of(stored_mapping(conn, company))
    acme.execute("""UPDATE crm_integrations SET property_mappings = '{"amount": "value"}'""")
    with pytest.raises(Outdated):
        kept(acme, TOTAL, made_from=mark)


def test_five_of_the_newest_deals_are_shown_before_and_after_and_those_that_change_first(acme):
    spoil = "UPDATE deals SET properties = properties || '{\"contract_length_months\": \"%s\"}' WHERE crm_id = '%s'"
    newest, months = acme.query(
        "SELECT crm_id, properties ->> 'contract_length_months' FROM deals ORDER BY crm_id DESC LIMIT 1"
    )[0]
    acme.execute(spoil % ("many", newest))
    with editing(acme) as (conn, _, portal):
        mapping = check_draft(TOTAL, portal).checked.compiled.mapping
        deals = compare_newest(conn, acme.integration_id, mapping)
    assert len(deals) == 5
    for deal in deals:
        fields = {one.field: one for one in deal.fields}
        amount, months = acme.query(
            "SELECT amount, properties ->> 'contract_length_months' FROM deals WHERE crm_id = %s", deal.crm_id
        )[0]
        assert (fields["months"].now, fields["months"].then) == (None, months)
        assert Decimal(fields["total"].then) == amount * Decimal(months)
    with editing(acme) as (conn, _, portal):
        every = compare_newest(conn, acme.integration_id, mapping, most=150)
    acme.execute(spoil % (months, newest))
    (broken,) = [deal for deal in every if any(one.reason for one in deal.fields)]
    assert broken.fields[0].reason == "contract_length_months: 'many' is not a number"


def test_fields_that_a_mapping_gives_up_are_shown_as_going(acme):
    kept(acme, TOTAL, activates=True)
    recomputed(acme)
    with editing(acme) as (conn, _, portal):
        deals = compare_newest(conn, acme.integration_id, check_draft(Draft(), portal).checked.compiled.mapping)
    assert {one.field for deal in deals for one in deal.fields} == {"months", "total"}
    assert all(one.then is None for deal in deals for one in deal.fields)


def test_properties_are_found_by_the_words_of_their_name_and_label_with_what_deals_hold(acme):
    with closing(psycopg.connect(acme.dsn)) as conn:
        first, *_ = search_properties(conn, acme.integration_id, "contract LENGTH")
        assert (first.name, first.type, first.looked_at) == ("contract_length_months", "number", 100)
        stored = {row[0] for row in acme.query("SELECT properties ->> 'contract_length_months' FROM deals")}
        assert 1 <= len(first.samples) <= 3
        assert set(first.samples) <= stored
        assert 0 < first.filled <= 100
        exact, *_ = search_properties(conn, acme.integration_id, "amount")
        assert exact.name == "amount"
        assert search_properties(conn, acme.integration_id, "100%_") == []
        numbers = search_properties(conn, acme.integration_id, type="number", most=5)
        assert len(numbers) == 5 < numbers[0].matching
        assert {one.type for one in numbers} == {"number"}
        kinds = property_kinds(conn, acme.integration_id)
        assert "number" in kinds.types
        assert first.group_name in kinds.groups


def test_archived_properties_come_last_and_say_so(acme):
    acme.execute("UPDATE property_catalog SET archived_at = now() WHERE name = 'contract_length_months'")
    with closing(psycopg.connect(acme.dsn)) as conn:
        *_, last = search_properties(conn, acme.integration_id, "contract")
    assert last.name == "contract_length_months"
    assert last.archived_at is not None


def test_a_company_sees_no_other_companys_properties_or_deals(acme):
    acme.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('globex', 2, 'hubspot_globex')")
    globex = acme.value("SELECT id FROM crm_integrations WHERE company_id = 'globex'")
    with closing(psycopg.connect(acme.dsn)) as conn:
        assert search_properties(conn, globex, "amount") == []
        assert property_kinds(conn, globex).types == []
    with editing(acme) as (conn, _, portal):
        assert compare_newest(conn, globex, check_draft(TOTAL, portal).checked.compiled.mapping) == []


def test_a_flag_is_set_for_a_company_and_handed_back_to_the_rules(acme):
    def change(name, written):
        with closing(psycopg.connect(acme.dsn)) as conn, conn.transaction():
            set_for_company(conn, acme.integration_id, name, written, actor="user:ana")
        return acme.value("SELECT feature_flags FROM crm_integrations WHERE id = %s", acme.integration_id)

    assert change("writeback", "approval") == {"writeback": "approval"}
    assert change("history", "false") == {"writeback": "approval", "history": False}
    assert change("history", None) == {"writeback": "approval"}
    for name, written in (("writeback", "perhaps"), ("nonsense", "true"), ("nonsense", None)):
        with pytest.raises(InvalidFlag):
            change(name, written)
    told = acme.query("SELECT entity_id, changes, actor FROM audit_log WHERE entity = 'feature_flag' ORDER BY id")
    assert told[0] == ("writeback", {"company": [None, "approval"]}, "user:ana")
    assert len(told) == 3
