"""The command shows what the app lacks and creates it; what others subscribed to is left alone."""

import psycopg
import pytest

from airflow_hubspot.client.subscriptions import Topic
from commission_sync.settings import load_settings
from commission_sync.webhooks.__main__ import main
from hubspot_emulator import running_emulator
from hubspot_emulator.webhooks.app import APP_ID, DEVELOPER_KEY

URL = "https://sync.example.com/hubspot/webhooks"


@pytest.fixture
def emulator():
    with running_emulator([], limits=False) as running:
        yield running


@pytest.fixture
def command(emulator, database_dsn, monkeypatch, capsys):
    """The command in an environment that names the emulator's app and a database with one company."""
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id, feature_flags) VALUES "
            """('acme', 1001, 'a', '{"activities": false}')"""
        )
    for name, value in {
        "AIRFLOW_CONN_COMMISSIONS_DB": database_dsn,
        "HUBSPOT_APP_ID": str(APP_ID),
        "HUBSPOT_DEVELOPER_API_KEY": DEVELOPER_KEY,
        "HUBSPOT_BASE_URL": emulator.url,
        "HUBSPOT_WEBHOOK_URL": URL,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        load_settings.cache_clear()
        code = main(["subscriptions", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    yield run
    load_settings.cache_clear()


def test_what_is_missing_is_shown_and_created_and_then_nothing_is(command):
    code, said = command("show")
    assert code == 1
    assert "missing  deal.restore" in said
    assert "missing  deal.propertyChange amount" in said
    assert "missing  target https://sync.example.com/hubspot/webhooks" in said
    assert "object.creation 0-46" not in said, "activities are switched off"
    assert command("create")[0] == 0
    code, said = command()
    assert code == 0
    assert "0 missing" in said
    assert f"target   {URL}" in said


def test_a_feature_or_a_mapping_that_is_added_is_missing_until_it_is_subscribed(command, database_dsn):
    command("create")
    with psycopg.connect(database_dsn) as conn:
        conn.execute(
            """UPDATE crm_integrations SET feature_flags = '{}', property_mappings = '{"region": {"source": "sales_region"}}'"""
        )
        conn.execute(
            "INSERT INTO property_catalog (integration_id, object_type, name, label, type, field_type, group_name, "
            "calculated, read_only) SELECT id, 'deals', 'sales_region', '', '', '', '', false, false FROM crm_integrations"
        )
    said = command()[1]
    assert "missing  object.creation 0-46" in said
    assert "missing  deal.propertyChange sales_region" in said
    assert command("create")[0] == 0


def test_what_is_switched_off_is_switched_on_and_what_nobody_needs_stays(command, emulator):
    emulator.admin.set_webhooks(
        subscriptions=[{"eventType": "contact.creation"}, {"eventType": "deal.creation", "active": False}]
    )
    said = command()[1]
    assert "off      deal.creation" in said
    assert "unneeded contact.creation" in said
    code, said = command("create")
    assert code == 0
    assert "present  deal.creation" in said
    assert "unneeded contact.creation" in said


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_every_release_s_paths_serve(command, version):
    assert command("create", "--api-version", version)[0] == 0


def test_without_the_keys_it_says_which_and_with_a_wrong_one_it_does_not_tell_it(command, monkeypatch):
    monkeypatch.setenv("HUBSPOT_DEVELOPER_API_KEY", "very-wrong-key")
    code, said = command()
    assert code == 2
    assert "refused" in said
    assert "very-wrong-key" not in said
    monkeypatch.delenv("HUBSPOT_APP_ID")
    code, said = command()
    assert code == 2
    assert "HUBSPOT_APP_ID" in said


def test_without_a_database_it_is_about_all_features(command, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_COMMISSIONS_DB")
    said = command()[1]
    assert "missing  object.creation 0-46" in said


def test_a_topic_reads_as_it_is_spoken_of():
    assert str(Topic("deal.propertyChange", "amount")) == "deal.propertyChange amount"
