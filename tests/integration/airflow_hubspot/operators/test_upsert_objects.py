"""Rows become records; a bad one stands alone."""

import json
from datetime import date
from decimal import Decimal

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot.operators import HubSpotUpsertObjectsOperator


def upsert(rows=None, **arguments):
    operator = HubSpotUpsertObjectsOperator(
        task_id="upsert", object_type="deals", id_property="order_number", rows=rows, **arguments
    )
    return operator, operator.execute({})


def written(emulator):
    found = {}
    for deal in emulator.admin.truth(1001):
        if number := deal["properties"].get("order_number"):
            found[number] = deal["properties"]
    return found


def rows(count, **more):
    return [
        {"order_number": f"A-{n}", "dealname": f"deal {n}", "amount": Decimal("10.50"), **more} for n in range(count)
    ]


def test_rows_are_created_then_changed_in_batches_of_a_hundred(emulator, unique_key):
    _, answer = upsert(rows(250))
    assert answer == {"created": 250, "updated": 0, "rejected": 0}
    assert emulator.admin.stats(1001)["by_operation"]["deals.batch.upsert"] == 3
    assert written(emulator)["A-249"]["amount"] == "10.50"
    _, answer = upsert(rows(250, dealname="renamed"))
    assert answer == {"created": 0, "updated": 250, "rejected": 0}
    assert {p["dealname"] for p in written(emulator).values()} == {"renamed"}


def test_bad_rows_are_named_and_all_others_written(emulator, unique_key):
    wanted = rows(150)
    wanted[7]["amount"] = "twelve"
    wanted[120]["no_such_property"] = "x"
    del wanted[60]["order_number"]
    with pytest.raises(AirflowFailException) as raised:
        upsert(wanted)
    said = str(raised.value)
    assert "HubSpot refused 3 of 150 rows, all others are written" in said
    assert "row 8 (A-7)" in said
    assert "row 61 (None): it has no order_number" in said
    assert "row 121 (A-120)" in said
    assert len(written(emulator)) == 147
    _, answer = upsert(wanted, fail_on_rejected=False)
    assert answer == {"created": 0, "updated": 147, "rejected": 3}


def test_a_row_that_comes_later_wins(emulator, unique_key):
    _, answer = upsert([{"order_number": "B", "dealname": name} for name in ("one", "two", "three")])
    assert answer == {"created": 1, "updated": 2, "rejected": 0}
    assert written(emulator)["B"]["dealname"] == "three"


def test_values_are_written_as_hubspot_takes_them(emulator, unique_key):
    upsert([{"order_number": "C", "dealname": "x", "amount": Decimal("0.10"), "closedate": date(2026, 1, 31)}])
    assert written(emulator)["C"]["amount"] == "0.10"
    assert written(emulator)["C"]["closedate"].startswith("2026-01-31")
    upsert([{"order_number": "C", "amount": None}])
    assert not written(emulator)["C"]["amount"]


def test_a_lost_answer_is_asked_for_again_and_makes_nothing_twice(emulator, unique_key):
    emulator.admin.set_faults(1001, {"next": ["reset_after_commit", "reset_after_commit"]})
    upsert(rows(50))
    assert len(written(emulator)) == 50
    assert len(emulator.admin.truth_ids(1001)) == 500


def test_rows_come_from_a_file_of_json_lines(emulator, unique_key, tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps({"order_number": f"D-{n}", "dealname": "d"}) + "\n" for n in range(3)))
    operator, answer = upsert(path=str(source))
    assert answer["created"] == 3
    told = operator.get_openlineage_facets_on_complete(None)
    assert [(d.namespace, d.name) for d in told.inputs] == [("file", str(source))]
    (output,) = told.outputs
    assert (output.namespace, output.name, output.outputFacets["outputStatistics"].rowCount) == (
        "hubspot://1001",
        "deals",
        3,
    )


def test_a_line_that_is_no_row_is_told_by_its_number(emulator, unique_key, tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text('{"order_number": "E"}\n[1, 2]\n')
    with pytest.raises(AirflowFailException, match=r"line 2 of .*rows\.jsonl is not a JSON object"):
        upsert(path=str(source))


@pytest.mark.parametrize("arguments", [{}, {"rows": [], "path": "x"}])
def test_rows_come_from_one_place(arguments):
    with pytest.raises(ValueError, match="give either rows or path"):
        HubSpotUpsertObjectsOperator(task_id="x", object_type="deals", id_property="x", **arguments)
