"""What the pages say when something is missing, without a server around them."""

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from commission_sync.web.access import whoever_may_administer
from commission_sync.web.app import PUBLIC, create_app
from commission_sync.web.oauth import _installation


class Somebody:
    id = "admin"


@pytest.fixture
def client(monkeypatch):
    app = create_app()
    app.dependency_overrides[get_user] = Somebody
    app.dependency_overrides[whoever_may_administer] = Somebody
    return TestClient(app, follow_redirects=False)


def test_every_route_but_the_public_ones_asks_for_a_login():
    public = {route.path for router in PUBLIC for route in router.routes}
    for route in create_app().routes:
        if route.path == "/static":
            continue
        assert isinstance(route, APIRoute), route
        asks = get_user in {dependency.call for dependency in route.dependant.dependencies}
        assert asks == (route.path not in public), route.path


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AIRFLOW__API__BASE_URL": "/"}, "set AIRFLOW__API__BASE_URL to it, such as https://airflow.example.com"),
        ({}, "Connection &#39;hubspot_oauth&#39; cannot be used: it does not exist"),
        (
            {"AIRFLOW_CONN_HUBSPOT_OAUTH": '{"conn_type": "hubspot", "password": "pat-na1-x"}'},
            "put them into login and password",
        ),
        (
            {
                "AIRFLOW_CONN_HUBSPOT_OAUTH": '{"conn_type": "hubspot", "login": "a", "password": "b"}',
                "AIRFLOW_CONN_COMMISSIONS_DB": "postgresql://sync:very-secret@127.0.0.1:1/commissions",
            },
            "Cannot use the commissions database &#39;commissions&#39; on 127.0.0.1:1",
        ),
    ],
)
def test_what_is_missing_is_told_with_the_setting_that_mends_it(client, monkeypatch, variables, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = client.get("/oauth/start?company=acme")
    assert answer.status_code == 503
    assert said in answer.text
    assert "very-secret" not in answer.text


@pytest.mark.parametrize(("part", "said"), [(False, "<h1>It failed</h1>"), (True, '{"detail":"This is a fault of')])
def test_a_fault_of_the_program_is_a_page_without_its_traceback(client, part, said):
    client.app.dependency_overrides[_installation] = lambda: {}["very-secret"]
    careless = TestClient(client.app, raise_server_exceptions=False)
    answer = careless.get("/oauth/start?company=acme", headers={"HX-Request": "true"} if part else {})
    assert answer.status_code == 500
    assert said in answer.text
    assert "very-secret" not in answer.text
