"""The commissions database, as Airflow's connection `commissions_db` names it."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing

import psycopg
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from commission_sync.store import connect

COMMISSIONS_DB = "commissions_db"


def commissions_connection(conn_id: str = COMMISSIONS_DB) -> AbstractContextManager[psycopg.Connection]:
    """Open a connection of the task's own; use it in a `with` block, which closes it.

    :raises AirflowFailException: when Airflow knows no such connection; trying again would not help.
    :raises DatabaseUnavailable: when the server does not answer or refuses.
    """
    return closing(connect(commissions_dsn(conn_id)))


def commissions_dsn(conn_id: str = COMMISSIONS_DB) -> str:
    """Return the database's URL.

    :raises AirflowFailException: when Airflow knows no such connection; trying again would not help.
    """
    try:
        return BaseHook.get_connection(conn_id).get_uri()
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"there is no connection {conn_id!r}, so it is unknown where the rows go; "
            f"set AIRFLOW_CONN_{conn_id.upper()}=postgresql://user:password@host:5432/commissions "
            "(bin/airflow sets it to the embedded PostgreSQL when it is absent)"
        ) from None
