"""Another older service: ids and money in other types, documents as text, and rows that contradict each other."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from commission_sync.commands.adoption import main

OLD = """
CREATE TABLE crm_integrations (id uuid PRIMARY KEY, company_id integer, provider text, portal_id text,
                               property_mappings text, last_sync text, is_active boolean);
CREATE TABLE deals (id uuid PRIMARY KEY, integration_id uuid, crm_id bigint, amount text, closed_at timestamp,
                    crm_updated_at bigint);
INSERT INTO crm_integrations VALUES
    ('00000000-0000-0000-0000-000000000001', 7, 'hubspot', '1001', '{"dealname": "title"}', '2026-11-01T00:00:00', true),
    ('00000000-0000-0000-0000-000000000002', 7, 'HubSpot', '1001', 'no json', '2026-10-01 00:00:00+02', true),
    ('00000000-0000-0000-0000-000000000003', 8, 'hubspot', '1002', '[1]', '2999-01-01', false),
    ('00000000-0000-0000-0000-000000000004', 9, 'salesforce', NULL, NULL, NULL, true);
INSERT INTO deals VALUES
    ('10000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001', 11, '0.10000000000000000555',
     '2026-07-01 12:00', 1767323045678),
    ('10000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000002', 11, '5', NULL, 1767323045),
    ('10000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000002', 12, '1,234.50', 'infinity', NULL),
    ('10000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000004', 13, '1', NULL, NULL),
    ('10000000-0000-0000-0000-000000000005', NULL, 14, '1', NULL, NULL)
"""


@pytest.fixture
def query(empty_dsn, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_COMMISSIONS_DB", empty_dsn)
    with psycopg.connect(empty_dsn) as conn:
        conn.execute(OLD)

    def run(statement):
        with psycopg.connect(empty_dsn) as conn:
            return conn.execute(statement).fetchall()

    return run


def test_every_value_is_read_as_what_it_means(query, capsys):
    assert main(["run", "--time-zone", "Europe/Berlin"]) == 0
    (first, second) = query("SELECT id, company_id, crm_id, amount, closed_at FROM deals ORDER BY crm_id")
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert first == (UUID(int=1 + (1 << 124)), "7", "11", Decimal("0.10000000000000000555"), noon)
    assert second[1:] == ("7", "12", None, None)
    companies = query("SELECT id, company_id, portal_id, property_mappings FROM crm_integrations ORDER BY company_id")
    assert companies == [(UUID(int=1), "7", 1001, {"dealname": "title"}), (UUID(int=3), "8", 1002, {})]
    # Berlin's midnight, less a day; the future is believed by nobody.
    assert query("SELECT cursor_at FROM sync_cursors") == [(datetime(2026, 10, 30, 23, tzinfo=UTC),)]
    reasons = query("SELECT source, reason, landed FROM adoption.quarantine ORDER BY source, reason")
    assert reasons == [
        ("crm_integrations", "duplicate_company", False),
        ("crm_integrations", "future_last_sync", True),
        ("crm_integrations", "other_provider", False),
        ("crm_integrations", "unreadable_property_mappings", True),
        ("deals", "duplicate", False),
        ("deals", "unknown_company", False),
        ("deals", "unknown_company", False),
        ("deals", "unreadable_amount", True),
        ("deals", "unreadable_time", True),
    ]


def test_the_oldest_of_several_rows_counts_where_that_is_asked_for(query):
    assert main(["run", "--keep", "oldest"]) == 0
    assert query("SELECT amount FROM deals WHERE crm_id = '11'") == [(5,)]


def test_what_only_a_person_can_say_stops_everything(query, capsys, empty_dsn, tmp_path):
    with psycopg.connect(empty_dsn) as conn:
        conn.execute("UPDATE crm_integrations SET portal_id = '1001' WHERE company_id = 8")
    assert main(["run"]) == 1
    assert "portal 1001 is claimed by '7', '8'" in capsys.readouterr().err
    assert query("SELECT to_regclass('sync_runs') IS NULL") == [(True,)]
    portals = tmp_path / "portals.csv"
    portals.write_text("8,1002,hubspot_eight\n")
    assert main(["run", "--portals", str(portals)]) == 0
    assert query("SELECT conn_id FROM crm_integrations WHERE company_id = '8'") == [("hubspot_eight",)]
