"""The sensor waits for what search finds, in a worker or in the triggerer."""

import asyncio
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_hubspot.sensors import HubSpotSearchSensor
from airflow_hubspot.triggers.search import HubSpotSearchTrigger

FILTERS = [{"property": "dealname", "operator": "EQ", "value": "the one"}]


def sensor(**arguments):
    return HubSpotSearchSensor(task_id="wait", object_type="deals", filters=FILTERS, poke_interval=0.2, **arguments)


def trigger(**arguments):
    wanted = {"min_results": 1, "poke_interval": 0.2, "hubspot_conn_id": "hubspot_default", **arguments}
    return HubSpotSearchTrigger(object_type="deals", filters=FILTERS, **wanted)


def rename(emulator, count=1):
    for crm_id in emulator.admin.truth_ids(1001)[:count]:
        emulator.admin.override_deal(1001, crm_id, {"dealname": "the one"})


async def first_event(made):
    async for event in made.run():
        return event.payload
    raise AssertionError("the trigger ended without an event")


def test_a_look_tells_how_many_match(emulator):
    waiting = sensor(min_results=2)
    assert not waiting.poke({}).is_done
    rename(emulator, 2)
    looked = waiting.poke({})
    assert (looked.is_done, looked.xcom_value) == (True, 2)
    assert waiting.records_url.endswith("/contacts/1001/objects/0-3/views/all/list")


def test_what_is_there_already_is_not_waited_for(emulator):
    rename(emulator)
    assert sensor(deferrable=True).execute({}) == 1


def test_a_deferrable_sensor_gives_its_worker_back_and_goes_on_with_what_the_triggerer_saw(emulator):
    waiting = sensor(deferrable=True, timeout=60)
    with pytest.raises(TaskDeferred) as deferred:
        waiting.execute({})
    path, arguments = deferred.value.trigger.serialize()
    assert path == "airflow_hubspot.triggers.search.HubSpotSearchTrigger"
    assert deferred.value.timeout == timedelta(seconds=60)

    async def watch():
        looking = asyncio.create_task(first_event(HubSpotSearchTrigger(**arguments)))
        await asyncio.sleep(0.6)
        assert not looking.done()
        await asyncio.to_thread(rename, emulator, 1)
        return await asyncio.wait_for(looking, 10)

    event = asyncio.run(watch())
    again = sensor(deferrable=True)
    assert getattr(again, deferred.value.method_name)({}, event=event) == 1
    assert "/contacts/1001/" in again.records_url


def test_an_outage_makes_the_trigger_look_later(emulator):
    rename(emulator)
    emulator.admin.set_faults(1001, {"next": ["migrating_477"], "retry_after_seconds": 90})
    made = trigger()
    assert asyncio.run(made._event()) is None
    assert made._delay == 90
    assert asyncio.run(first_event(made)) == {"found": 1, "records_url": ""}


def test_what_only_a_person_can_mend_ends_the_wait(emulator):
    emulator.admin.set_faults(1001, {"expired_token_401": 1.0})
    event = asyncio.run(first_event(trigger()))
    assert "put a valid token into the connection" in event["error"]
    with pytest.raises(AirflowFailException, match="put a valid token"):
        sensor().execute_complete({}, event=event)


def test_filters_that_cannot_be_are_told_at_once(emulator):
    with pytest.raises(AirflowFailException, match="cannot be read"):
        HubSpotSearchSensor(task_id="wait", object_type="deals", filters=[{}]).execute({})
