"""Whole runs of the write-back in a real Airflow: each company by its own flag, one failing alone."""

import json

import psycopg
import pytest
from psycopg.types.json import Jsonb

from commissions import DAG_ID, WriteBack
from hubspot_emulator import PortalSpec, running_emulator
from world import World, connection_variables, register

pytestmark = pytest.mark.slow

PORTALS = [PortalSpec(name, 1001 + n, 150, f"pat-na1-{name}") for n, name in enumerate(("acme", "globex", "initech"))]
FLAGS = {"acme": "on", "globex": "dry_run", "initech": "on"}


@pytest.fixture
def companies(database_dsn):
    """Three companies with 120 commissions each; the third one's token is revoked after its sync."""
    with running_emulator(PORTALS, limits=False) as emulator:
        made = {}
        for portal in PORTALS:
            world = World(emulator, portal, database_dsn, register(database_dsn, portal))
            world.sync()
            made[portal.company] = WriteBack(world)
            made[portal.company].pay(emulator.admin.truth_ids(portal.portal_id)[:120])
        with psycopg.connect(database_dsn) as conn:
            for company, mode in FLAGS.items():
                flags = Jsonb({"writeback": mode})
                conn.execute("UPDATE crm_integrations SET feature_flags = %s WHERE company_id = %s", (flags, company))
        yield made


def run(airflow, made, **conf):
    variables = {"AIRFLOW_CONN_COMMISSIONS_DB": made["acme"].world.dsn}
    for portal in PORTALS:
        url = made[portal.company].world.emulator.url
        variables |= connection_variables([portal], url, initech="pat-na1-revoked")
    done = airflow("dags", "test", DAG_ID, "--conf", json.dumps(conf), **variables)
    return done.returncode, done.stdout + done.stderr


def test_each_company_goes_as_far_as_its_flag_and_a_revoked_token_fails_alone(airflow, companies):
    code, said = run(airflow, companies)
    assert code != 0
    assert companies["acme"].in_hubspot() == companies["acme"].in_table()
    assert {name: len(company.in_hubspot()) for name, company in companies.items()} == {
        "acme": 120,
        "globex": 0,
        "initech": 0,
    }
    assert "write-back applied company=acme" in said
    assert "what this dry run would write:" in said
    assert "put a valid token into the connection" in said

    code, said = run(airflow, companies, companies=["acme"])
    assert code == 0, said
    assert 'write-back has nothing to apply company=acme why="HubSpot has every commission as it is"' in said

    first_run = companies["acme"].world.value("SELECT run_id FROM writeback_plans WHERE state = 'applied'")
    code, said = run(airflow, companies, companies=["acme"], undo_run_id=first_run, verify_now=True)
    assert code == 0, said
    assert companies["acme"].in_hubspot() == {}
    assert "write-back verified company=acme read=120 differing=0" in said
