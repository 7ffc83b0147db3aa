"""Companies that share a task: each one's failure and wait is its own."""

import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.serde import deserialize, serialize

from airflow_hubspot.client import Unauthorized
from commission_sync.local.tenants import connection_variable
from commission_sync.operators.assets import outlets
from commission_sync.operators.check_mapping import CheckMappingOperator
from commission_sync.operators.convert_amounts import ConvertAmountsOperator
from commission_sync.operators.lanes import NICENESS, DrainLaneOperator, ListLanesOperator
from commission_sync.operators.list_companies import ListCompaniesOperator
from commission_sync.operators.progress import CompaniesFailed
from commission_sync.operators.reconcile import ReconcileOperator
from commission_sync.operators.score_quality import ScoreQualityOperator
from commission_sync.operators.sync_stream import SyncStreamOperator
from commission_sync.settings import load_settings
from commission_sync.store import DatabaseUnavailable
from commission_sync.streams.deals import DEALS
from hubspot_emulator import PortalSpec, running_emulator
from lane import receive
from webhook_requests import event
from world import register

NAMES = ("acme", "globex", "hooli", "initech", "umbrella")
PORTALS = [PortalSpec(name, 1001 + n, 10 + n, f"pat-na1-{name}") for n, name in enumerate(NAMES)]
LANDED = {portal.company: portal.deals for portal in PORTALS}
PARAMS = {
    "companies": [],
    "mode": "incremental",
    "window_from": None,
    "window_to": None,
    "max_archived_percent": None,
    "history_of": [],
}


@pytest.fixture
def emulator(database_dsn, monkeypatch):
    with running_emulator(PORTALS, limits=False) as running:
        monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", database_dsn)
        for portal in PORTALS:
            register(database_dsn, portal)
            token_is(monkeypatch, running, portal.company, portal.token)
        yield running


@pytest.fixture
def tasks(monkeypatch):
    """Set how many tasks the companies share."""

    def at_most(number):
        monkeypatch.setenv("MAPPED_TASKS_AT_MOST", str(number))
        load_settings.cache_clear()

    yield at_most
    load_settings.cache_clear()


@pytest.fixture(autouse=True)
def niceness(monkeypatch):
    """What tasks set for their own process, which here is that of all tests."""
    found = []
    monkeypatch.setattr(os, "setpriority", lambda which, who, value: found.append((which, who, value)))
    return found


def token_is(monkeypatch, emulator, company, token):
    for name, value in connection_variable(company, emulator.url, token).items():
        monkeypatch.setenv(name, value)


def context(operator, *, try_number=1, max_tries=3, map_index=0, **of_the_run):
    """What Airflow hands to a task, as far as ours look at it."""
    now = datetime.now(UTC)
    run = SimpleNamespace(
        **{
            "dag_id": "hubspot_deals",
            "run_id": "r1",
            "run_type": "manual",
            "run_after": now,
            "start_date": now,
            "data_interval_start": None,
            "data_interval_end": None,
            **of_the_run,
        }
    )
    ti = SimpleNamespace(task_id=operator.task_id, map_index=map_index, try_number=try_number, max_tries=max_tries)
    return {"dag_run": run, "ti": ti, "params": PARAMS, "task": operator, "outlet_events": OutletEventAccessors()}


def listed(**given):
    operator = ListCompaniesOperator(task_id="companies", **given)
    return operator.execute(context(operator))


def sync_of(group):
    return SyncStreamOperator(task_id="sync", stream=DEALS, outlets=outlets(DEALS), **group)


def fresh(given):
    (alias,) = outlets(DEALS)
    events = given["outlet_events"][alias].asset_alias_events
    return [(told.dest_asset_key.uri, told.extra["changed"]) for told in events]


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


def portals_answer_again(dsn):
    """Forget what HubSpot asked to wait for, in place of waiting."""
    with psycopg.connect(dsn) as conn:
        conn.execute("TRUNCATE api_budgets")


def landed(dsn):
    return dict(rows(dsn, "SELECT company_id, count(*)::int FROM deals GROUP BY 1"))


@contextmanager
def deferred():
    """Catch a deferral, and what goes into Airflow's database and comes back from there."""
    caught = SimpleNamespace()
    with pytest.raises(TaskDeferred) as raised:
        yield caught
    caught.method = raised.value.method_name
    caught.kwargs = deserialize(json.loads(json.dumps(serialize(raised.value.kwargs))))


def test_there_is_a_task_for_each_company_until_the_setting_is_reached(emulator, tasks):
    assert [[each["company"] for each in task["companies"]] for task in listed()] == [[name] for name in NAMES]
    tasks(2)
    groups = listed()
    assert [[each["company"] for each in task["companies"]] for task in groups] == [
        ["acme", "globex"],
        ["hooli", "initech", "umbrella"],
    ]
    assert [sync_of(task).who for task in groups] == ["acme … globex (2)", "hooli … umbrella (3)"]
    assert [each["company"] for each in listed(grouped=False)] == list(NAMES)


