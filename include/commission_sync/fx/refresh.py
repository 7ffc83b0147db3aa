"""One reading of one source: asked for what is missing, kept piece by piece, with a record of how it ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

import psycopg

from commission_sync.fx.days import Days, missing
from commission_sync.fx.sources.source import RateSource, Reading
from commission_sync.store.rates import RateCounts, finish_fetch, open_fetch, save_rates, stored_days

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FetchRequest:
    """What one try of one task is asked to fetch; no `days`: whatever is missing."""

    dag_id: str
    run_id: str
    try_number: int = 1
    days: Days | None = None


def refresh(conn: psycopg.Connection, source: RateSource, request: FetchRequest, *, today: date) -> RateCounts:
    """Fetch the rates that are missing and return what became of them.

    Each piece is committed by itself, so an error half-way leaves what came before it. `conn` has autocommit off.

    :raises FxError: when the source refuses, stays away or sends half an answer.
    """
    asked = request.days
    with conn.transaction():
        stored = stored_days(conn, source.name, asked.first if asked else date.min)
        days = missing(source, asked, stored, today=today)
        fetch_id = open_fetch(
            conn,
            source=source.name,
            dag_id=request.dag_id,
            run_id=request.run_id,
            try_number=request.try_number,
            days_from=min(days, default=None) if days else None,
            days_to=max(days, default=None) if days else None,
        )
    counts = RateCounts()
    try:
        for reading in () if days is None else source.read(days, today=today):
            with conn.transaction():
                counts += save_rates(conn, source.name, reading.rates, reading.rejected)
            _tell_remarks(source, reading)
    except Exception as error:
        with conn.transaction():
            finish_fetch(conn, fetch_id, counts, error=f"{type(error).__name__}: {error}")
        _log.error('rates failed source=%s inserted=%s error="%s"', source.name, counts.inserted, error)
        raise
    with conn.transaction():
        finish_fetch(conn, fetch_id, counts)
    _tell(source, days, counts)
    return counts


def _tell_remarks(source: RateSource, reading: Reading) -> None:
    for remark in reading.remarks:
        _log.warning('rates incomplete source=%s remark="%s"', source.name, remark)
    for bad in reading.rejected[:5]:
        _log.warning(
            'rate rejected source=%s pair=%s/%s day=%s reason="%s"',
            source.name,
            bad.base,
            bad.quote,
            bad.rate_date,
            bad.reason,
        )


def _tell(source: RateSource, days: list[date] | None, counts: RateCounts) -> None:
    asked = "nothing, as no day is missing" if days is None else f"{len(days)} days" if days else "everything"
    _log.info(
        'rates fetched source=%s asked="%s" inserted=%s unchanged=%s corrected=%s rejected=%s',
        source.name,
        asked,
        counts.inserted,
        counts.unchanged,
        counts.corrected,
        counts.rejected,
    )
    if counts.rejected:
        _log.warning('rates rejected source=%s count=%s next="see fx_rate_rejects"', source.name, counts.rejected)
    if counts.corrected:
        _log.warning(
            "rates differ from what the source published before source=%s count=%s "
            'next="see fx_rate_corrections; amounts keep the first rate until a correction is accepted"',
            source.name,
            counts.corrected,
        )
