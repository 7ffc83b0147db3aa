"""What never changes once a commission is approved, and what hangs on a deal follows it."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from commission_sync.store.anchor_days import Convertible
from money import Books

FRIDAY, SATURDAY = date(2026, 3, 6), date(2026, 3, 7)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@pytest.fixture
def books(database_dsn):
    books = Books.of(database_dsn, base_currency="USD", portal_time_zone="UTC", portal_currency="USD")
    books.add_rates(FRIDAY, {"USD": "1.1000", "JPY": "160.50", "GBP": "0.85"})
    return books


@pytest.mark.parametrize("columns", [{"status": "approved"}, {"status": "paid"}, {"status": "pending", "paid": True}])
def test_a_deal_whose_commission_is_approved_keeps_its_rate(books, columns):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(SATURDAY))
    books.convert()
    commission(books, "1", **columns)
    books.add_rates(SATURDAY, {"USD": "2"})
    books.execute("UPDATE deals SET amount = 200")
    assert books.convert() == 0
    deal = books.deal("1")
    assert (deal.amount_base, deal.fx_rate, deal.fx_rate_date) == (Decimal("110.00"), Decimal("1.1"), FRIDAY)
    assert deal.fx_frozen_at is not None


def test_a_commission_that_is_withdrawn_lets_the_deal_go_again(books):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(SATURDAY))
    books.convert()
    commission(books, "1", status="approved")
    books.add_rates(SATURDAY, {"USD": "2"})
    books.execute("UPDATE deal_commissions SET status = 'cancelled'")
    assert books.convert() == 1
    assert books.deal("1").amount_base == Decimal("200.00")


def test_an_approved_deal_that_never_had_a_rate_gets_its_first_one(books):
    books.add_deal("1", amount=Decimal(10), currency="CHF", closed_at=at(FRIDAY))
    books.convert()
    commission(books, "1", status="approved")
    books.add_rates(FRIDAY, {"CHF": "0.95"})
    books.convert()
    books.add_rates(SATURDAY, {"CHF": "5", "USD": "1"})
    books.execute("UPDATE deals SET closed_at = %s", at(SATURDAY))
    assert books.convert() == 0
    assert books.deal("1").amount_base == Decimal("11.58")


def test_a_conversion_that_meets_an_approval_under_way_waits_and_then_leaves_the_deal_alone(books):
    books.add_deal("1", amount=Decimal(100), currency="EUR", closed_at=at(SATURDAY))
    books.convert()
    books.add_rates(SATURDAY, {"USD": "2"})
    changed = []
    with psycopg.connect(books.dsn) as engine:
        engine.execute("INSERT INTO deal_commissions (deal_id, status) SELECT id, 'approved' FROM deals")
        converting = threading.Thread(target=lambda: changed.append(books.convert()))
        converting.start()
        wait_until_blocked(books)
        engine.commit()
        converting.join(timeout=30)
    assert changed == [0]
    assert books.deal("1").amount_base == Decimal("110.00")


def wait_until_blocked(books):
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(books.dsn, autocommit=True) as conn:
        while conn.execute(blocked).fetchone() == (0,):
            pass


def commission(books, crm_id, **columns):
    names = "".join(f", {name}" for name in columns)
    marks = "".join(", %s" for _ in columns)
    books.execute(
        f"INSERT INTO deal_commissions (deal_id{names}) SELECT id{marks} FROM deals WHERE crm_id = %s",
        *columns.values(),
        crm_id,
    )


PARTS = Convertible(
    table="parts",
    entity="part",
    amount="total",
    deal="d",
    join="JOIN deals d ON d.id = t.deal_id",
    lock="FOR UPDATE OF t FOR SHARE OF d",
)


@pytest.fixture
def parts(books):
    """Rows that hang on a deal, as line items do: the deal dates them, and freezes them."""
    books.execute(
        "CREATE TABLE parts (LIKE deals INCLUDING DEFAULTS); ALTER TABLE parts ADD deal_id uuid, ADD total numeric, "
        "ADD PRIMARY KEY (id)"
    )
    books.add_deal("1", amount=Decimal(1), currency="EUR", closed_at=at(SATURDAY))
    books.add_deal("2", amount=Decimal(1), currency="EUR", closed_at=at(SATURDAY))
    books.execute(
        "INSERT INTO parts (integration_id, company_id, crm_id, crm_updated_at, deal_id, currency, total) "
        "SELECT integration_id, company_id, 'p' || crm_id, now(), id, 'EUR', 100 FROM deals"
    )
    return books


def parts_of(books):
    return books.query("SELECT crm_id, amount_base, fx_rate_date FROM parts ORDER BY crm_id")


def test_rows_that_hang_on_a_deal_are_converted_by_one_declaration_more(parts):
    assert parts.convert(["1"], tables=(PARTS,)) == 1
    assert parts_of(parts) == [("p1", Decimal("110.00"), FRIDAY), ("p2", None, None)]
    assert parts.convert(tables=(PARTS,)) == 1
    assert parts.query("SELECT DISTINCT entity FROM audit_log") == [("part",)]


def test_a_frozen_deal_freezes_what_hangs_on_it(parts):
    parts.convert(tables=(PARTS,))
    commission(parts, "1", status="approved")
    parts.add_rates(SATURDAY, {"USD": "2"})
    assert parts.convert(tables=(PARTS,)) == 1
    assert parts_of(parts) == [("p1", Decimal("110.00"), FRIDAY), ("p2", Decimal("200.00"), SATURDAY)]
