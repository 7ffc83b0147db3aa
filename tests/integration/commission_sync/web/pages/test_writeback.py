"""The page of the write-back: what would be written, what was not and why, and who may decide on it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import unquote

import psycopg
import pytest

from commission_sync.web.airflow_api import AirflowRefused
from commissions import WriteBack
from hubspot_emulator import PortalSpec, running_emulator
from page_client import pages_over
from world import World, register

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def acme(fresh_database):
    """An applied plan, two conflicts, a failure, a review, and a plan that waits for a person."""
    portal = PortalSpec("acme", 1001, 40, "pat-na1-acme", "pro")
    with running_emulator([portal], limits=False) as emulator:
        world = World(emulator, portal, fresh_database, register(fresh_database, portal))
        world.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('globex', 1002, 'g')")
        back, ids = WriteBack(world), emulator.admin.truth_ids(1001)
        emulator.admin.override_deal(1001, ids[0], {"dealname": EVIL})
        world.sync()
        back.flag("on")
        back.pay(ids[:10])
        back.run(run_id="first")
        for crm_id in ids[:2]:
            emulator.admin.override_deal(1001, crm_id, {"commission_amount": "555"})
        emulator.admin.set_knobs(
            1001, conditional_requirement={"property": "commission_paid", "value": "true", "requires": "purchase_order"}
        )
        emulator.admin.override_deal(1001, ids[2], {"purchase_order": None})
        back.pay(ids[:2], "200")
        back.pay(ids[2:3], "200", paid=True)
        back.run(run_id="second")
        # The deal that failed has changed, too: its review keeps it out of the next plan.
        emulator.admin.override_deal(1001, ids[2], {"amount": "98765"})
        world.sync()
        back.flag("approval", max_rows=500)
        back.pay(ids[10:40], "1234.50", currency="EUR")
        back.plan(run_id="third")
        yield back


@pytest.fixture
def pages(acme, monkeypatch):
    with pages_over(acme.world.dsn, monkeypatch) as made:
        yield made


@pytest.fixture
def put_back(acme):
    """Undo what a test decides."""
    yield
    acme.world.execute("UPDATE commission_writebacks SET resolution = NULL, resolved_by = NULL")
    acme.world.execute(
        "UPDATE commission_reviews SET state = 'open', decided_by = NULL, decided_at = NULL, note = NULL"
    )


@pytest.fixture
def airflow(monkeypatch):
    """What Airflow's API is asked, and what it answers."""
    asked, answers = [], {}

    def ask(_, method, path, body=None):
        asked.append((method, path, body))
        answer = answers.get(method, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("commission_sync.web.pages.writeback.ask", ask)
    monkeypatch.setattr("commission_sync.web.airflow_api.ask", ask)
    return asked, answers


def text(answer):
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def told(answer):
    assert answer.status_code == 204, answer.text
    return unquote(answer.headers["x-told"])


def section(answer, name):
    found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', answer.text, re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", found[0])))


def plan_of(acme, run_id):
    return acme.world.value("SELECT id FROM writeback_plans WHERE run_id = %s", run_id)


def problem(acme, state):
    return acme.world.query("SELECT id, crm_id FROM writeback_problems WHERE state = %s ORDER BY id", state)[0]


def audited(acme):
    return acme.world.query("SELECT entity, action, actor FROM audit_log WHERE actor = 'ana' ORDER BY id DESC LIMIT 1")


def question(state="awaiting_input", seconds=60):
    asked = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    task = {"task_id": "write_back.approve", "map_index": 3, "state": state}
    return {"hitl_details": [{"created_at": asked, "task_instance": task}]}


def test_the_plan_that_waits_is_shown_with_totals_and_why_it_waits(pages):
    said = section(pages("viewer").get("/writeback/acme"), "plan")
    assert "awaiting approval 30 rows" in said
    assert "Asked because: the company's plans need an approval" in said
    assert "It is not applied after 20" in said
    assert "EUR 30 0 37035.00 37035.00" in said
    assert "(empty) → 1234.50" in said


def test_mode_caps_and_policy_are_said(pages):
    said = text(pages("viewer").get("/writeback/acme"))
    assert "approval Each plan waits for a person. Caps: 500 rows" in said
    assert "a person decides" in said
    assert "1 plans to approve 2 conflicts 1 failures 1 changed after approval" in said


def test_a_conflict_names_theirs_ours_who_and_when(pages, acme):
    said = section(pages("viewer").get("/writeback/acme"), "conflicts")
    assert re.search(r"commission_amount 555 200 Private app, 20\d\d-", said), said


def test_a_failure_has_hubspots_own_message_and_a_review_what_changed(pages):
    answer = pages("viewer").get("/writeback/acme")
    assert "purchase_order is required when commission_paid is true" in section(answer, "failures")
    assert re.search(r"200\S* USD, approved amount: [\d.]+ → 98765", section(answer, "reviews"))


def test_names_of_deals_stay_text(pages):
    page = pages("admin").get("/writeback/acme").text
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_plan_is_read_page_by_page(pages, acme, monkeypatch):
    monkeypatch.setattr("commission_sync.web.pages.writeback._ROWS", 20)
    viewer, plan = pages("viewer"), plan_of(acme, "third")
    found = [viewer.get(f"/writeback/acme/plans/{plan}?page={n}") for n in (1, 2)]
    deals = [re.findall(r'aria-label="Deal (\d+) in HubSpot"', answer.text) for answer in found]
    assert [len(each) for each in deals] == [20, 10]
    assert len({*deals[0], *deals[1]}) == 30
    assert "Page 2 of 2" in text(found[1])


def test_another_companys_plan_is_not_shown(pages, acme):
    viewer, plan = pages("viewer"), plan_of(acme, "third")
    assert viewer.get(f"/writeback/globex/plans/{plan}").status_code == 404
    assert viewer.get("/writeback/acme/plans/00000000-0000-0000-0000-000000000000").status_code == 404


def test_a_company_without_anything_says_so(pages):
    said = text(pages("viewer").get("/writeback/globex"))
    assert "No plan was made yet" in said
    assert said.count("None.") == 4


def test_a_setting_that_makes_no_sense_is_told(pages, acme):
    with psycopg.connect(acme.world.dsn, autocommit=True) as conn:
        conn.execute("UPDATE crm_integrations SET writeback_settings = '{\"max_rows\": 0}' WHERE company_id = 'globex'")
    assert "writeback_settings.max_rows=0 makes no sense" in text(pages("viewer").get("/writeback/globex"))
    acme.world.execute("UPDATE crm_integrations SET writeback_settings = '{}' WHERE company_id = 'globex'")


@pytest.mark.parametrize(("decision", "said"), [("ours", "the next run writes ours"), ("theirs", "theirs stand")])
def test_a_conflict_is_decided(pages, acme, put_back, decision, said):
    row, deal = problem(acme, "conflict")
    assert told(pages("op").post(f"/writeback/acme/rows/{row}", data={"decision": decision})) == f"Deal {deal}: {said}."
    assert acme.world.value("SELECT resolution FROM commission_writebacks WHERE id = %s", row) == decision
    assert audited(acme) == [("deal", f"write-back {decision}", "ana")]


def test_a_failure_is_dismissed_with_a_reason_only(pages, acme, put_back):
    row, deal = problem(acme, "failed")
    op = pages("op")
    refused = op.post(f"/writeback/acme/rows/{row}", data={"decision": "dismissed"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "a failure is dismissed with a reason only")
    given = {"decision": "dismissed", "reason": "paid by hand"}
    assert told(op.post(f"/writeback/acme/rows/{row}", data=given)) == f"Deal {deal}: it is not tried again."


@pytest.mark.parametrize("decision", ["keep", "reopen", "offset"])
def test_a_review_is_decided(pages, acme, put_back, decision):
    review = acme.world.value("SELECT id FROM commission_reviews")
    given = {"decision": decision, "reason": "agreed"}
    told(pages("op").post(f"/writeback/acme/reviews/{review}", data=given))
    assert acme.world.query("SELECT state, note FROM commission_reviews") == [(decision, "agreed")]


def test_a_decision_for_another_company_is_refused(pages, acme):
    row, _ = problem(acme, "conflict")
    answer = pages("op").post(f"/writeback/globex/rows/{row}", data={"decision": "ours"})
    assert (answer.status_code, "of this company" in answer.text) == (409, True)


@pytest.mark.parametrize("decision", ["Approve", "Reject"])
def test_an_answer_goes_to_the_question_that_airflow_asks(pages, acme, airflow, decision):
    asked, answers = airflow
    answers["GET"] = question()
    plan = plan_of(acme, "third")
    told(pages("op").post(f"/writeback/acme/plans/{plan}/answer", data={"decision": decision}))
    run = "/dags/commission_writeback/dagRuns/third"
    assert asked == [
        ("GET", f"{run}/hitlDetails?response_received=false&body_search={plan}", None),
        (
            "PATCH",
            f"{run}/taskInstances/write_back.approve/3/hitlDetails",
            {"chosen_options": [decision], "params_input": {}},
        ),
    ]
    assert audited(acme) == [("writeback_plan", decision.lower(), "ana")]


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ({"GET": {"hitl_details": []}}, 409, "Airflow asks nobody about this plan"),
        ({"GET": question("running")}, 409, "again in a few seconds"),
        # Ahead of the clock: it has to be new still when its turn comes, long after it was made.
        ({"GET": question(seconds=-86_400)}, 409, "again in a few seconds"),
        ({"GET": AirflowRefused(503, "Airflow's API does not answer")}, 503, "does not answer"),
        ({"GET": question(), "PATCH": AirflowRefused(403, "Airflow refused: Forbidden")}, 403, "Forbidden"),
    ],
)
def test_what_keeps_airflow_from_taking_an_answer_is_told_and_not_recorded(pages, acme, airflow, answers, status, said):
    airflow[1].update(answers)
    before = acme.world.value("SELECT count(*) FROM audit_log")
    answer = pages("op").post(f"/writeback/acme/plans/{plan_of(acme, 'third')}/answer", data={"decision": "Approve"})
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True)
    assert acme.world.value("SELECT count(*) FROM audit_log") == before


