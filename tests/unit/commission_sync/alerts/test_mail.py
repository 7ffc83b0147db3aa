from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from commission_sync.alerts.mail import MOST_LISTED, Links, mail
from commission_sync.store.incidents import Incident, News

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LINKS = Links("http://airflow.example:8080/", "https://wiki.example/runbook.md")


def incident(company="acme", **differences):
    usual = Incident(
        id=uuid4(),
        news=News.OPENED,
        company_id=company,
        dag_id="hubspot_deals",
        kind="failed",
        error_class="Unauthorized",
        message="HubSpot does not accept the token",
        since=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        last_good_at=datetime(2026, 3, 2, 8, 31, tzinfo=UTC),
        closed_at=None,
        run_id="scheduled__1",
        task_id="sync",
        map_index=4,
    )
    return replace(usual, **differences)


def parts(message):
    return (message.get_body((kind,)).get_content() for kind in ("plain", "html"))


def written(*news):
    return mail(news, LINKS, ["ops@example.com", "pay@example.com"], NOW)


def test_a_mail_says_what_since_when_for_whom_what_happens_by_itself_and_the_one_thing_to_do():
    message = written(incident())
    assert message["Subject"] == "[commission sync] HubSpot refuses the token (hubspot_deals, acme)"
    assert message["To"] == "ops@example.com, pay@example.com"
    for body in parts(message):
        for fact in (
            "acme",
            "2026-03-02 09:00 UTC",
            "2026-03-02 08:31 UTC",
            "HubSpot does not accept the token",
            "The other companies go on.",
            "Put a valid token into the connection.",
            "http://airflow.example:8080/dags/hubspot_deals/runs/scheduled__1/tasks/sync/mapped/4",
            "https://wiki.example/runbook.md#unauthorized",
        ):
            assert fact in body


def test_companies_with_the_same_trouble_share_a_group_and_those_with_another_do_not():
    message = written(
        *(incident(f"company{n}", error_class="Unavailable") for n in range(50)), incident("globex"), incident("hooli")
    )
    assert message["Subject"] == "[commission sync] HubSpot refuses the token (hubspot_deals, 2 companies) (and 1 more)"
    text, _ = parts(message)
    assert "HubSpot is not answering (hubspot_deals, 50 companies)" in text
    assert f"and {50 - MOST_LISTED} more" in text


@pytest.mark.parametrize(
    ("news", "subject"),
    [
        (News.REMINDER, "[commission sync] still: HubSpot refuses the token (hubspot_deals, acme)"),
        (News.RECOVERED, "[commission sync] hubspot_deals works again: acme"),
    ],
)
def test_a_reminder_and_a_recovery_say_so(news, subject):
    message = written(incident(news=news, closed_at=NOW))
    assert message["Subject"] == subject


def test_a_recovery_groups_whatever_was_wrong_and_asks_for_nothing():
    message = written(
        incident(news=News.RECOVERED, closed_at=NOW),
        incident("hooli", news=News.RECOVERED, closed_at=NOW, error_class="Unavailable"),
    )
    assert message["Subject"] == "[commission sync] hubspot_deals works again: 2 companies"
    text, _ = parts(message)
    assert "Please:" not in text
    assert "broken from 2026-03-02 09:00 UTC to 2026-03-02 09:30 UTC" in text


def test_what_hubspot_says_cannot_inject_markup():
    _, html = parts(written(incident(message="<script>alert(1)</script>")))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_whole_run_has_no_company_and_links_to_the_run():
    message = written(incident(None, error_class=None, message="boom", task_id=None, map_index=-1))
    assert message["Subject"] == "[commission sync] The run failed (hubspot_deals, the whole run)"
    text, _ = parts(message)
    assert "http://airflow.example:8080/dags/hubspot_deals/runs/scheduled__1\n" in text
