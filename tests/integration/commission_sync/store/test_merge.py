"""The merge writes what changed and nothing else, whoever else merges meanwhile."""

import json
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commission_sync.store.cursors import Cursor, advance_cursor, read_cursor
from commission_sync.store.merge import MergeCounts, Merger
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS

START = datetime(2026, 1, 1, tzinfo=UTC)


def row(crm_id: str = "1", version: int = 0, **properties: str | None):
    document = json.dumps(properties)
    values = {
        "crm_id": crm_id,
        "crm_created_at": START,
        "crm_updated_at": START + timedelta(milliseconds=version),
        "content_hash": blake2b(document.encode(), digest_size=16).digest(),
        "properties": document,
        "mapped": "{}",
        "calculated": "{}",
        "name": properties.get("dealname"),
        "amount": Decimal(properties["amount"]) if properties.get("amount") else None,
    }
    return tuple(values.get(column.name) for column in DEALS.spec.columns)


@pytest.fixture
def company(database_dsn):
    with psycopg.connect(database_dsn) as conn:
        return conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1, 'x') RETURNING id"
        ).fetchone()[0]


@pytest.fixture
def conn(database_dsn):
    with closing(psycopg.connect(database_dsn)) as connection:
        yield connection


def merger(conn, company, **kwargs) -> Merger:
    return Merger(conn, DEALS.spec, integration_id=company, company_id="acme", actor="test", sync_run_id=None, **kwargs)


def merge(conn, company, *rows) -> MergeCounts:
    with conn.transaction():
        return merger(conn, company).merge(rows)


def stored(conn):
    return conn.execute("SELECT crm_id, properties FROM deals ORDER BY crm_id").fetchall()


def audit(conn):
    return conn.execute("SELECT entity_id, action, changes FROM audit_log ORDER BY id").fetchall()


def test_new_rows_land_with_an_audit_row_each(conn, company):
    assert merge(conn, company, row("1", amount="1.50"), row("2")) == MergeCounts(inserted=2)
    assert audit(conn) == [("1", "insert", {}), ("2", "insert", {})]


def test_merging_the_same_again_writes_nothing(conn, company):
    merge(conn, company, row("1", amount="1.50"))
    before = conn.execute("SELECT xmin::text, synced_at FROM deals").fetchall()
    assert merge(conn, company, row("1", amount="1.50")) == MergeCounts(unchanged=1)
    assert conn.execute("SELECT xmin::text, synced_at FROM deals").fetchall() == before
    assert len(audit(conn)) == 1


def test_a_change_is_audited_property_by_property(conn, company):
    merge(conn, company, row("1", 0, amount="1", dealname="a", same="x", gone="y"))
    merge(conn, company, row("1", 1, amount="2", dealname="a", same="x", new="z", empty=None))
    assert audit(conn)[-1] == ("1", "update", {"amount": ["1", "2"], "gone": ["y", None], "new": [None, "z"]})


def test_a_property_that_is_not_audited_is_stored_all_the_same(conn, company):
    merge(conn, company, row("1", 0, amount="1", clock="5"))
    with conn.transaction():
        merger(conn, company, unaudited={"clock"}).merge([row("1", 1, amount="2", clock="6")])
    assert audit(conn)[-1][2] == {"amount": ["1", "2"]}
    assert stored(conn)[0][1]["clock"] == "6"


def test_an_older_version_never_replaces_a_newer_one(conn, company):
    merge(conn, company, row("1", 5, dealname="new"))
    assert merge(conn, company, row("1", 4, dealname="old")) == MergeCounts(stale=1)
    assert stored(conn) == [("1", {"dealname": "new"})]


def test_of_several_versions_in_one_batch_the_newest_counts_and_of_equals_the_last(conn, company):
    counts = merge(conn, company, row("1", 2, a="x"), row("1", 3, a="first"), row("1", 3, a="last"), row("1", 1, a="y"))
    assert counts == MergeCounts(inserted=1)
    assert stored(conn) == [("1", {"a": "last"})]


