"""A mapping of one portal: what it makes of a deal, and what is wrong with it, entry by entry."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.mapping.compiled import DealColumn, Portal, compile_mapping
from commission_sync.mapping.config import read_config
from commission_sync.mapping.contract import baseline, check_contract
from commission_sync.mapping.fields import FieldType, to_json
from commission_sync.mapping.order import circle, in_order
from commission_sync.store.catalog import KnownProperty

OPTIONS = [{"value": "EMEA"}, {"value": "AMER"}, {"value": "APAC"}]
CATALOGUE = {
    known.name: known
    for known in (
        KnownProperty("amount", "Amount", "number", "number"),
        KnownProperty("deal_currency_code", "Currency", "enumeration", "select"),
        KnownProperty("months", "Contract length", "number", "number"),
        KnownProperty("region", "Sales region", "enumeration", "select", OPTIONS),
        KnownProperty("families", "Product families", "enumeration", "checkbox", [{"value": "core"}]),
        KnownProperty("start", "Contract start", "date", "date"),
        KnownProperty("paid", "First payment", "datetime", "date"),
        KnownProperty("renewal", "Renewal", "bool", "booleancheckbox", [{"value": "true"}, {"value": "false"}]),
        KnownProperty("partner", "Partner", "string", "text"),
        KnownProperty("old", "Old name", "number", "number", archived_at=datetime(2026, 1, 1, tzinfo=UTC)),
        KnownProperty("new", "Old name", "number", "number"),
    )
}
COLUMNS = (
    DealColumn("amount", "amount", FieldType.NUMBER),
    DealColumn("currency", "deal_currency_code", FieldType.TEXT, "EUR"),
)


def compiled(mappings=None, formulas=None, zone=UTC, catalogue=CATALOGUE):
    return compile_mapping(
        read_config({} if mappings is None else mappings, {} if formulas is None else formulas),
        Portal(catalogue, COLUMNS, zone),
    )


def derived(mappings=None, formulas=None, zone=UTC, **properties):
    return compiled(mappings, formulas, zone).mapping.derive(properties)


def problems(found):
    return dict(found.problems)


def contract(mappings=None, formulas=None, catalogue=CATALOGUE, before=None):
    config = read_config({} if mappings is None else mappings, {} if formulas is None else formulas)
    return check_contract(config, compile_mapping(config, Portal(catalogue, COLUMNS)), catalogue, before)


def test_fields_have_the_declared_type_and_numbers_are_kept_as_text():
    found = derived(
        {"months": "length", "region": "region", "start": "begins", "paid": "paid at", "renewal": "renewal"},
        months="12.50", region="EMEA", start="2026-02-03", paid="2026-02-03T04:05:06.007Z", renewal="true",
    )  # fmt: skip
    assert found.mapped == {
        "length": "12.50",
        "region": "EMEA",
        "begins": "2026-02-03",
        "paid at": "2026-02-03T04:05:06.007000Z",
        "renewal": True,
    }
    assert found.documents()[0] == (
        '{"begins":"2026-02-03","length":"12.50","paid at":"2026-02-03T04:05:06.007000Z","region":"EMEA","renewal":true}'
    )


def test_a_formula_uses_mapped_fields_deal_columns_properties_and_other_formulas():
    found = derived(
        {"months": "length"},
        {"rate": "if(currency = 'EUR', 0.1, 0.2)", "pay": "round(value * rate, 2)", "value": "amount * length + new"},
        amount="10.00", months="12", new="5",
    )  # fmt: skip
    assert found.calculated == {"rate": "0.1", "value": "125.00", "pay": "12.50"}


def test_a_default_stands_in_where_hubspot_has_no_value_and_only_there():
    mappings = {"months": {"field": "length", "default": 12}}
    assert derived(mappings, months="").mapped == {"length": "12"}
    assert derived(mappings, months=None).mapped == {"length": "12"}
    assert derived(mappings, months="24").mapped == {"length": "24"}
    broken = derived(mappings, months="twelve")
    assert broken.mapped == {"length": None}
    assert problems(broken) == {"length": "months: 'twelve' is not a number"}


def test_what_is_required_and_missing_is_named():
    found = derived({"months": {"field": "length", "required": True}}, months=None)
    assert found.mapped == {"length": None}
    assert "required" in problems(found)["length"]


def test_a_value_map_translates_and_what_it_lacks_is_named():
    mappings = {"region": {"field": "factor", "type": "number", "values": {"EMEA": "1.5", "AMER": 2}}}
    assert derived(mappings, region="EMEA").mapped == {"factor": "1.5"}
    assert derived(mappings, region="AMER").mapped == {"factor": "2"}
    found = derived(mappings, region="APAC")
    assert found.mapped == {"factor": None}
    assert problems(found) == {"factor": "region: 'APAC' is not in the value map"}


def test_a_broken_input_makes_its_dependents_null_and_nobody_else():
    found = derived(
        {"months": "length", "amount": "value"},
        {"safe": "value * 2", "unsafe": "coalesce(length, 1) * value", "behind": "unsafe + 1"},
        months="x", amount="5",
    )  # fmt: skip
    assert found.calculated == {"safe": "10", "unsafe": None, "behind": None}
    assert set(problems(found)) == {"length", "unsafe", "behind"}


def test_division_by_zero_is_named_for_the_deal_that_has_it():
    found = derived({}, {"share": "amount / new", "double": "amount * 2"}, amount="1", new="0")
    assert found.calculated == {"share": None, "double": "2"}
    assert problems(found) == {"share": "column 10: division by zero"}


def test_a_day_ends_where_the_portal_is():
    mappings = {"paid": {"field": "day", "type": "date"}}
    late = {"paid": "2026-03-01T02:00:00Z"}
    assert derived(mappings, **late).mapped == {"day": "2026-03-01"}
    assert derived(mappings, zone=ZoneInfo("America/New_York"), **late).mapped == {"day": "2026-02-28"}


def test_a_property_that_was_never_stored_is_unknown_and_not_empty():
    mapping = compiled({"months": {"field": "length", "default": "12"}}, {"double": "length * 2"}).mapping
    assert mapping.derive({}, all_were_asked_for=False).mapped == {"length": None}
    assert mapping.derive({}).mapped == {"length": "12"}


@pytest.mark.parametrize(
    ("mappings", "formulas", "field", "message"),
    [
        ([], {}, "property_mappings", "has to be a JSON object"),
        ({"months": {"type": "number"}}, {}, "months", "field: field required"),
        ({"months": {"field": "length", "typ": "number"}}, {}, "length", "typ: extra inputs are not permitted"),
        ({"months": {"field": "length", "type": "money"}}, {}, "length", "type: input should be 'number'"),
        ({"months": {"field": "length", "default": "a year"}}, {}, "length", "its default cannot be"),
        ({"months": 12}, {}, "months", "property_mappings['months']"),
        ({"months": "x", "amount": "x"}, {}, "x", "several properties fill it: amount, months"),
        ({"months": "x"}, {"x": "1"}, "x", "both mapped and calculated"),
        ({"months": 'a"b'}, {}, "months", "field: holds a quotation mark"),
        ({}, {"x": 5}, "x", "calculated_fields['x']"),
        ({}, {"x": "amount *"}, "x", "column 9: the formula ends"),
        ({}, {"x": "amuont * 2"}, "x", "column 1: there is no 'amuont'; did you mean 'amount'?"),
        ({}, {"a": "b + 1", "b": "c", "c": "a"}, "a", "it needs itself: a -> b -> c -> a"),
        ({}, {"a": "a"}, "a", "it needs itself: a -> a"),
        ({"mnths": "length"}, {}, "length", "the portal has no property 'mnths'; did you mean 'months'?"),
        ({"old": "length"}, {}, "length", "'old' was archived in HubSpot; 'new' has the same label"),
        ({"partner": {"field": "x", "type": "number"}}, {}, "x", "declared number, and 'partner' is string (text)"),
        ({"families": {"field": "x", "type": "enumeration"}}, {}, "x", "is enumeration (checkbox) in HubSpot"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_mapping_is_told_with_the_field(mappings, formulas, field, message):
    found = [issue for issue in contract(mappings, formulas) if issue.field == field]
    assert any(message in issue.message and issue.is_error for issue in found), contract(mappings, formulas)


def test_one_bad_entry_spoils_no_other():
    found = derived(
        {"months": {"field": 1}, "amount": "value"}, {"bad": "1 +", "on_bad": "bad", "good": "value"}, amount="3"
    )
    assert found.mapped == {"value": "3"}
    assert found.calculated == {"good": "3", "bad": None, "on_bad": None}
    assert found.problems == ()


def test_what_hubspot_changes_beneath_a_mapping_is_told():
    mappings = {"months": {"field": "length", "type": "text"}, "region": {"field": "r", "values": {"EMEA": "e"}}}
    remembered = baseline(compiled(mappings), CATALOGUE)
    assert {i.kind.value for i in contract(mappings, before=remembered)} == {"options"}
    later = CATALOGUE | {
        "months": KnownProperty("months", "Term", "string", "text"),
        "region": KnownProperty("region", "Sales region", "enumeration", "select", [{"value": "EU"}]),
    }
    told = {(i.field, i.kind.value, i.is_error) for i in contract(mappings, catalogue=later, before=remembered)}
    assert told == {
        ("length", "type_changed", True),
        ("length", "renamed", False),
        ("r", "options", False),
    }


def test_a_formula_that_uses_a_property_of_the_portal_is_held_to_it_as_well():
    (found,) = contract({}, {"x": "old * 2"})
    assert (found.field, found.kind.value) == ("x", "archived")


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("abcdefghxy"))))
def test_fields_follow_those_they_use_and_only_circles_are_left(uses):
    ordered, stuck = in_order(uses)
    assert sorted([*ordered, *stuck]) == sorted(uses)
    for position, name in enumerate(ordered):
        assert {used for used in uses[name] if used in uses} <= set(ordered[:position])
    if stuck:
        assert any(circle(name, uses) for name in stuck)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_read_or_refused_and_never_breaks_a_deal(document):
    found = derived(document, document, amount="1")
    assert isinstance(found.documents(), tuple)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=6))
def test_no_digit_of_a_number_is_lost_in_json(number):
    written = to_json(number)
    assert isinstance(written, str)
    assert Decimal(written) == number
    assert "e" not in written.lower()
    assert written.strip("-0.") or not written.startswith("-")
