"""A company's portal is reached by its connection: with an access token, or with the tokens that it gave our app."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from commission_sync.operators.portal import OAUTH_APP, PortalHook, portal_hook
from commission_sync.settings import load_settings
from commission_sync.store.keyring import new_key


@pytest.fixture
def settings(monkeypatch):
    def set_to(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()

    yield set_to
    load_settings.cache_clear()


def connection(emulator, **values):
    return json.dumps({"conn_type": "hubspot", "host": emulator.url, **values})


def test_an_app_in_the_settings_needs_no_connection(settings):
    settings(HUBSPOT_CLIENT_ID="app-1", HUBSPOT_CLIENT_SECRET="secret-1")
    endpoint = PortalHook(OAUTH_APP).token_endpoint()
    assert (endpoint.app.client_id, endpoint.app.client_secret) == ("app-1", "secret-1")
    assert endpoint.base_url == "https://api.hubapi.com"
    with pytest.raises(AirflowFailException, match="it does not exist"):
        PortalHook("hubspot_other").get_conn()


def test_a_connection_wins_over_the_settings(settings, monkeypatch, consented):
    settings(HUBSPOT_CLIENT_ID="app-1", HUBSPOT_CLIENT_SECRET="secret-1")
    app = connection(consented.emulator, login="app-2", password="secret-2")
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_OAUTH", app)
    assert PortalHook(OAUTH_APP).token_endpoint().app.client_id == "app-2"


def test_a_companys_tokens_open_its_portal(settings, monkeypatch, consented):
    key = new_key()
    settings(
        TOKEN_ENCRYPTION_KEYS=key,
        AIRFLOW_CONN_COMMISSIONS_DB=consented.dsn,
        AIRFLOW_CONN_HUBSPOT_ACME=connection(consented.emulator, login="emulated-app", password="emulated-secret"),
    )
    consented.keyring = type(consented.keyring)([key])
    consented.authorize()
    with portal_hook(consented.company).get_conn() as client:
        assert client.account.details().portal_id == 1001
        assert client.account.token_scopes() == ("oauth",)


def test_without_keys_the_setting_is_named(settings, consented):
    settings(
        TOKEN_ENCRYPTION_KEYS="",
        AIRFLOW_CONN_COMMISSIONS_DB=consented.dsn,
        AIRFLOW_CONN_HUBSPOT_ACME=connection(consented.emulator, login="emulated-app", password="emulated-secret"),
    )
    with pytest.raises(AirflowFailException, match="TOKEN_ENCRYPTION_KEYS is not set"):
        portal_hook(consented.company).get_conn()


def test_an_access_token_goes_on_working(settings, consented):
    settings(AIRFLOW_CONN_HUBSPOT_ACME=connection(consented.emulator, password="pat-na1-acme"))
    with portal_hook(consented.company).get_conn() as client:
        assert client.account.details().portal_id == 1001
