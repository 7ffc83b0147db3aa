"""`python -m commission_sync.adoption` on an old database with every defect: looked at, adopted, synced, given back."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from commission_sync.commands.flags import main as flags
from commission_sync.store import DatabaseUnavailable, migrate
from commission_sync.streams.deals import DEALS
from commission_sync.streams.request import Mode

SET_ASIDE = ("duplicate", "no_crm_id", "unknown_company", "bad_crm_id")
COUNTED = (*SET_ASIDE, "unreadable_amount", "unreadable_time")


def counts(said):
    """The report's lines that begin with a count and a reason."""
    words = [line.split() for line in said.splitlines()]
    return {w[1]: int(w[0].replace(",", "")) for w in words if len(w) > 1 and w[0].replace(",", "").isdigit()}


def test_a_look_tells_every_defect_and_writes_nothing(old):
    before = old.image()
    code, said = old.command("check")
    assert code == 0, said
    told = counts(said)
    assert {reason: told[reason] for reason in COUNTED} == {reason: old.defects[reason] for reason in COUNTED}
    assert told["excess_digits"] >= old.defects["excess_digits"] > 0, "and three decimals where a currency has them"
    assert "naive times, read as UTC: crm_integrations.last_sync" in said
    assert old.image() == before
    assert old.query("SELECT nspname FROM pg_namespace WHERE nspname IN ('adoption') OR nspname LIKE 'adopted%%'") == []


@pytest.mark.slow
@pytest.mark.parametrize("old", [5_000], indirect=True)
def test_an_adopted_company_goes_on_to_equality_with_hubspot(old):
    code, said = old.command("run")
    assert code == 0, said
    aside = sum(old.defects[reason] for reason in SET_ASIDE)
    assert old.query("SELECT count(*) FROM deals") == [(old.defects["rows"] - aside,)]
    quarantine = dict(old.query("SELECT reason, count(*)::int FROM adoption.quarantine GROUP BY reason"))
    assert quarantine == {reason: old.defects[reason] for reason in COUNTED}

    world = old.world()
    assert old.command("switch", "acme", "shadow")[0] == 0
    old.emulator.admin.edit(1001, count=25, seed=7)
    counts = world.sync()
    assert 25 <= counts.fetched < 500, "it goes on from last_sync, and does not begin anew"
    world.reconcile(Mode.FULL, streams=(DEALS,))
    assert not world.difference()
    ghosts = old.query("SELECT count(*) FROM deals WHERE archived_at IS NOT NULL")
    assert ghosts == [(old.defects["ghost"],)]
    assert old.query("SELECT count(*) FROM deals WHERE content_hash = '' AND archived_at IS NULL") == [(0,)]


def test_old_and_new_are_compared_deal_by_deal(old):
    old.command("run")
    assert old.command("compare", "acme") == (0, "acme: equals the old table\n")
    old.command("switch", "acme", "shadow")
    world = old.world()
    world.sync(Mode.FULL)
    world.reconcile(Mode.FULL, streams=(DEALS,))
    code, said = old.command("compare", "acme")
    assert code == 1
    found = {line.split()[0]: int(line.split()[1]) for line in said.splitlines()[:-1]}
    assert found["missing"] == old.defects["ghost"]
    assert found["extra"] == old.defects["missing"]
    assert found["amount"] == sum(old.defects[why] for why in ("unreadable_amount", "outdated", "excess_digits"))


def test_undoing_gives_the_old_tables_back_to_the_last_byte(old):
    before = old.image()
    old.command("run")
    old.command("switch", "acme", "shadow")
    old.world().sync()
    code, said = old.command("undo")
    assert code == 0, said
    assert "was written to" not in said
    copies = said.strip().rpartition(" ")[2]
    assert old.query(f"SELECT count(*) FROM {copies}.deals") != [(0,)], "what ours held is not lost either"
    assert old.image() == before
    assert old.command("run")[0] == 0, "and it can be adopted again"


def test_it_is_adopted_once_however_often_it_is_asked_for(old):
    assert old.command("run")[0] == 0
    code, said = old.command("run")
    assert (code, "adopted already" in said) == (0, True)
    assert old.query("SELECT count(*) FROM adoption.adoptions") == [(1,)]


@pytest.mark.parametrize("after", [0.0, 0.3])
def test_killed_at_any_instant_it_is_as_if_nothing_had_happened_or_all(old, after):
    before = old.image()
    command = [sys.executable, "-m", "commission_sync.adoption", "run", "--portals", old.portals]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    with psycopg.connect(old.dsn, autocommit=True) as conn:
        deadline = time.monotonic() + 60
        while not _has_begun(conn) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait_until_gone(old)
    if old.query("SELECT to_regclass('adoption.adoptions') IS NULL") == [(True,)]:
        assert old.image() == before
    code, said = old.command("run")
    assert code == 0, said
    assert old.command("compare", "acme")[0] == 0


def _has_begun(conn):
    return conn.execute("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (True,)


def _wait_until_gone(old):
    deadline = time.monotonic() + 60
    mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while old.query(mine) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_companies_are_switched_over_one_by_one_and_back(old):
    old.command("run")

    def standing():
        return old.query("SELECT is_active, feature_flags FROM crm_integrations WHERE company_id = 'acme'")

    assert standing() == [(False, {})]
    old.command("switch", "acme", "shadow")
    assert standing() == [(True, {"writeback": "off"})]
    old.command("switch", "acme", "live")
    assert standing() == [(True, {})]
    flags(["set", "writeback", "--company", "acme", "--value", "approval"])
    old.command("switch", "acme", "shadow")
    old.command("switch", "acme", "live")
    assert standing() == [(True, {"writeback": "approval"})], "its own setting outlives the time as a shadow"
    old.command("switch", "acme", "waiting")
    assert standing()[0][0] is False
    assert "no company 'hooli' was adopted; there are: acme" in old.command("switch", "hooli", "live")[1]


def test_the_old_tables_are_let_go_only_when_everything_was_read_again(old):
    old.command("run")
    ((schema,),) = old.query("SELECT kept_schema FROM adoption.adoptions")
    assert "is not where the old tables are" in old.command("finalise", "--drop-old", "adopted_19990101")[1]
    assert "acme are not live yet" in old.command("finalise", "--drop-old", schema)[1]
    old.command("switch", "acme", "live")
    world = old.world()
    world.sync()
    world.reconcile(Mode.FULL, streams=(DEALS,))
    code, said = old.command("finalise", "--drop-old", schema)
    assert (code, "open_amounts" in said or "depend" in said) == (1, True), "a view of somebody else's is in the way"
    with psycopg.connect(old.dsn) as conn:
        conn.execute("DROP VIEW open_amounts")
    assert old.command("finalise", "--drop-old", schema)[0] == 0
    assert "the old tables are gone" in old.command("undo")[1]
    assert old.query("SELECT count(*) > 0 FROM adoption.quarantine") == [(True,)]


def test_a_migration_refuses_an_old_database_and_names_the_way(old):
    with pytest.raises(DatabaseUnavailable, match=r"commission_sync\.adoption check"):
        migrate(old.dsn)
