"""Receiver, worker and PostgreSQL are killed in the middle: what was acknowledged is there, and the rows are right."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import ExitStack

import psycopg
import pytest

from commission_sync.local.port import any_free
from commission_sync.store import migrate
from hubspot_emulator import PortalSpec, running_emulator
from postgres_owner import Owner, answers, eventually, postmaster
from webhook_processes import Kept
from webhook_requests import SECRET
from world import World, register

PORTAL = PortalSpec(company="acme", portal_id=1001, deals=300, token="pat-na1-acme")


@pytest.fixture
def site(tmp_path):
    """A company with a durable PostgreSQL, a receiver and a worker, each of which can be killed."""
    owner = Owner(tmp_path / "postgres", settings={"fsync": "on"})
    port = any_free()
    url = f"http://127.0.0.1:{port}/hubspot/webhooks"
    migrate(owner.dsn)
    with ExitStack() as stack:
        emulator = stack.enter_context(running_emulator([PORTAL], limits=False))
        world = World(emulator, PORTAL, owner.dsn, register(owner.dsn, PORTAL))
        world.sync()
        secrets = {"HUBSPOT_WEBHOOK_SECRET": SECRET, "HUBSPOT_WEBHOOK_URL": url}
        receiver = Kept("receiver", owner.dsn, str(port), **secrets)
        worker = Kept("worker", owner.dsn, emulator.url, PORTAL.token, str(world.integration_id))
        stack.callback(receiver.kill)
        stack.callback(worker.kill)
        emulator.admin.set_webhooks(url=url, secret=SECRET, subscriptions="all", time_scale=0.01, batch_ms=20)
        made = {"world": world, "owner": owner, "receiver": receiver, "worker": worker, "root": tmp_path / "postgres"}
        stack.callback(lambda: made["owner"].kill())  # noqa: PLW0108 - it is another one by then
        yield made


def restart_postgres(site):
    os.kill(postmaster(site["root"]), signal.SIGKILL)
    site["owner"].kill()
    site["owner"] = Owner(site["root"], settings={"fsync": "on"})
    assert eventually(lambda: answers(site["world"].dsn))


def settled(world):
    """Wait until everything is delivered and worked off; leases of the dead run out by themselves, only sooner here."""

    def is_over():
        if world.emulator.admin.webhooks()["under_way"]:
            return False
        with psycopg.connect(world.dsn) as conn:
            conn.execute(
                "UPDATE webhook_events e SET next_attempt_at = now() WHERE state = 'retry' OR (state = 'processing' "
                "AND NOT EXISTS (SELECT FROM webhook_lanes WHERE attended_until > now() + interval '15 seconds'))"
            )
        return (
            world.value("SELECT count(*) FROM webhook_events WHERE state IN ('received', 'retry', 'processing')") == 0
        )

    return eventually(is_over, 180)


@pytest.mark.slow
def test_whatever_is_killed_nothing_acknowledged_is_missing_and_the_rows_are_right(site):
    world, chance = site["world"], random.Random(31)
    admin = world.emulator.admin
    admin.set_webhooks(duplicate_probability=0.1, disorder_ms=30, wrong_signature_probability=0.05)
    kill = {
        "receiver": site["receiver"].restart,
        "worker": site["worker"].restart,
        "postgres": lambda: restart_postgres(site),
    }
    victims = ["receiver", "worker", "postgres"] * 3
    chance.shuffle(victims)
    for victim in victims:
        admin.edit(1001, count=40, mix="mixed")
        time.sleep(chance.uniform(0.3, 1.5))
        kill[victim]()
    admin.edit(1001, count=20)
    assert settled(world)
    figures = admin.webhooks()
    assert figures.get("given_up", 0) == 0
    states = dict(world.query("SELECT state, count(*)::int FROM webhook_events GROUP BY state"))
    assert set(states) <= {"done", "ignored"}, states
    sent = figures["happened"]
    assert sum(states.values()) == sent, "every event that happened is there once, duplicates and retries not counted"
    # Setting a property to what it is moves the modified time and sends no event.
    assert not world.difference(ignored=("hs_lastmodifieddate",))
    inserted = Counter(
        i for (i,) in world.query("SELECT entity_id FROM audit_log WHERE entity = 'deal' AND action = 'insert'")
    )
    assert set(inserted.values()) == {1}


@pytest.mark.slow
def test_a_fifth_of_all_events_lost_is_made_up_for_by_the_next_incremental_run(site):
    world = site["world"]
    admin = world.emulator.admin
    admin.set_webhooks(drop_probability=0.2)
    for _ in range(10):
        admin.edit(1001, count=30, mix="mixed")
        time.sleep(0.2)
    assert settled(world)
    figures = admin.webhooks()
    assert figures["dropped"] > 0.1 * figures["happened"]
    lost = world.difference()
    world.sync()
    assert not world.difference()
    assert lost or figures["dropped"], "some rows had been behind until then"