def test_what_waits_for_nobody_cannot_be_answered(pages, acme, airflow):
    answer = pages("op").post(f"/writeback/acme/plans/{plan_of(acme, 'first')}/answer", data={"decision": "Approve"})
    assert (answer.status_code, answer.json()["detail"]) == (409, "the plan waits for nobody (any more): it is applied")
    assert airflow[0] == []


def test_a_run_is_taken_back_by_a_run_of_airflow(pages, acme, airflow):
    asked, answers = airflow
    answers["POST"] = {"dag_run_id": "manual__1"}
    told(pages("op").post(f"/writeback/acme/plans/{plan_of(acme, 'first')}/undo"))
    conf = {"companies": ["acme"], "undo_run_id": "first"}
    assert asked == [("POST", "/dags/commission_writeback/dagRuns", {"logical_date": None, "conf": conf})]
    assert audited(acme) == [("writeback_plan", "undo", "ana")]


def test_only_what_was_written_can_be_taken_back(pages, acme, airflow):
    assert pages("op").post(f"/writeback/acme/plans/{plan_of(acme, 'third')}/undo").status_code == 409
    assert airflow[0] == []


def actions(acme):
    row, _ = problem(acme, "conflict")
    third, first = plan_of(acme, "third"), plan_of(acme, "first")
    review = acme.world.value("SELECT id FROM commission_reviews")
    return {
        f"rows/{row}": {"decision": "ours"},
        f"reviews/{review}": {"decision": "keep"},
        f"plans/{third}/answer": {"decision": "Approve"},
        f"plans/{first}/undo": {},
    }


@pytest.mark.parametrize(
    ("role", "headers"), [("viewer", {}), ("admin", {"Origin": "https://evil.example"})], ids=["viewer", "other site"]
)
def test_a_viewer_and_another_sites_page_change_nothing(pages, acme, airflow, role, headers):
    before = acme.world.value("SELECT count(*) FROM audit_log")
    for path, given in actions(acme).items():
        answer = pages(role).post(f"/writeback/acme/{path}", data=given, headers=headers)
        assert answer.status_code == 403, path
    assert (airflow[0], acme.world.value("SELECT count(*) FROM audit_log")) == ([], before)


def test_a_viewer_sees_no_action(pages, acme):
    viewer = pages("viewer")
    for path in ("", f"/plans/{plan_of(acme, 'third')}"):
        assert "hx-post" not in viewer.get(f"/writeback/acme{path}").text
