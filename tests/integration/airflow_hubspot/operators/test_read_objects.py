"""Records land in a file, whole or not at all."""

import json

import fsspec
import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.io import attach

from airflow_hubspot.client import Unavailable
from airflow_hubspot.operators import HubSpotReadObjectsOperator


def read(path, **arguments):
    operator = HubSpotReadObjectsOperator(task_id="read", object_type="deals", path=str(path), **arguments)
    return operator, operator.execute({})


def lines(path):
    return [json.loads(line) for line in ObjectStoragePath(str(path)).read_text().splitlines()]


def test_every_record_lands_with_every_property(emulator, tmp_path):
    truth = {deal["id"]: deal["properties"] for deal in emulator.admin.truth(1001)}
    target = tmp_path / "new" / "deals.jsonl"
    _, answer = read(target)
    assert answer == {"path": str(target), "records": 450}
    found = {record["id"]: record["properties"] for record in lines(target)}
    assert found.keys() == truth.keys()
    same = {name: value for name, value in truth[next(iter(truth))].items() if not name.startswith("hs_")}
    assert same.items() <= found[next(iter(truth))].items()


def test_filters_choose_and_are_not_capped(emulator, tmp_path):
    ids = emulator.admin.truth_ids(1001)
    filters = [{"property": "hs_object_id", "operator": "gte", "value": ids[100]}]
    _, answer = read(tmp_path / "some.jsonl", properties=["dealname"], filters=filters)
    assert answer["records"] == 350
    assert {record["id"] for record in lines(tmp_path / "some.jsonl")} == set(ids[100:])


def test_short_and_disordered_search_pages_lose_nothing(emulator, tmp_path):
    emulator.admin.set_knobs(1001, short_page_probability=0.5, out_of_order=True)
    filters = [{"property": "dealname", "operator": "HAS_PROPERTY"}]
    read(tmp_path / "all.jsonl", properties=["dealname"], filters=filters)
    found = [record["id"] for record in lines(tmp_path / "all.jsonl")]
    assert sorted(found) == sorted(emulator.admin.truth_ids(1001))


def test_the_recycle_bin_can_be_read(emulator, tmp_path):
    _, answer = read(tmp_path / "bin.jsonl", archived=True)
    assert (answer["records"], (tmp_path / "bin.jsonl").read_text()) == (0, "")


def test_a_file_that_was_there_is_replaced_only_by_a_whole_one(emulator, tmp_path):
    target = tmp_path / "deals.jsonl"
    target.write_text("what was here\n")
    emulator.admin.set_faults(1001, {"server_error_html": 1.0})
    with pytest.raises(Unavailable):
        read(target, properties=["dealname"])
    assert target.read_text() == "what was here\n"
    assert [p.name for p in tmp_path.iterdir()] == ["deals.jsonl"]
    emulator.admin.set_faults(1001, {})
    read(target, properties=["dealname"])
    assert len(lines(target)) == 450
    assert [p.name for p in tmp_path.iterdir()] == ["deals.jsonl"]


def test_object_storage_is_written_alike(emulator):
    attach("memory", fs=fsspec.filesystem("memory"))
    for _ in range(2):
        _, answer = read("memory://bucket/deals/deals.jsonl", properties=["dealname"])
        assert answer["records"] == 450
    assert len(lines("memory://bucket/deals/deals.jsonl")) == 450
    names = [p.name for p in ObjectStoragePath("memory://bucket/deals").iterdir()]
    assert names == ["deals.jsonl"]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ([{"property": "amount"}], "cannot be read; it has to look like"),
        ([{"property": "amount", "operator": "GT", "valeu": "1"}], "cannot be read; it has to look like"),
        ([{"property": "amount", "operator": "GT", "value": "1"}] * 5, "at most 4 filters can be given, not 5"),
    ],
)
def test_filters_that_cannot_be_are_told_before_anything_is_read(emulator, tmp_path, filters, said):
    with pytest.raises(AirflowFailException, match=said):
        read(tmp_path / "x.jsonl", filters=filters)
    assert list(tmp_path.iterdir()) == []


def test_the_task_leads_to_the_records_in_hubspot(emulator, tmp_path):
    operator, _ = read(tmp_path / "deals.jsonl", properties=["dealname"])
    (link,) = operator.operator_extra_links
    told = link.get_link(operator, ti_key=None)
    assert told == "https://app.hubspot.com/contacts/1001/objects/0-3/views/all/list"


def test_lineage_names_the_portals_deals_and_the_file(emulator, tmp_path):
    operator, _ = read(tmp_path / "deals.jsonl", properties=["dealname", "amount"])
    told = operator.get_openlineage_facets_on_complete(None)
    (read_from,), (written,) = told.inputs, told.outputs
    assert (read_from.namespace, read_from.name) == ("hubspot://1001", "deals")
    assert [field.name for field in read_from.facets["schema"].fields] == ["dealname", "amount"]
    assert (written.namespace, written.name) == ("file", str(tmp_path / "deals.jsonl"))
    assert written.outputFacets["outputStatistics"].rowCount == 450
