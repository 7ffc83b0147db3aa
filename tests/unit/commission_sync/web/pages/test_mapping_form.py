"""What a browser sends of the mapping's form, and the draft that it means."""

import pytest
from starlette.datastructures import FormData

from commission_sync.mapping.draft import CalculatedRow, Draft, MappedRow
from commission_sync.web.pages.mapping_form import edited, read_draft

DRAFT = Draft((MappedRow("months", "length"), MappedRow("region", "factor")), (CalculatedRow("total", "1"),))


def test_every_input_arrives_in_its_row():
    form = FormData(
        [
            ("mapped-4-property", " region "),
            ("mapped-4-field", "factor"),
            ("mapped-4-type", "number"),
            ("mapped-4-default", "1"),
            ("mapped-4-from", "EMEA"),
            ("mapped-4-to", "1.5"),
            ("mapped-4-from", "AMER"),
            ("mapped-4-to", ""),
            ("mapped-4-from", ""),
            ("mapped-4-to", "lost"),
            ("mapped-2-property", "months"),
            ("mapped-2-field", "Contract length"),
            ("mapped-2-required", "on"),
            ("calculated-0-name", "total"),
            ("calculated-0-formula", "amount *\r\n months"),
            ("calculated-0-description", "what it is worth"),
            ("note", "why"),
        ]
    )
    assert read_draft(form) == Draft(
        (
            MappedRow("months", "Contract length", required=True),
            MappedRow("region", "factor", "number", "1", values=(("EMEA", "1.5"),)),
        ),
        (CalculatedRow("total", "amount *\n months", "what it is worth"),),
    )


def test_an_empty_form_is_an_empty_mapping():
    assert read_draft(FormData()) == Draft()


@pytest.mark.parametrize(
    ("action", "mapped", "calculated"),
    [
        ("add-mapped", ["months", "region", ""], ["total"]),
        ("add-calculated", ["months", "region"], ["total", ""]),
        ("map:partner", ["months", "region", "partner"], ["total"]),
        ("remove:mapped-0", ["region"], ["total"]),
        ("remove:calculated-0", ["months", "region"], []),
        ("remove:calculated-7", ["months", "region"], ["total"]),
    ],
)
def test_buttons_add_and_remove_rows(action, mapped, calculated):
    after = edited(DRAFT, action)
    assert [row.source for row in after.mapped] == mapped
    assert [row.name for row in after.calculated] == calculated
