"""Both generations of HubSpot's paths, against an emulator that tells them apart."""

import pytest

from airflow_hubspot.client import HubSpotClient, InMemoryLimiter, OAuthApp, SearchQuery, TokenEndpoint
from hubspot_emulator import PortalSpec, running_emulator

PORTAL = PortalSpec("acme", 1001, 30, "pat-na1-acme")
VERSIONS = ["v3", "2025-09", "2026-03", "2026-09"]


@pytest.fixture(scope="module")
def emulator():
    with running_emulator([PORTAL], limits=False) as running:
        yield running


@pytest.fixture
def client(emulator, request):
    limiter = InMemoryLimiter(10_000, 10_000)
    with HubSpotClient(token=PORTAL.token, base_url=emulator.url, api_version=request.param, limiter=limiter) as made:
        yield made


@pytest.mark.parametrize("client", VERSIONS, indirect=True)
def test_every_resource_answers_alike_in_every_version(client, emulator):
    ids = emulator.admin.truth_ids(1001)
    page = client.objects.list_page("deals", properties=["dealname"])
    assert [r["id"] for r in page.results] == ids
    assert client.objects.search_page("deals", SearchQuery(limit=5)).total == len(ids)
    assert client.objects.batch_read("deals", ids[:2], ["dealname"]).results == page.results[:2]
    assert "amount" in {d.name for d in client.properties.list("deals")}
    assert client.account.details().portal_id == 1001
    assert client.account.daily_usage().limit == 625_000
    assert "crm.objects.deals.read" in client.account.token_scopes()


@pytest.mark.parametrize(("version", "status"), [("2025-09", 200), ("2026-03", 201), ("2026-09", 201), ("v3", 201)])
def test_a_batch_create_is_a_success_with_either_status(emulator, version, status):
    path = "/crm/v3/objects/deals/batch/create" if version == "v3" else f"/crm/objects/{version}/deals/batch/create"
    with HubSpotClient(token=PORTAL.token, base_url=emulator.url, api_version=version) as client:
        before = emulator.admin.stats(1001)["statuses"].get(str(status), 0)
        made = client.sdk.call("POST", path, body={"inputs": [{"properties": {"dealname": "made"}}]})
    assert made["results"][0]["properties"]["dealname"] == "made"
    assert emulator.admin.stats(1001)["statuses"][str(status)] == before + 1


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_every_token_endpoint_refreshes(emulator, version):
    refresh_token = emulator.admin.install(1001)["refresh_token"]
    endpoint = TokenEndpoint(OAuthApp("emulated-app", "emulated-secret"), base_url=emulator.url, version=version)
    grant = endpoint.refresh(refresh_token)
    assert (grant.lifetime_seconds, grant.refresh_token) == (1800, refresh_token)
    # v1 does not tell whose token it is.
    assert grant.portal_id == (None if version == "v1" else 1001)
