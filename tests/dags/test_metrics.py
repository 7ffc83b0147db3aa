"""A run's figures reach a StatsD server when Airflow's own settings name one."""

import socket

import pytest

from hubspot_emulator import PortalSpec, running_emulator
from world import connection_variables, register

pytestmark = pytest.mark.slow


def received(server):
    server.settimeout(1)
    said = []
    try:
        while True:
            said.append(server.recv(65_536).decode())
    except TimeoutError:
        return "\n".join(said)


def test_a_runs_figures_reach_statsd(airflow, database_dsn):
    portal = PortalSpec("acme", 1001, 30, "pat-na1-acme")
    with (
        running_emulator([portal], limits=False) as emulator,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
    ):
        register(database_dsn, portal)
        server.bind(("127.0.0.1", 0))
        code, said = airflow.run(
            {},
            AIRFLOW_CONN_COMMISSIONS_DB=database_dsn,
            **connection_variables([portal], emulator.url),
            AIRFLOW__METRICS__STATSD_ON="True",
            AIRFLOW__METRICS__STATSD_HOST="127.0.0.1",
            AIRFLOW__METRICS__STATSD_PORT=str(server.getsockname()[1]),
            AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED="True",
        )
        assert code == 0, said
        figures = received(server)
    assert "hubspot_sync.inserted,company=acme,dag=hubspot_deals:30|c" in figures
