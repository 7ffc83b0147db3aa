"""The page of webhooks in a browser: what happens is seen without a reload, and each button does what it says."""

import pytest
from playwright.sync_api import expect

from webhook_requests import event

EVIL = "<script>alert(1)</script>"
_DIE = """
UPDATE webhook_events SET state = 'dead', attempts = 4, finished_at = now(), error_class = 'bad_data', last_error = %s
WHERE integration_id = %s AND object_id BETWEEN 700001 AND 700003 RETURNING object_id::int, id
"""


@pytest.fixture
def letters(site):
    """Three dead letters of globex, by their object."""
    company = site.worlds["globex"].integration_id
    site.send_webhooks(*(event(700_000 + n, portalId=1002, propertyValue=EVIL) for n in (1, 2, 3)))
    dead = dict(site.query(_DIE, EVIL, company))
    yield [dead[700_000 + n] for n in (1, 2, 3)]
    site.query("DELETE FROM webhook_events WHERE integration_id = %s AND object_id > 700000 RETURNING 1", company)


@pytest.fixture
def page(page_as, letters):
    page = page_as("op")
    page.goto("/hubspot/inbox?company=globex")
    return page


def row(page, letter):
    return page.locator(f"#letter-{letter}")


def states(site, letters):
    found = dict(site.query("SELECT id, state FROM webhook_events WHERE id = ANY (%s)", letters))
    return [found[letter] for letter in letters]


def by(site, action):
    return [
        (int(number), actor)
        for number, actor in site.query(
            "SELECT entity_id, actor FROM audit_log WHERE entity = 'webhook_events' AND action = %s ORDER BY id", action
        )
    ]


def say_yes(page):
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()


def test_figures_chart_and_payloads_are_shown_and_stay_text(page, letters):
    figures = page.get_by_role("region", name="Delivery by company")
    expect(figures.get_by_role("row", name="globex")).to_contain_text("3")
    expect(page.locator("figure.chart canvas").first).to_be_visible()
    letter = row(page, letters[0])
    expect(letter.locator("pre")).to_be_hidden()
    letter.locator("summary").click()
    expect(letter.locator("pre")).to_contain_text(EVIL)
    expect(letter.locator("p.error")).to_have_text(EVIL)


def test_one_letter_is_replayed_and_goes_without_a_reload(site, page, letters):
    page.evaluate("document.body.dataset.loaded = 'once'")
    page.get_by_role("button", name=f"Replay letter {letters[0]}").click()
    expect(page.get_by_role("status")).to_have_text("Replayed 1 letter.")
    expect(row(page, letters[0])).to_have_count(0)
    assert states(site, letters) == ["received", "dead", "dead"]
    assert (letters[0], "op") in by(site, "replay")
    assert page.evaluate("document.body.dataset.loaded") == "once"


def test_what_is_received_is_seen_without_a_reload(site, page_as, letters):
    page = page_as("viewer")
    page.clock.install()
    page.goto("/hubspot/inbox?company=globex")
    accepted = page.get_by_role("row", name="globex").first.get_by_role("cell").first
    before = int(accepted.inner_text())
    site.send_webhooks(event(700_004, portalId=1002))
    page.clock.run_for(11_000)
    expect(accepted).to_have_text(str(before + 1))


def test_a_server_that_does_not_answer_is_told(page, letters, watch):
    watch.expect("ERR_FAILED|htmx:")
    page.route("**/inbox/replay", lambda route: route.abort())
    page.get_by_role("button", name=f"Replay letter {letters[0]}").click()
    expect(page.get_by_role("alert")).to_contain_text("The server did not answer")
    expect(row(page, letters[0])).to_be_visible()


def test_what_a_person_is_at_stays_while_the_page_renews_itself(site, page, letters):
    page.clock.install()
    page.reload()
    page.get_by_label(f"Choose letter {letters[0]}").check()
    row(page, letters[1]).locator("summary").click()
    page.get_by_label("or, because").fill("half a rea")
    site.query("UPDATE webhook_events SET state = 'done' WHERE id = %s RETURNING 1", letters[2])
    page.clock.run_for(11_000)
    expect(row(page, letters[2])).to_have_count(0)
    expect(page.get_by_label(f"Choose letter {letters[0]}")).to_be_checked()
    expect(row(page, letters[1]).locator("pre")).to_be_visible()
    expect(page.get_by_label("or, because")).to_have_value("half a rea")


def test_chosen_letters_are_replayed_and_others_are_not(site, page, letters, watch):
    watch.expect("422")
    page.get_by_role("button", name="Replay the chosen").click()
    expect(page.get_by_role("alert")).to_have_text("no letter is chosen; tick those to replay")
    for letter in letters[:2]:
        page.get_by_label(f"Choose letter {letter}").check()
    page.get_by_role("button", name="Replay the chosen").click()
    expect(page.get_by_role("status")).to_have_text("Replayed 2 letters.")
    assert states(site, letters) == ["received", "received", "dead"]


def test_all_that_fit_are_replayed_once_the_question_is_answered(site, page, letters):
    page.get_by_role("button", name="Replay all 3 that fit").click()
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    assert states(site, letters) == ["dead"] * 3
    page.get_by_role("button", name="Replay all 3 that fit").click()
    say_yes(page)
    expect(page.get_by_text("No event is dead that fits the filter.")).to_be_visible()
    assert states(site, letters) == ["received"] * 3
    assert site.query("SELECT count(*) FROM webhook_dead_letters WHERE company_id = 'acme'")[0][0] > 0


def test_a_letter_is_dismissed_with_a_reason(site, page, letters, watch):
    watch.expect("422")
    page.get_by_label(f"Choose letter {letters[2]}").check()
    page.get_by_role("button", name="Dismiss the chosen").click()
    expect(page.get_by_role("alert")).to_contain_text("with a reason only")
    page.get_by_label("or, because").fill("a test record")
    page.get_by_label("or, because").press("Enter")
    expect(row(page, letters[2])).to_have_count(0)
    assert site.query("SELECT dismissed_by, dismissed_reason FROM webhook_events WHERE id = %s", letters[2]) == [
        ("op", "a test record")
    ]


def test_a_lane_is_paused_with_a_reason_and_resumed(site, page):
    globex = page.get_by_role("row", name="globex").first
    globex.get_by_text("Pause…").click()
    globex.get_by_label("Why").fill("their data is being moved")
    globex.get_by_role("button", name="Pause globex").click()
    expect(globex).to_contain_text("by op: their data is being moved")
    globex.get_by_role("button", name="Resume globex").click()
    expect(globex).not_to_contain_text("paused")
    assert site.query("SELECT count(*) FROM webhook_lanes WHERE paused_at IS NOT NULL") == [(0,)]


def test_the_filter_narrows_letters_and_says_when_none_fits(page, letters):
    page.get_by_label("with error").select_option("bad_data")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tr[id^=letter-]")).to_have_count(3)
    page.get_by_label("received since (UTC)").fill("2099-01-01T00:00")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No event is dead that fits the filter.")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).click()
    expect(row(page, letters[0])).to_be_visible()


def test_a_viewer_reads_letters_and_has_no_button_for_them(page_as, letters):
    page = page_as("viewer")
    page.goto("/hubspot/inbox?company=globex")
    row(page, letters[0]).locator("summary").click()
    expect(row(page, letters[0]).locator("pre")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_text(["Filter"])
