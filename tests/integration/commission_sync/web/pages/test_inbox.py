"""The page of webhooks: what is delivered, what is dead and why, and what people may do about it."""

import json
import re
from html import unescape
from urllib.parse import unquote

import psycopg
import pytest

from lane import receive
from page_client import pages_over
from webhook_requests import event

COMPANIES = """
INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1001, 'a'), ('globex', 1002, 'g')
"""
EVIL = "<script>alert(1)</script>"
LET_DIE = """
UPDATE webhook_events SET state = 'dead', attempts = 4, finished_at = now(), error_class = 'bad_data', last_error = %s
WHERE object_id < 4
"""


@pytest.fixture
def conn(database_dsn):
    with psycopg.connect(database_dsn, autocommit=True) as conn:
        conn.execute(COMPANIES)
        receive(
            database_dsn,
            event(1, propertyValue=EVIL),
            event(2, "deal.deletion"),
            event(3, portalId=1002),
            event(4),
        )
        conn.execute(LET_DIE, (EVIL,))
        conn.execute("UPDATE webhook_events SET error_class = 'unexpected' WHERE object_id = 2")
        yield conn


@pytest.fixture
def pages(conn, database_dsn, monkeypatch):
    with pages_over(database_dsn, monkeypatch) as made:
        yield made


def ids(conn):
    return dict(conn.execute("SELECT object_id::int, id FROM webhook_events").fetchall())


def received(conn):
    return [n for (n,) in conn.execute("SELECT object_id::int FROM webhook_events WHERE state = 'received' ORDER BY 1")]


def audited(conn):
    return conn.execute("SELECT entity, entity_id, action, actor FROM audit_log ORDER BY entity_id").fetchall()


def listed(answer):
    return [int(n) for n in re.findall(r'id="letter-(\d+)"', answer.text)]


def newest_first(numbers):
    return sorted(numbers, reverse=True)


def told(answer):
    assert answer.status_code == 204, answer.text
    return unquote(answer.headers["x-told"])


def row_of(answer, company):
    row = re.search(rf"<tr><th scope=\"row\"><a id=\"company-of-{company}\".*?</tr>", answer.text, re.DOTALL)
    return [re.sub(r"<[^>]+>|\s+", " ", cell).strip() for cell in re.findall(r"<td.*?</td>", row[0], re.DOTALL)]


def test_each_companys_delivery_is_shown(pages):
    answer = pages("viewer").get("/inbox")
    assert answer.status_code == 200, answer.text
    assert row_of(answer, "acme")[:6] == ["3", "0", "2", "2", "0", "1"]
    assert row_of(answer, "globex")[:6] == ["1", "0", "1", "1", "0", "0"]


def test_the_chart_counts_what_came_and_what_died(pages):
    shown = pages("viewer").get("/inbox/rates?company=acme").text
    (data,) = re.findall(r'data-chart="([^"]*)"', shown)
    series = {s["label"]: sum(s["values"]) for s in json.loads(unescape(data))["series"]}
    assert series == {"received": 3, "processed": 0, "died": 2}


FILTERS = {
    "": [1, 2, 3],
    "company=acme": [1, 2],
    "kind=deal.deletion": [2],
    "error=bad_data": [1, 3],
    "error=bad_data&company=globex": [3],
    "since=2099-01-01T00:00": [],
    "until=2099-01-01T00:00": [1, 2, 3],
    "until=2020-01-01T00:00": [],
    "company=%00acme&since=&until=": [1, 2],
}


def test_letters_are_found_by_the_filter_the_newest_first(pages, conn):
    number, viewer = ids(conn), pages("viewer")
    found = {query: listed(viewer.get(f"/inbox?{query}")) for query in FILTERS}
    assert found == {query: newest_first(number[each] for each in fits) for query, fits in FILTERS.items()}


def test_a_time_that_is_none_is_refused_in_words(pages):
    answer = pages("viewer").get("/inbox?since=yesterday")
    assert (answer.status_code, "is no time; write it as" in answer.text) == (422, True)


def test_older_letters_are_a_page_of_their_own(pages, conn, monkeypatch):
    monkeypatch.setattr("commission_sync.web.pages.inbox._LETTERS", 2)
    viewer, dead = pages("viewer"), newest_first(number for each, number in ids(conn).items() if each < 4)
    first = viewer.get("/inbox/letters")
    assert listed(first) == dead[:2]
    (older,) = re.findall(r'id="older-letters" hx-get="/hubspot([^"]*)"', first.text)
    assert listed(viewer.get(unescape(older))) == dead[2:]


def test_what_is_in_a_payload_or_an_error_stays_text(pages):
    shown = pages("admin").get("/inbox").text
    assert EVIL not in shown
    assert shown.count("&lt;script&gt;alert(1)") == 4


