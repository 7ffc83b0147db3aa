"""One pass over all amounts of a company, with a record of how it ended."""

from __future__ import annotations

import logging

import psycopg

from commission_sync.fx.amounts import Amounts
from commission_sync.fx.refresh import FetchRequest
from commission_sync.store.clock import database_now
from commission_sync.store.runs import RunCounts, finish_run, open_run

STREAM = "fx"
MODE = "convert"

_log = logging.getLogger(__name__)


def convert_company(conn: psycopg.Connection, amounts: Amounts, request: FetchRequest, company: str) -> RunCounts:
    """Convert whatever has another result than is stored, in one transaction, and return how much that was."""
    with conn.transaction():
        sync_run_id = open_run(
            conn,
            integration_id=amounts.integration_id,
            stream=STREAM,
            mode=MODE,
            dag_id=request.dag_id,
            run_id=request.run_id,
            try_number=request.try_number,
            window_from=None,
            window_to=database_now(conn),
        )
    try:
        with conn.transaction():
            counts = RunCounts(updated=amounts.of_all(conn, sync_run_id))
            finish_run(conn, sync_run_id, state="success", counts=counts)
    except Exception as error:
        with conn.transaction():
            message = f"{type(error).__name__}: {error}"
            finish_run(conn, sync_run_id, state="failed", counts=RunCounts(), error=message)
        raise
    _log.info("amounts converted company=%s changed=%s", company, counts.updated)
    amounts.tell(conn)
    return counts
