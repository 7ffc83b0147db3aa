"""A company's page: its past, what is wrong with it, and what a person may do about it, which is written down."""

import json
import re
from html import unescape

import psycopg
import pytest

from hubspot_emulator import PortalSpec, running_emulator
from page_client import pages_over
from world import World, register


@pytest.fixture(scope="module")
def acme(fresh_database):
    portal = PortalSpec("acme", 1001, 30, "pat-acme", "pro")
    with running_emulator([portal], limits=False) as emulator:
        world = World(emulator, portal, fresh_database, register(fresh_database, portal))
        world.sync_all()
        bad = emulator.admin.truth_ids(1001)[0]
        emulator.admin.override_deal(1001, bad, {"amount": "<script>twelve</script>"})
        world.sync()
        yield world


@pytest.fixture
def pages(acme, monkeypatch):
    with pages_over(acme.dsn, monkeypatch) as made:
        yield made


def audited(acme):
    return acme.query("SELECT action, actor, changes FROM audit_log WHERE entity = 'company' ORDER BY id")


def test_it_shows_the_streams_the_charts_and_the_months(pages):
    text = pages("viewer").get("/companies/acme").text
    assert text.count('<figure class="chart"') == 4
    rows = json.loads(unescape(re.search(r'data-chart="([^"]+)"', text)[1]))
    assert [series["label"] for series in rows["series"]] == ["read", "written"]
    assert rows["series"][0]["values"][0] == 30
    assert len(rows["x"]) == 2
    for said in ("line items", "Complete to", "complete", "Not scored yet"):
        assert said in text


def test_clocks_that_differ_are_said_until_a_run_finds_them_right(pages, acme):
    latest = "WHERE id = (SELECT id FROM sync_runs WHERE stream = 'deals' ORDER BY started_at DESC LIMIT 1)"
    acme.execute(f"UPDATE sync_runs SET clock_warning = 'the worker is 7,200 s ahead of the database' {latest}")
    said = "Clocks differ by more than a minute: the worker is 7,200 s ahead of the database"
    assert said in pages("viewer").get("/companies/acme/standing").text
    acme.execute(f"UPDATE sync_runs SET clock_warning = NULL {latest}")
    assert "Clocks differ" not in pages("viewer").get("/companies/acme/standing").text


def test_another_stream_has_charts_of_its_own(pages):
    assert pages("viewer").get("/companies/acme?stream=notes").status_code == 200
    assert pages("viewer").get("/companies/acme?stream=nonsense").status_code == 422


def test_a_row_that_could_not_be_stored_is_shown_as_hubspot_gave_it_and_as_text(pages):
    text = pages("viewer").get("/companies/acme").text
    assert "<script>twelve" not in text
    assert "twelve" in text.split("Rows that could not be stored")[1].split("Receipts")[0]


def test_scores_are_charted_with_the_rows_behind_them(pages, acme):
    acme.execute(
        "WITH s AS (INSERT INTO data_quality_scores (integration_id, stream, day, score, parts, scored_by) "
        "SELECT id, 'deals', current_date, 87.5, '{\"validity\": {\"points_lost\": \"12.5\"}}', 'test' "
        "FROM crm_integrations RETURNING id, integration_id) "
        "INSERT INTO data_quality_findings (score_id, integration_id, stream, day, dimension, rule, entity, crm_id, "
        "points_lost, money, what) SELECT id, integration_id, 'deals', current_date, 'validity', 'rejects', 'deal', "
        "'77', 12.5, 1000, 'amount is no number' FROM s"
    )
    text = pages("viewer").get("/companies/acme").text
    assert "87.5" in text
    assert "validity 12.5" in text
    assert "amount is no number" in text


def test_what_somebody_may_not_do_is_not_offered_and_is_refused(pages, acme):
    viewer = pages("viewer")
    page = viewer.get("/companies/acme").text
    assert "hx-post" not in page
    for path in ("sync", "backfill", "pause", "resume"):
        assert viewer.post(f"/companies/acme/{path}", data={"dag_id": "hubspot_deals"}).status_code == 403
    user = pages("user")
    page = user.get("/companies/acme").text
    assert "/companies/acme/sync" in page
    assert "/companies/acme/pause" in page
    assert "/oauth/start" not in page
    assert acme.value("SELECT is_active FROM crm_integrations")


def test_a_company_is_paused_and_goes_on_under_the_name_of_who_did_it(pages, acme):
    admin = pages("admin")
    assert "Authorize again" in admin.get("/companies/acme").text
    assert admin.post("/companies/acme/pause").headers["x-told"] == "acme%20is%20paused."
    assert not acme.value("SELECT is_active FROM crm_integrations")
    assert "Let it go on" in admin.get("/companies/acme").text
    assert admin.post("/companies/acme/pause").status_code == 204
    admin.post("/companies/acme/resume")
    assert acme.value("SELECT is_active FROM crm_integrations")
    assert audited(acme) == [
        ("pause", "ana", {"is_active": [True, False]}),
        ("resume", "ana", {"is_active": [False, True]}),
    ]


@pytest.mark.parametrize(
    ("path", "form", "status", "said"),
    [
        ("sync", {"dag_id": "rm_rf"}, 422, "none of the streams' DAGs"),
        ("sync", {"dag_id": "hubspot_deals"}, 503, "Airflow's API does not answer"),
        (
            "backfill",
            {"dag_id": "hubspot_deals", "since": "2026-02-01T00:00", "until": "2026-01-01T00:00"},
            422,
            "begin",
        ),
        ("backfill", {"dag_id": "hubspot_deals", "since": "2026-01-01T00:00", "until": "2999-01-01T00:00"}, 422, "now"),
        ("backfill", {"dag_id": "hubspot_deals", "since": "yesterday", "until": "now"}, 422, "datetime"),
    ],
)
def test_what_cannot_be_done_is_one_clear_sentence(pages, acme, path, form, status, said):
    before = len(audited(acme))
    answer = pages("user").post(f"/companies/acme/{path}", data=form)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert len(audited(acme)) == before


def test_a_paused_company_is_offered_no_runs_and_gets_none(pages, acme):
    pages("admin").post("/companies/acme/pause")
    try:
        part = pages("admin").get("/companies/acme/actions").text
        assert "acme is paused" in part
        assert "/sync" not in part
        assert "Let it go on" in part
        for path, form in (
            ("sync", {"dag_id": "hubspot_deals"}),
            ("backfill", {"dag_id": "hubspot_deals", "since": "2026-01-01T00:00", "until": "2026-01-02T00:00"}),
        ):
            answer = pages("user").post(f"/companies/acme/{path}", data=form)
            assert (answer.status_code, "let it go on first" in answer.text) == (409, True), answer.text
    finally:
        pages("admin").post("/companies/acme/resume")
    assert "/companies/acme/sync" in pages("user").get("/companies/acme/actions").text


def test_a_company_that_there_is_not_is_a_page_that_says_so(pages):
    answer = pages("viewer").get("/companies/nobody")
    assert answer.status_code == 404
    assert "There is no company &#39;nobody&#39;" in answer.text


def test_many_companies_do_not_hide_one_whose_name_is_in_theirs(pages, acme):
    with psycopg.connect(acme.dsn) as conn:
        conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) "
            "SELECT 'a-acme-' || n, 2000 + n, 'x' FROM generate_series(1, 150) n"
        )
    assert "Portal 1001" in pages("viewer").get("/companies/acme/standing").text
    acme.execute("DELETE FROM crm_integrations WHERE portal_id > 2000")