def test_one_letter_is_replayed_and_it_is_known_who_did_it(pages, conn):
    number = ids(conn)[1]
    assert told(pages("op", "ana").post("/inbox/replay", data={"ids": number})) == "Replayed 1 letter."
    assert received(conn) == [1, 4]
    assert audited(conn) == [("webhook_events", str(number), "replay", "ana")]


def test_chosen_letters_are_replayed(pages, conn):
    number = ids(conn)
    assert told(pages("op").post("/inbox/replay", data={"ids": [number[1], number[3]]})) == "Replayed 2 letters."
    assert received(conn) == [1, 3, 4]


def test_all_that_fit_are_replayed_and_no_other(pages, conn):
    assert told(pages("op").post("/inbox/replay-all?company=acme&error=bad_data")) == "Replayed 1 letter."
    assert received(conn) == [1, 4]


def test_what_cannot_come_back_is_told(pages, conn):
    conn.execute("UPDATE webhook_events SET portal_id = 9999, integration_id = NULL WHERE object_id = 3")
    assert told(pages("op").post("/inbox/replay-all")) == (
        "Replayed 2 letters. 1 letter stayed: their portal is no company's, or somebody was faster."
    )


def test_letters_are_dismissed_with_a_reason(pages, conn):
    number, op = ids(conn), pages("op", "ana")
    chosen = {"ids": [number[1], number[2]]}
    assert told(op.post("/inbox/dismiss", data=chosen | {"reason": "a test record"})) == "Dismissed 2 letters."
    assert conn.execute("SELECT dismissed_by, dismissed_reason FROM webhook_events WHERE object_id = 1").fetchone() == (
        "ana",
        "a test record",
    )
    assert [entry[2:] for entry in audited(conn)] == [("dismiss", "ana")] * 2
    for reason in ("", " "):
        refused = op.post("/inbox/dismiss", data={"ids": number[3], "reason": reason})
        assert (refused.status_code, "with a reason only" in refused.text) == (422, True)
    assert listed(op.get("/inbox")) == [number[3]]


def test_nothing_chosen_is_told(pages):
    for path in ("replay", "dismiss"):
        answer = pages("op").post(f"/inbox/{path}", data={"reason": "x"})
        assert (answer.status_code, "no letter is chosen" in answer.text) == (422, True)


def test_a_lane_is_paused_with_a_reason_and_resumed(pages, conn):
    op = pages("op", "ana")
    assert "wait until" in told(op.post("/inbox/pause", data={"company": "acme", "reason": "data is being moved"}))
    assert "by ana: data is being moved" in pages("viewer").get("/inbox/figures").text
    op = pages("op", "ana")
    assert told(op.post("/inbox/resume", data={"company": "acme"})) == "The events of acme go on."
    assert told(op.post("/inbox/resume", data={"company": "acme"})) == "The events of acme were not paused."
    assert [entry[1:] for entry in audited(conn)] == [("acme", "pause", "ana"), ("acme", "resume", "ana")]


def test_a_lane_that_is_none_and_a_pause_without_a_reason_are_refused(pages, conn):
    op = pages("op")
    for company, reason, status in (("hooli", "x", 404), ("acme", " ", 422), ("acme", "", 422)):
        assert op.post("/inbox/pause", data={"company": company, "reason": reason}).status_code == status
    assert audited(conn) == []


ACTIONS = {
    "replay": {"ids": "1"},
    "replay-all": {},
    "dismiss": {"ids": "1", "reason": "x"},
    "pause": {"company": "acme", "reason": "x"},
    "resume": {"company": "acme"},
}


@pytest.mark.parametrize(
    ("role", "headers"), [("viewer", {}), ("admin", {"Origin": "https://evil.example"})], ids=["viewer", "other site"]
)
def test_a_viewer_and_another_sites_page_change_nothing(pages, conn, role, headers):
    for path, given in ACTIONS.items():
        assert pages(role).post(f"/inbox/{path}", data=given, headers=headers).status_code == 403, path
    assert (received(conn), audited(conn)) == ([4], [])


def test_a_viewer_sees_no_action(pages):
    shown = pages("viewer").get("/inbox").text
    assert "hx-post" not in shown
    assert "checkbox" not in shown


def test_empty_states_say_so(pages, conn):
    conn.execute("UPDATE webhook_events SET state = 'done'")
    viewer = pages("viewer")
    assert "No event is dead." in viewer.get("/inbox").text
    assert "No event is dead that fits the filter." in viewer.get("/inbox?company=acme").text
    assert "There is no company hooli." in viewer.get("/inbox?company=hooli").text
