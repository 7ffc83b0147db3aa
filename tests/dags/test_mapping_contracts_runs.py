"""The nightly check of mappings in a real Airflow: a company with a broken mapping fails alone, and says where."""

import json

import psycopg
import pytest

from hubspot_emulator import PortalSpec, running_emulator
from world import connection_variables, register

pytestmark = pytest.mark.slow

PORTALS = [PortalSpec("acme", 1001, 30, "pat-na1-acme"), PortalSpec("globex", 1002, 30, "pat-na1-globex")]
MAPPINGS = {
    "acme": {"contract_length_months": {"field": "months", "type": "number"}},
    "globex": {"contract_lenght_months": {"field": "months", "type": "number"}},
}


def test_a_broken_mapping_fails_its_companys_task_and_no_other(airflow, database_dsn):
    with running_emulator(PORTALS, limits=False) as emulator, psycopg.connect(database_dsn) as conn:
        variables = {"AIRFLOW_CONN_COMMISSIONS_DB": database_dsn, **connection_variables(PORTALS, emulator.url)}
        for portal in PORTALS:
            conn.execute(
                "UPDATE crm_integrations SET property_mappings = %s WHERE id = %s",
                (json.dumps(MAPPINGS[portal.company]), register(database_dsn, portal)),
            )
        conn.commit()
        done = airflow("dags", "test", "mapping_contracts", **variables)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert "the mapping of globex is broken in 1 places: months: the portal has no property" in said
        assert "did you mean 'contract_length_months'?" in said
        assert "the mapping of acme" not in said
        broken = conn.execute(
            "SELECT company_id, field, kind FROM mapping_breaches JOIN crm_integrations i ON i.id = integration_id"
        ).fetchall()
        assert broken == [("globex", "months", "missing")]
