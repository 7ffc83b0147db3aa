"""Reaches a company's HubSpot from a command, by the Airflow connection that the company names."""

from __future__ import annotations

import os

import psycopg

from commission_sync.commands.shell import CommandError
from commission_sync.local.environment import Project, given, without_databases
from commission_sync.store.integrations import Integration
from commission_sync.streams.catalogue import refreshed
from commission_sync.streams.stream import Stream


def fresh_catalogue(conn: psycopg.Connection, integration: Integration, stream: Stream) -> Integration:
    """Ask HubSpot for the properties that exist now, keep the answer, and return the integration as it is known then.

    :raises CommandError: when HubSpot cannot be asked; `--stored` works with what the last run saw.
    """
    # Airflow reads its database and the key of its connections from the environment, as `bin/airflow` sets it. Outside
    # of a task it looks into that database only as a server; and it takes seconds to import.
    project = Project.of_this_code()
    without_databases(project, given(project)).adopt()
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow.sdk.exceptions import AirflowException  # noqa: PLC0415

    from airflow_hubspot.client import HubSpotError  # noqa: PLC0415
    from commission_sync.operators.portal import portal_hook  # noqa: PLC0415

    try:
        with portal_hook(integration).get_conn() as client:
            return refreshed(client, conn, integration, stream.object_type)
    except (AirflowException, HubSpotError) as error:
        raise CommandError(
            f"HubSpot cannot be asked for {integration.company_id}'s properties: {error}. "
            "Put that right, or give --stored to use the properties that the last run saw"
        ) from None
