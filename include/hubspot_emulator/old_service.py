"""Leaves of a portal what an older sync service would have left in its tables, with the defects they have.

No date of an edit, no deletion and no merge ever reached it; it wrote one deal twice, lost ids, stored money as double
precision and times without a zone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

TABLES = """
CREATE TYPE sync_status AS ENUM ('new', 'running', 'done');
CREATE TABLE crm_integrations (
    id serial PRIMARY KEY,
    company_id varchar(64) NOT NULL,
    provider varchar(32) NOT NULL DEFAULT 'hubspot',
    property_mappings json,
    status sync_status NOT NULL DEFAULT 'done',
    last_sync timestamp,
    created_at timestamp NOT NULL DEFAULT now()
);
CREATE TABLE deals (
    id serial PRIMARY KEY,
    company_id varchar(64),
    crm_id varchar(64),
    name text,
    amount double precision,
    currency varchar(3),
    pipeline text,
    stage text,
    close_date text,
    created_at timestamp NOT NULL DEFAULT now(),
    updated_at timestamp
);
CREATE INDEX deals_crm_id ON deals (crm_id);
CREATE INDEX deals_company_id ON deals (company_id);
CREATE VIEW open_amounts AS SELECT company_id, sum(amount) AS amount FROM deals GROUP BY company_id
"""

_COPY = "COPY deals (company_id, crm_id, name, amount, currency, pipeline, stage, close_date, updated_at) FROM STDIN"
_WRITTEN = datetime(2026, 1, 1)  # noqa: DTZ001 - the older service's times are naive
_NAMES = ("dealname", "amount", "deal_currency_code", "pipeline", "dealstage", "closedate")

Row = tuple[str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None, datetime]


def fill(
    conn: psycopg.Connection, company: str, records: Iterable[Mapping[str, Any]], last_sync: datetime
) -> Counter[str]:
    """Make the tables, fill them from a portal's true deals, and return how often each defect was put in.

    :param last_sync: an aware time; it is stored naive, as UTC
    """
    conn.execute(TABLES)
    conn.execute(
        "INSERT INTO crm_integrations (company_id, property_mappings, last_sync) VALUES (%s, %s, %s)",
        (company, '{"dealname": "title"}', last_sync.astimezone(UTC).replace(tzinfo=None)),
    )
    counts: Counter[str] = Counter()
    with conn.cursor().copy(_COPY) as copy:
        for number, record in enumerate(records):
            for row in _rows(company, number, record, counts):
                copy.write_row(row)
                counts["rows"] += 1
    return counts


@dataclass(frozen=True)
class _Deal:
    """One deal as the older service would have written it, and where it stands among all."""

    company: str
    number: int
    crm_id: str
    values: tuple[str | None, ...]
    counts: Counter[str]

    def row(self, **other: Any) -> Row:
        """Return its row, with other values for some columns."""
        name, amount, currency, pipeline, stage, closed = self.values
        return (
            other.get("company", self.company),
            other.get("crm_id", self.crm_id),
            name,
            other.get("amount", amount),
            currency,
            pipeline,
            stage,
            other.get("closed", closed),
            _WRITTEN + timedelta(seconds=self.number, days=other.get("days", 0)),
        )

    def has(self, defect: str, every: int) -> bool:
        """Whether it is one of every so many that have a defect."""
        is_one = self.number % every == every - 1
        self.counts[defect] += is_one
        return is_one


def _rows(company: str, number: int, record: Mapping[str, Any], counts: Counter[str]) -> Iterator[Row]:
    values = tuple(record["properties"].get(name) for name in _NAMES)
    deal = _Deal(company, number, record["id"], values, counts)
    if not deal.has("missing", 41):
        yield from _rows_beside(deal)
        yield _own_row(deal)


def _rows_beside(deal: _Deal) -> Iterator[Row]:
    if deal.has("duplicate", 50):
        yield deal.row(amount="1", days=-30)
    if deal.has("no_crm_id", 100):
        yield deal.row(crm_id=None if deal.number % 200 == 99 else " ")
    if deal.has("unknown_company", 110):
        yield deal.row(company="gone-inc")
    if deal.has("bad_crm_id", 120):
        yield deal.row(crm_id=f"deal-{deal.number}")
    if deal.has("ghost", 130):
        yield deal.row(crm_id=str(9 * 10**14 + deal.number))


def _own_row(deal: _Deal) -> Row:
    amount = float(deal.values[1] or 0)
    if deal.has("unreadable_amount", 70):
        return deal.row(amount="NaN")
    if deal.has("unreadable_time", 60):
        return deal.row(closed="31/12/2025")
    if deal.has("outdated", 30):
        return deal.row(amount=str(amount + 100))
    if deal.has("excess_digits", 11):
        return deal.row(amount=repr(amount + 0.0009765625))
    return deal.row()
