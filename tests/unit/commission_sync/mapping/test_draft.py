"""A mapping while it is edited: nothing that was stored is lost, and each fault is at the input that has it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission_sync.mapping.compiled import DealColumn, Portal
from commission_sync.mapping.completion import FUNCTIONS, completions
from commission_sync.mapping.draft import CalculatedRow, Draft, MappedRow, check_draft
from commission_sync.mapping.fields import FieldType
from commission_sync.mapping.formula.functions import NAMES
from commission_sync.mapping.versions import Documents, difference
from commission_sync.store.catalog import KnownProperty
from commission_sync.store.mapping_versions import exact_json

PORTAL = Portal(
    {
        known.name: known
        for known in (
            KnownProperty("amount", "Amount", "number", "number"),
            KnownProperty("months", "Contract length", "number", "number"),
            KnownProperty("region", "Sales region", "enumeration", "select", [{"value": "EMEA"}, {"value": "AMER"}]),
            KnownProperty("partner", "Partner", "string", "text"),
            KnownProperty("dealstage", "Stage", "enumeration", "radio"),
            KnownProperty("old", "Old", "number", "number", archived_at=datetime(2026, 1, 1, tzinfo=UTC)),
        )
    },
    (DealColumn("amount", "amount", FieldType.NUMBER), DealColumn("stage", "dealstage", FieldType.TEXT)),
)


def draft(*mapped, **formulas):
    return Draft(mapped, tuple(CalculatedRow(name, text) for name, text in formulas.items()))


def faults(made):
    return [(fault.place, fault.column) for fault in check_draft(made, PORTAL).faults]


def documents(mappings, formulas=None):
    return Documents(json.dumps(mappings), json.dumps(formulas or {}))


def test_stored_documents_come_back_as_they_were():
    mappings = {
        "months": {"field": "length", "type": "number", "required": True},
        "region": {"field": "factor", "type": "number", "values": {"EMEA": "1.5", "AMER": "1"}, "default": "1"},
        "partner": {"field": "partner"},
    }
    formulas = {"total": {"formula": "amount * length", "description": "what the contract is worth"}}
    back = Draft.of(documents(mappings, formulas)).documents()
    assert exact_json(back.property_mappings) == mappings
    assert exact_json(back.calculated_fields) == formulas


def test_short_forms_and_numbers_keep_their_meaning():
    stored = Documents(
        '{"months": {"field": "length", "default": 12.50}, "partner": "who"}', '{"double": "amount * 2"}'
    )
    made = Draft.of(stored)
    assert made.mapped == (MappedRow("months", "length", default="12.50"), MappedRow("partner", "who"))
    assert made.calculated == (CalculatedRow("double", "amount * 2"),)
    assert check_draft(made, PORTAL).is_sound


names = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P"], exclude_characters='"'), min_size=1, max_size=12
)
entries = st.fixed_dictionaries(
    {"field": names},
    optional={
        "type": st.sampled_from([each.value for each in FieldType]),
        "default": names,
        "required": st.booleans(),
        "values": st.dictionaries(names, names, max_size=4),
    },
)


@given(st.dictionaries(names, entries | names, max_size=5), st.dictionaries(names, names, max_size=4))
def test_whatever_can_be_stored_means_the_same_once_it_went_through_the_editor(mappings, formulas):
    stored = documents(mappings, formulas)
    back = Draft.of(stored).documents()
    assert back.config() == stored.config()
    assert Draft.of(back) == Draft.of(stored)


@pytest.mark.parametrize("broken", ["[]", '"text"', '{"months": 5}', '{"months": {"values": []}}'])
def test_a_document_that_makes_no_sense_can_be_edited_still(broken):
    made = Draft.of(Documents(broken, "{}"))
    assert all(isinstance(row, MappedRow) for row in made.mapped)


@pytest.mark.parametrize(
    ("made", "place", "column"),
    [
        (draft(MappedRow("", "length")), "mapped-0-property", None),
        (draft(MappedRow("months", "")), "mapped-0-field", None),
        (draft(MappedRow("months", 'a "b"')), "mapped-0-field", None),
        (draft(MappedRow("mnths", "length")), "mapped-0-property", None),
        (draft(MappedRow("old", "length")), "mapped-0-property", None),
        (draft(MappedRow("partner", "who", type="number")), "mapped-0-type", None),
        (draft(MappedRow("partner", "who", type="money")), "mapped-0-type", None),
        (draft(MappedRow("months", "length", default="twelve")), "mapped-0-default", None),
        (draft(MappedRow("region", "f", type="number", values=(("EMEA", "much"), ("AMER", "1")))), "mapped-0-values", None),
        (draft(MappedRow("months", "length"), MappedRow("months", "other")), "mapped-1-property", None),
        (draft(total="amount * mnths"), "calculated-0-formula", 10),
        (draft(total="amount *"), "calculated-0-formula", 9),
        (draft(total="amount *\n mnths"), "calculated-0-formula", 11),
        (draft(total=""), "calculated-0-formula", None),
        (Draft((), (CalculatedRow("", "1"),)), "calculated-0-name", None),
        (Draft((), (CalculatedRow(' a"', "1"),)), "calculated-0-name", None),
        (Draft((), (CalculatedRow("a", "1"), CalculatedRow("a", "2"))), "calculated-1-name", None),
        (draft(a="b + 1", b="a + 1"), "calculated-0-formula", None),
    ],
)  # fmt: skip
def test_a_fault_is_at_the_input_that_has_it(made, place, column):
    assert (place, column) in faults(made)
    assert not check_draft(made, PORTAL).is_sound


def test_a_name_that_two_have_is_a_fault_of_both():
    both = draft(MappedRow("months", "length"), MappedRow("amount", "length"))
    assert faults(both) == [("mapped-0-field", None), ("mapped-1-field", None)]
    twice = draft(MappedRow("months", "length"), length="amount * 2")
    assert faults(twice) == [("mapped-0-field", None), ("calculated-0-name", None)]


def test_a_message_names_what_is_meant_and_not_where_in_json_it_stands():
    (fault,) = check_draft(draft(MappedRow("partner", "who", type="money")), PORTAL).faults
    assert fault.message.startswith("input should be 'number'")
    (fault,) = check_draft(draft(total="amount * mnths"), PORTAL).faults
    assert fault.message == "column 10: there is no 'mnths'; did you mean 'months'?"


def test_an_option_without_a_translation_is_told_and_allowed():
    made = draft(MappedRow("region", "factor", type="number", values=(("EMEA", "1.5"),)))
    found = check_draft(made, PORTAL)
    assert found.is_sound
    assert [fault.is_error for fault in found.at("mapped-0-values")] == [False]


def test_rows_that_were_left_blank_are_no_fault():
    assert faults(Draft((MappedRow(),), (CalculatedRow(),))) == []
    assert Draft((MappedRow(),), (CalculatedRow(),)).documents() == Documents("{}", "{}")


def test_completion_offers_what_a_formula_may_use_and_quotes_what_needs_it():
    made = draft(MappedRow("months", "Contract length"), MappedRow("partner", "or"), total="amount * 2")
    checked = check_draft(made, PORTAL).checked
    offered = {one.name: one for one in completions(made.documents().config(), checked.compiled, PORTAL)}
    assert (offered["round"].insert, offered["round"].kind) == ("round(", "function")
    assert offered["Contract length"].insert == '"Contract length"'
    assert offered["or"].insert == '"or"'
    assert (offered["total"].kind, offered["stage"].kind, offered["months"].kind) == ("number", "text", "number")
    assert "old" not in offered
    for one in offered.values():
        if one.kind != "function":
            assert not faults(Draft(made.mapped, (*made.calculated, CalculatedRow("new", one.insert))))


def test_every_function_is_explained():
    assert FUNCTIONS.keys() == NAMES


def test_two_mappings_are_compared_entry_by_entry():
    before = documents({"months": "length", "region": "region"}, {"total": "amount"})
    after = documents({"months": "length", "region": "area"}, {"net": "amount"})
    assert difference(before, after) == {
        "property_mappings": {"region": ["region", "area"]},
        "calculated_fields": {"net": [None, "amount"], "total": ["amount", None]},
    }
