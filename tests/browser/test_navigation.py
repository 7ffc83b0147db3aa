"""Who gets in, and what Airflow shows of us."""

import pytest


def test_a_person_who_is_not_logged_in_is_sent_to_the_login_and_then_back(anonymous):
    anonymous.goto("/hubspot/api/webhooks/delivery")
    anonymous.wait_for_url("**/auth/login*")
    anonymous.get_by_label("Username").fill("viewer")
    anonymous.get_by_label("Password").first.fill("viewer")
    anonymous.get_by_role("button", name="Sign in").click()
    anonymous.wait_for_url("**/hubspot/api/webhooks/delivery")
    assert "acme" in anonymous.content()


@pytest.mark.parametrize("path", ["/hubspot/api/webhooks/delivery", "/hubspot/api/webhooks/dead-letters"])
def test_the_anonymous_is_refused_by_the_api(anonymous, path):
    assert anonymous.request.get(path).status == 401


def test_a_viewer_is_let_in_by_the_cookie(page_as):
    assert page_as("viewer").request.get("/hubspot/api/webhooks/dead-letters").status == 200


def test_an_approval_waits_for_a_person(site):
    plan = site.ask_for_approval("globex")
    assert site.query("SELECT rows FROM writeback_plans WHERE id = %s", plan) == [(10,)]
