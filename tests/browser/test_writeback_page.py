"""The page of the write-back in a browser: people agree or do not, take back and decide, and HubSpot has it or has not."""

import pytest
from playwright.sync_api import expect

from commissions import WriteBack
from live import eventually

EVIL = "<script>alert(1)</script>"


def open_as(page_as, role, company):
    page = page_as(role)
    page.goto(f"/hubspot/writeback/{company}")
    return page


def say_yes(page):
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()


def answer(page, button):
    """Answer a plan's question, again where Airflow has only just asked: the page says so."""

    def answered():
        page.get_by_role("button", name=button).click()
        # Who thinks for longer than the page leaves its parts as they are is heard all the same.
        page.wait_for_timeout(6_000)
        with page.expect_response("**/answer") as given:
            say_yes(page)
        return given.value.status != 409 or None

    eventually(answered, seconds=30)


def state_of(site, plan, state):
    """Wait until a plan is in a state."""
    return eventually(
        lambda: site.query("SELECT 1 FROM writeback_plans WHERE id = %s AND state = %s", plan, state) or None,
        seconds=180,
    )


def decided(site, plan):
    return site.query("SELECT action, actor FROM audit_log WHERE entity_id = %s ORDER BY id", str(plan))


def test_a_plan_is_approved_then_taken_back_and_the_taking_back_rejected(site, page_as, watch):
    watch.expect("409")
    plan = site.ask_for_approval("globex")
    globex = WriteBack(site.worlds["globex"])
    viewer = open_as(page_as, "viewer", "globex")
    expect(viewer.get_by_text("awaiting approval").first).to_be_visible()
    expect(viewer.get_by_role("main").get_by_role("button")).to_have_count(0)
    page = open_as(page_as, "op", "globex")
    newest = page.locator("section[aria-labelledby=plan]")
    expect(newest.get_by_role("row", name="USD 10 0 4800.00 4800.00")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    assert globex.in_hubspot() == {}, "the question is not answered yet"
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    answer(page, "Approve")
    expect(page.get_by_role("status")).to_have_text("Approved; Airflow applies the plan.")
    state_of(site, plan, "applied")
    assert len(globex.in_hubspot()) == 10
    expect(newest.get_by_text("op decided on it")).to_be_visible(timeout=60_000)

    page.get_by_role("button", name="Take back").click()
    say_yes(page)
    expect(page.get_by_role("status")).to_contain_text("Airflow plans how to take it back")
    expect(newest).to_contain_text("It takes back what run", timeout=120_000)
    undoing = site.query("SELECT id FROM writeback_plans WHERE kind = 'undo'")[0][0]
    expect(page.get_by_text("is taken back")).to_be_visible()
    site.wait_until_heeded(undoing)
    answer(page, "Reject")
    expect(page.get_by_role("status")).to_have_text("Rejected; HubSpot stays as it is.")
    state_of(site, undoing, "rejected")
    assert len(globex.in_hubspot()) == 10
    assert decided(site, plan) == [("approve", "op"), ("undo", "op")]
    assert decided(site, undoing) == [("reject", "op")]


@pytest.fixture
def orphan(site):
    """A plan that waits although Airflow asks nobody: its run was deleted."""
    company = site.worlds["initech"].integration_id
    statement = (
        "INSERT INTO writeback_plans (integration_id, dag_id, run_id, state, digest, rows, property_names, expires_at) "
        "SELECT %s, 'commission_writeback', 'gone', 'awaiting_approval', '', 1, property_names, now() + interval '1 day' "
        "FROM writeback_plans LIMIT 1 RETURNING id"
    )
    (plan,) = site.query(statement, company)[0]
    yield plan
    site.query("DELETE FROM writeback_plans WHERE id = %s RETURNING 1", plan)


def test_what_airflow_does_not_take_is_told(page_as, orphan, watch):
    watch.expect("status of 4|Code 4")
    page = open_as(page_as, "op", "initech")
    page.get_by_role("button", name="Approve").click()
    say_yes(page)
    expect(page.get_by_role("alert")).to_contain_text("Airflow")
    expect(page.get_by_text("awaiting approval").first).to_be_visible()


def test_a_company_without_plans_says_so(page_as):
    page = open_as(page_as, "op", "initech")
    expect(page.get_by_text("No plan was made yet")).to_be_visible()
    expect(page.get_by_text("None.", exact=True)).to_have_count(4)


@pytest.fixture
def problems(site):
    """Acme's conflicts, of which one is a failure now, and a review; nobody has decided on them."""
    rows = site.query(
        "SELECT id, crm_id, deal_id, integration_id FROM writeback_problems WHERE company_id = 'acme' ORDER BY id"
    )
    failed = rows[0]
    site.query(
        "UPDATE commission_writebacks SET state = 'failed', last_error = %s WHERE id = %s RETURNING 1", EVIL, failed[0]
    )
    (review,) = site.query(
        "INSERT INTO commission_reviews (integration_id, deal_id, changes, commission_status) "
        'VALUES (%s, %s, \'{"amount": ["1000", "5000"]}\', \'approved\') RETURNING id',
        failed[3],
        failed[2],
    )[0]
    yield {"failed": failed[:2], "conflict": rows[1][:2], "review": (review, failed[1])}
    site.query("DELETE FROM commission_reviews WHERE id = %s RETURNING 1", review)
    site.query(
        "UPDATE commission_writebacks SET resolution = NULL, resolved_by = NULL, last_error = NULL, state = 'conflict' "
        "WHERE id = ANY (%s) RETURNING 1",
        [row[0] for row in rows],
    )


def test_a_conflict_is_decided_for_theirs_and_one_for_ours(site, page_as, problems):
    page = open_as(page_as, "op", "acme")
    row, deal = problems["conflict"]
    line = page.locator(f"#row-{row}")
    expect(line).to_contain_text("900")
    for decision, said in (("Theirs", "theirs stand"), ("Ours", "the next run writes ours")):
        site.query("UPDATE commission_writebacks SET resolution = NULL WHERE id = %s RETURNING 1", row)
        page.reload()
        page.get_by_role("button", name=f"{decision} for deal {deal}").click()
        say_yes(page)
        expect(page.get_by_role("status")).to_have_text(f"Deal {deal}: {said}.")
        expect(line).to_have_count(0)
        assert site.query("SELECT resolution, resolved_by FROM commission_writebacks WHERE id = %s", row) == [
            (decision.lower(), "op")
        ]


def test_a_failure_shows_hubspots_words_and_is_dismissed_with_a_reason(site, page_as, problems):
    page = open_as(page_as, "op", "acme")
    row, deal = problems["failed"]
    line = page.locator(f"#row-{row}")
    expect(line).to_contain_text(EVIL)
    line.get_by_text("Dismiss…").click()
    line.get_by_label("Why").fill("paid by hand")
    page.evaluate("htmx.trigger(document.body, 'changed')")
    page.wait_for_load_state("networkidle")
    expect(line.get_by_label("Why")).to_have_value("paid by hand")
    line.get_by_role("button", name=f"Dismiss deal {deal}").click()
    expect(line).to_have_count(0)
    assert site.query("SELECT resolution FROM commission_writebacks WHERE id = %s", row) == [("dismissed",)]


@pytest.mark.parametrize("decision", ["Keep", "Reopen", "Offset"])
def test_a_deal_that_changed_after_approval_is_decided_on(site, page_as, problems, decision):
    page = open_as(page_as, "op", "acme")
    review, _ = problems["review"]
    line = page.locator(f"#review-{review}")
    expect(line).to_contain_text("amount: 1000 → 5000")
    line.get_by_label("Note").fill("agreed with sales")
    line.get_by_role("button", name=decision).click()
    expect(line).to_have_count(0)
    assert site.query("SELECT state, decided_by, note FROM commission_reviews WHERE id = %s", review) == [
        (decision.lower(), "op", "agreed with sales")
    ]


def test_the_whole_plan_is_a_page_of_its_own(page_as):
    page = open_as(page_as, "viewer", "acme")
    page.get_by_role("link", name="The whole plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Plan of acme")
    expect(page.get_by_role("region", name="Rows of the plan").get_by_role("row")).not_to_have_count(1)