def test_every_digit_of_an_amount_is_kept(conn, company):
    amount = "123456789012345678901234567890.12345678"
    merge(conn, company, row("1", amount=amount, dealname="Zoë 🚀 \u202e"))
    assert conn.execute("SELECT amount, name FROM deals").fetchone() == (Decimal(amount), "Zoë 🚀 \u202e")


def test_a_failed_transaction_leaves_no_row_no_audit_and_no_cursor(conn, company):
    def killed() -> None:
        with conn.transaction():
            merger(conn, company).merge([row("1")])
            advance_cursor(conn, company, "deals", Cursor(START))
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()
    assert (stored(conn), audit(conn), read_cursor(conn, company, "deals")) == ([], [], None)


def test_a_cursor_never_goes_back(conn, company):
    for day in (2, 1, 3):
        advance_cursor(conn, company, "deals", Cursor(START + timedelta(days=day)))
    advance_cursor(conn, company, "deals", Cursor(START))
    assert read_cursor(conn, company, "deals") == Cursor(START + timedelta(days=3))


def test_two_companies_may_have_a_record_of_the_same_id(conn, company, database_dsn):
    other = conn.execute(
        "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('globex', 2, 'y') RETURNING id"
    ).fetchone()[0]
    merge(conn, company, row("1", dealname="acme's"))
    merge(conn, other, row("1", dealname="globex's"))
    assert [p["dealname"] for _, p in stored(conn)] == ["acme's", "globex's"]


def test_merges_side_by_side_end_with_the_newest_and_audit_each_change_once(conn, company, database_dsn):
    def run(offset: int) -> None:
        with closing(psycopg.connect(database_dsn)) as own:
            for version in range(offset, 40, 2):
                rows = [row(str(n), version, v=str(version)) for n in range(50)]
                merge(own, company, *(rows if offset else reversed(rows)))

    threads = [threading.Thread(target=run, args=(offset,)) for offset in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert {p["v"] for _, p in stored(conn)} == {"39"}
    chains = conn.execute(
        "SELECT entity_id, array_agg((changes->'v'->>0)::int ORDER BY id), "
        "array_agg((changes->'v'->>1)::int ORDER BY id) FROM audit_log WHERE action = 'update' GROUP BY entity_id"
    ).fetchall()
    for _, old, new in chains:
        assert old[1:] == new[:-1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=6), max_size=6))
def test_whatever_the_order_and_the_batches_the_newest_version_stays(conn, company, batches):
    conn.rollback()
    conn.execute("DELETE FROM deals")
    newest = {}
    for batch in batches:
        merge(conn, company, *(row(str(n), version, v=f"{n}.{version}") for n, version in batch))
        for n, version in batch:
            newest[str(n)] = max(newest.get(str(n), 0), version)
    assert dict(stored(conn)) == {n: {"v": f"{n}.{version}"} for n, version in newest.items()}


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_audit_log_is_append_only(conn, company, statement):
    merge(conn, company, row("1"))
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        conn.execute(statement)


def test_what_hangs_on_a_deal_is_written_while_the_deal_is(conn, company, database_dsn):
    merge(conn, company, row("1"))
    impatient = psycopg.connect(database_dsn, options="-c lock_timeout=3s")
    with conn.transaction(), closing(impatient) as other:
        assert merger(conn, company).merge([row("1", 1, amount="2")]).updated == 1
        of = {"integration_id": company, "company_id": "acme", "actor": "test", "sync_run_id": None}
        with other.transaction():
            names = [column.name for column in LINE_ITEMS.spec.columns]
            line_item = dict(zip((c.name for c in DEALS.spec.columns), row("7"), strict=True))
            Merger(other, LINE_ITEMS.spec, **of).merge([(*(line_item.get(name) for name in names), ["1"])])
            # The foreign key of a row that this transaction wrote is checked again.
            other.execute("UPDATE deal_line_items SET total = 1 WHERE crm_id = '7'")
    assert conn.execute("SELECT total FROM deal_line_items").fetchall() == [(1,)]