def test_one_that_is_revoked_and_one_that_is_down_leave_the_others_alone(emulator, tasks, database_dsn, monkeypatch):
    tasks(2)
    token_is(monkeypatch, emulator, "globex", "pat-na1-revoked")
    emulator.admin.set_faults(1003, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 90})
    first, second = map(sync_of, listed())

    given = context(first)
    with pytest.raises(AirflowFailException, match=r"1 of 2 companies failed, .*: globex: Unauthorized: ") as refused:
        first.execute(given)
    assert "acme:" not in str(refused.value)

    given = context(second, map_index=1)
    with deferred() as later:
        second.execute(given)
    assert landed(database_dsn) == {n: LANDED[n] for n in ("acme", "initech", "umbrella")}
    assert [each["company"]["company"] for each in later.kwargs["progress"]["left"]] == ["hooli"]

    portals_answer_again(database_dsn)
    given = context(second, map_index=1)
    done = getattr(second, later.method)(given, event="now", **later.kwargs)
    assert {name: counts["fetched"] for name, counts in done.items()} == {
        n: LANDED[n] for n in ("initech", "umbrella", "hooli")
    }
    assert fresh(given) == [(f"hubspot://{n}/deals", LANDED[n]) for n in ("initech", "umbrella", "hooli")]
    assert rows(
        database_dsn,
        "SELECT company_id, state, task_id, map_index FROM sync_runs r JOIN crm_integrations i "
        "ON i.id = r.integration_id ORDER BY 1, r.started_at",
    ) == [
        ("acme", "success", "sync", 0),
        ("globex", "failed", "sync", 0),
        ("hooli", "deferred", "sync", 1),
        ("hooli", "success", "sync", 1),
        ("initech", "success", "sync", 1),
        ("umbrella", "success", "sync", 1),
    ]


def test_a_failure_is_remembered_while_others_wait(emulator, tasks, database_dsn, monkeypatch):
    tasks(1)
    token_is(monkeypatch, emulator, "globex", "pat-na1-revoked")
    emulator.admin.set_faults(1003, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 90})
    (everybody,) = map(sync_of, listed())
    with deferred() as later:
        everybody.execute(context(everybody))
    portals_answer_again(database_dsn)
    with pytest.raises(AirflowFailException, match="1 of 5 companies failed, the others are done: globex: Unauth"):
        everybody.resume(context(everybody), **later.kwargs)
    assert landed(database_dsn) == {n: LANDED[n] for n in NAMES if n != "globex"}


def test_what_may_pass_is_tried_again_and_the_retry_repeats_nothing_that_counts(emulator, tasks, database_dsn):
    tasks(1)
    with psycopg.connect(database_dsn) as conn:
        conn.execute("UPDATE crm_integrations SET portal_id = 7 WHERE company_id = 'acme'")
        conn.execute("ALTER TABLE deals ADD CONSTRAINT full_disk CHECK (company_id <> 'umbrella')")
    (everybody,) = map(sync_of, listed())
    with pytest.raises(CompaniesFailed, match=r"2 of 5 companies failed, .*umbrella: CheckViolation"):
        everybody.execute(context(everybody))
    with psycopg.connect(database_dsn) as conn:
        conn.execute("UPDATE crm_integrations SET portal_id = 1001 WHERE company_id = 'acme'")
        conn.execute("ALTER TABLE deals DROP CONSTRAINT full_disk")
    given = context(everybody, try_number=2)
    done = everybody.execute(given)
    assert {name: counts["inserted"] for name, counts in done.items()} == {
        "acme": LANDED["acme"],
        "globex": 0,
        "hooli": 0,
        "initech": 0,
        "umbrella": LANDED["umbrella"],
    }
    assert [uri for uri, _ in fresh(given)] == [f"hubspot://{name}/deals" for name in NAMES]
    assert landed(database_dsn) == LANDED


def test_a_failure_that_may_pass_is_tried_again_before_the_others_wait(emulator, tasks, database_dsn):
    tasks(1)
    emulator.admin.set_faults(1003, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 90})
    with psycopg.connect(database_dsn) as conn:
        conn.execute("ALTER TABLE deals ADD CONSTRAINT full_disk CHECK (company_id <> 'umbrella')")
    (everybody,) = map(sync_of, listed())
    with pytest.raises(CompaniesFailed, match="1 of 5 companies failed, the others are done or wait for HubSpot: umbr"):
        everybody.execute(context(everybody))
    with deferred() as later:
        everybody.execute(context(everybody, try_number=4))
    assert [each["company"]["company"] for each in later.kwargs["progress"]["left"]] == ["hooli"]
    assert [each["company"] for each in later.kwargs["progress"]["failures"]] == ["umbrella"]


