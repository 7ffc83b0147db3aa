"""Calls that are carried out late, and answers that come late."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from hubspot_emulator import PortalSpec, running_emulator

ACME = PortalSpec("acme", 1001, 20, "pat-na1-acme")
LONG = 60
pool = urllib3.PoolManager(retries=False, timeout=30)
background = ThreadPoolExecutor(4)


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([ACME], limits=False) as running:
        yield running


@pytest.fixture
def admin(emulator):
    yield emulator.admin
    emulator.admin.release(1001)


@pytest.fixture
def deal(emulator):
    return emulator.admin.truth_ids(1001)[0]


def rename(emulator, deal, name, **how):
    headers = {"Authorization": f"Bearer {ACME.token}"}
    body = json.dumps({"inputs": [{"id": deal, "properties": {"dealname": name}}]})
    return pool.request("POST", f"{emulator.url}/crm/v3/objects/deals/batch/update", headers=headers, body=body, **how)


def name_of(admin, deal):
    return next(d["properties"]["dealname"] for d in admin.truth(1001) if d["id"] == deal)


def until(true, seconds=10):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_answer_that_is_held_belongs_to_a_write_that_has_happened(emulator, admin, deal):
    admin.hold(1001, "deals.batch.update", after=LONG)
    answer = background.submit(rename, emulator, deal, "done, and nobody knows")
    until(lambda: admin.held(1001) == {"before": 0, "after": 1})
    assert name_of(admin, deal) == "done, and nobody knows"
    assert not answer.done()
    admin.release(1001)
    assert answer.result().status == 200


def test_a_call_that_is_held_before_it_is_carried_out_comes_after_what_others_did_meanwhile(emulator, admin, deal):
    admin.hold(1001, "deals.batch.*", before=LONG)
    answer = background.submit(rename, emulator, deal, "late")
    until(lambda: admin.held(1001)["before"] == 1)
    assert rename(emulator, deal, "meanwhile").status == 200
    assert name_of(admin, deal) == "meanwhile"
    admin.release(1001)
    assert answer.result().status == 200
    assert name_of(admin, deal) == "late"


def test_a_call_is_carried_out_even_when_its_caller_has_gone_away(emulator, admin, deal):
    admin.hold(1001, "deals.batch.update", before=LONG)
    with pytest.raises(urllib3.exceptions.HTTPError):
        rename(emulator, deal, "from somebody who left", timeout=0.2)
    assert admin.held(1001)["before"] == 1
    admin.release(1001)
    until(lambda: name_of(admin, deal) == "from somebody who left")


def test_a_held_call_goes_on_when_its_time_is_up(emulator, admin, deal):
    admin.hold(1001, "deals.batch.update", before=0.3, after=0.3)
    started = time.monotonic()
    assert rename(emulator, deal, "in its own time").status == 200
    assert time.monotonic() - started >= 0.6


def test_a_hold_falls_on_its_own_operation_and_only_so_often(emulator, admin, deal):
    admin.hold(1001, "deals.list", after=LONG)
    assert rename(emulator, deal, "another operation").status == 200
    admin.hold(1001, "deals.batch.update", after=0.3)
    rename(emulator, deal, "the first")
    started = time.monotonic()
    rename(emulator, deal, "the second")
    assert time.monotonic() - started < 0.3


def test_a_hold_that_there_is_not_is_refused(emulator):
    body = json.dumps({"holds": [{"operation": "deals.list", "sideways": 3}]})
    assert pool.request("PUT", f"{emulator.url}/_emulator/portals/1001/holds", body=body).status == 400
