"""Names and connections that a local run makes up."""

import json

import pytest

from commission_sync.local.tenants import SAMPLES, app_connection, connection_name


@pytest.mark.parametrize(
    ("company", "name"),
    [("acme", "hubspot_acme"), ("my-company", "hubspot_my_company"), ("Big & Co.", "hubspot_big_co")],
)
def test_a_company_gives_its_connection_a_name_that_fits_a_variable(company: str, name: str) -> None:
    assert connection_name(company) == name


def test_the_samples_are_three_companies_of_their_own() -> None:
    assert [sample.sample_deals for sample in SAMPLES] == [10_000, 1_000, 50]
    assert len({sample.portal_id for sample in SAMPLES}) == len({sample.token for sample in SAMPLES}) == 3


def test_a_token_does_not_show_in_a_representation() -> None:
    assert SAMPLES[0].token not in repr(SAMPLES[0])


def test_the_app_of_the_environment_becomes_a_connection():
    app = {"HUBSPOT_CLIENT_ID": "app-1", "HUBSPOT_CLIENT_SECRET": "s", "HUBSPOT_BASE_URL": "http://127.0.0.1:1"}
    assert json.loads(app_connection(app)["AIRFLOW_CONN_HUBSPOT_OAUTH"]) == {
        "conn_type": "hubspot",
        "host": "http://127.0.0.1:1",
        "login": "app-1",
        "password": "s",
    }
    assert app_connection({"HUBSPOT_CLIENT_ID": "app-1"}) == {}
