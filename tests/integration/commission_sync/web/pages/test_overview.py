"""The overview: whoever needs a person comes first, with the reason in words and the way to the log."""

import re
from html import unescape

import psycopg
import pytest

from commission_sync.store import overview
from hubspot_emulator import PortalSpec, running_emulator
from page_client import pages_over
from world import World, register

COMPANIES = ("acme", "globex", "initech", "hooli", "umbrella", "<b>evil</b>")


@pytest.fixture(scope="module")
def dsn(fresh_database):
    portals = [PortalSpec(name, 1001 + n, 20, f"pat-{n}", "pro") for n, name in enumerate(COMPANIES)]
    with running_emulator(portals, limits=False) as emulator:
        for portal in portals:
            world = World(emulator, portal, fresh_database, register(fresh_database, portal))
            world.sync_all()
    with psycopg.connect(fresh_database) as conn:
        conn.execute("UPDATE sync_cursors SET cursor_at = now() - interval '3 hours' WHERE " + _of("globex"))
        conn.execute(
            "UPDATE crm_integrations SET sync_status = 'error', last_error_message = 'Unauthorized: revoked' "
            "WHERE company_id = 'initech'"
        )
        conn.execute(
            "UPDATE sync_runs SET state = 'failed', error = 'Unauthorized: revoked', dag_id = 'hubspot_deals', "
            "task_id = 'sync', map_index = 2, run_id = 'manual__2026-11-26T01:00:00+00:00' "
            "WHERE stream = 'deals' AND " + _of("initech")
        )
        conn.execute(
            "INSERT INTO circuit_breakers (integration_id, state, probe_at, last_error) "
            "SELECT id, 'open', now() + interval '1 minute', 'Unavailable: 503' FROM crm_integrations "
            "WHERE company_id = 'hooli'"
        )
        conn.execute("UPDATE crm_integrations SET is_active = false WHERE company_id = 'umbrella'")
        conn.execute(
            """UPDATE crm_integrations SET feature_flags = '{"activities": false}' WHERE company_id = 'acme'"""
        )
        conn.execute(
            "UPDATE sync_cursors SET cursor_at = now() - interval '9 hours' WHERE stream = 'notes' AND " + _of("acme")
        )
        conn.execute(
            "INSERT INTO api_budgets (integration_id, policy, allowed, window_seconds, used) "
            "SELECT id, 'daily', 650000, 86400, 1234 FROM crm_integrations WHERE company_id = 'acme'"
        )
    return fresh_database


def _of(company):
    return f"integration_id = (SELECT id FROM crm_integrations WHERE company_id = '{company}')"


@pytest.fixture
def pages(dsn, monkeypatch):
    with pages_over(dsn, monkeypatch) as made:
        yield made


def groups(answer):
    """Each company of the page with the text of its rows."""
    bodies = re.findall(r"<tbody>(.*?)</tbody>", answer.text, re.DOTALL)
    said = [re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip() for body in bodies]
    return {line.split(" ", 1)[0]: line for line in said}


def test_who_needs_a_person_comes_first(pages):
    answer = pages("viewer").get("/")
    assert answer.status_code == 200, answer.text
    assert list(groups(answer)) == ["initech", "hooli", "globex", "<b>evil</b>", "acme", "umbrella"]


def test_each_company_says_how_it_stands_and_why(pages):
    said = groups(pages("viewer").get("/"))
    assert "failing" in said["initech"]
    assert "deals failed" in said["initech"]
    assert "Unauthorized: revoked" in said["initech"]
    assert "breaker open, next try" in said["hooli"]
    assert "Unavailable: 503" in said["hooli"]
    assert re.search(r"deals late 3 h", said["globex"])
    assert "1,234 of 650,000 today" in said["acme"]
    assert re.search(r"deals current [\d.]+ (s|min) 20\d\d-\d\d-\d\d [\d:]+ UTC 20 20 \d+", said["acme"])


def test_a_stream_that_is_switched_off_is_neither_shown_nor_late(pages):
    said = groups(pages("viewer").get("/"))
    assert "notes" not in said["acme"]
    assert "well" in said["acme"]
    assert "notes" in said["globex"]


def test_a_run_leads_to_its_tasks_log(pages):
    there = "/dags/hubspot_deals/runs/manual__2026-11-26T01%3A00%3A00%2B00%3A00/tasks/sync/mapped/2"
    assert f'href="{there}" target="_top"' in pages("viewer").get("/").text


def test_companies_are_found_by_name_and_by_how_they_stand(pages):
    viewer = pages("viewer")
    assert list(groups(viewer.get("/?name=LOB"))) == ["globex"]
    assert list(groups(viewer.get("/?standing=failing"))) == ["initech"]
    assert list(groups(viewer.get("/overview/rows?standing=late&name=glo"))) == ["globex"]
    assert "No company fits the filter" in viewer.get("/?name=nobody").text
    assert viewer.get("/?standing=nonsense").status_code == 422


def test_a_name_is_text_and_no_markup(pages):
    text = pages("viewer").get("/").text
    assert "<b>evil" not in text
    assert "/companies/%3Cb%3Eevil%3C/b%3E" in text


def test_without_companies_it_says_how_to_connect_one(database_dsn, monkeypatch):
    with pages_over(database_dsn, monkeypatch) as empty:
        assert "/oauth/start" in empty("admin").get("/").text
        viewers = empty("viewer").get("/").text
        assert "/oauth/start" not in viewers
        assert "No company is connected yet" in viewers


def test_with_companies_an_administrator_can_connect_another(pages):
    assert "Connect another company" in pages("admin").get("/").text
    assert "Connect another company" not in pages("user").get("/").text


def test_an_address_that_makes_no_sense_is_answered_by_a_page(pages):
    answer = pages("viewer").get("/?page=0")
    assert (answer.status_code, "<h1>Not understood</h1>" in answer.text) == (422, True)
    assert "Page: Input should be greater than or equal to 1" in answer.text


def test_a_database_that_goes_away_in_the_middle_is_said_and_not_shown(pages, monkeypatch):
    def gone(*_, **__):
        raise psycopg.OperationalError("server closed the connection; password=very-secret")

    monkeypatch.setattr(overview, "totals", gone)
    page = pages("viewer")
    part = page.get("/overview/rows")
    assert (part.status_code, part.json()["detail"]) == (
        503,
        "The commissions database did not answer. Try again in a minute.",
    )
    whole = page.get("/", headers={"HX-Request": "false"})
    assert (whole.status_code, "<h1>Not available</h1>" in whole.text) == (503, True)
    assert "very-secret" not in whole.text
    assert "content-security-policy" in whole.headers


def test_without_the_database_it_says_so(monkeypatch):
    with pages_over("postgresql://sync:very-secret@127.0.0.1:1/commissions", monkeypatch) as broken:
        answer = broken("viewer").get("/")
    assert answer.status_code == 503
    assert "cannot use the commissions database" in answer.text
    assert "very-secret" not in answer.text