@pytest.mark.parametrize("tasks_at_most", [1, 5])
def test_a_wait_beyond_the_next_run_is_left_to_it_and_a_backfill_waits(emulator, tasks, database_dsn, tasks_at_most):
    tasks(tasks_at_most)
    emulator.admin.set_faults(1003, {"next": ["rate_limited_retry_after"] * 2, "retry_after_seconds": 1_500})
    operator = next(o for o in map(sync_of, listed()) if any(each["company"] == "hooli" for each in o.companies))
    begun = datetime.now(UTC) - timedelta(minutes=10)
    interval = {"data_interval_start": begun - timedelta(minutes=30), "data_interval_end": begun}
    scheduled = {"run_type": "scheduled", "run_after": begun, "start_date": begun, **interval}
    with pytest.raises(AirflowFailException, match=r"HubSpot has nothing for this company before .* and the next run"):
        operator.execute(context(operator, **scheduled))
    assert landed(database_dsn) == ({n: LANDED[n] for n in NAMES if n != "hooli"} if tasks_at_most == 1 else {})
    # The same run, begun a minute ago: there is time.
    soon = {"run_after": datetime.now(UTC), "start_date": datetime.now(UTC)}
    with deferred():
        operator.execute(context(operator, **scheduled | soon))
    portals_answer_again(database_dsn)
    emulator.admin.set_faults(1003, {"next": ["rate_limited_retry_after"], "retry_after_seconds": 1_500})
    with deferred():
        operator.execute(context(operator, **scheduled | {"run_type": "backfill"}))


def test_a_company_with_a_task_of_its_own_fails_with_its_own_error(emulator, monkeypatch):
    token_is(monkeypatch, emulator, "globex", "pat-na1-revoked")
    operator = sync_of(listed()[1])
    assert operator.who == "globex"
    with pytest.raises(Unauthorized):
        operator.execute(context(operator))


def test_without_the_database_the_task_fails_at_once(emulator, tasks, monkeypatch):
    tasks(1)
    (everybody,) = map(sync_of, listed())
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", "postgresql://sync@127.0.0.1:1/commissions")
    with pytest.raises(DatabaseUnavailable):
        everybody.execute(context(everybody))


def test_a_run_that_cannot_start_says_so_once(emulator, tasks, monkeypatch):
    tasks(1)
    (everybody,) = map(sync_of, listed())
    given = context(everybody) | {"params": PARAMS | {"mode": "window"}}
    with pytest.raises(AirflowFailException, match=r"^this run cannot start: mode 'window' needs window_from"):
        everybody.execute(given)


def test_who_is_in_trouble_shares_no_task_with_who_is_not(emulator, tasks, database_dsn):
    tasks(2)
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            "INSERT INTO alert_incidents (integration_id, dag_id, kind, since) "
            "SELECT id, 'hubspot_deals', 'failed', now() FROM crm_integrations WHERE company_id = 'globex'"
        )
    assert [[each["company"] for each in task["companies"]] for task in listed()] == [
        ["acme", "hooli", "initech", "umbrella"],
        ["globex"],
    ]


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (lambda group: ReconcileOperator(task_id="reconcile", streams=[DEALS], **group), dict),
        (lambda group: ScoreQualityOperator(task_id="score", streams=[DEALS], **group), dict),
        (lambda group: CheckMappingOperator(task_id="check", **group), list),
        (lambda group: ConvertAmountsOperator(task_id="convert", **group), dict),
    ],
)
def test_every_operator_works_for_many(emulator, tasks, make, result):
    tasks(1)
    (group,) = listed()
    operator = make(group)
    done = operator.execute(context(operator))
    assert {name: type(each) for name, each in done.items()} == dict.fromkeys(NAMES, result)


def test_a_run_takes_so_many_lanes_and_leaves_the_others_to_the_next_one(
    emulator, tasks, database_dsn, monkeypatch, niceness
):
    monkeypatch.setenv("WEBHOOK_QUIET_SECONDS", "0")
    tasks(2)
    for portal in reversed(PORTALS[:3]):
        receive(database_dsn, event(int(emulator.admin.truth_ids(portal.portal_id)[0]), portalId=portal.portal_id))
    seen = []
    while lanes := _lanes():
        assert [len(lane["companies"]) for lane in lanes] == [1] * len(lanes)
        seen.append([lane["companies"][0]["company"] for lane in lanes])
        for lane in lanes:
            drain = DrainLaneOperator(task_id="drain", **lane)
            assert drain.execute(context(drain))[drain.who]["done"] == 1
    assert seen == [["hooli", "globex"], ["acme"]]
    # Events that arrive go first, so these gave way.
    assert niceness == [(os.PRIO_PROCESS, 0, NICENESS)] * 3


def _lanes():
    operator = ListLanesOperator(task_id="lanes")
    return operator.execute(context(operator))
