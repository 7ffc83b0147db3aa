"""What is kept of a reading: every rate once, for good, with a record of what was wrong and how it ended."""

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from commission_sync.fx.days import Days
from commission_sync.fx.errors import QuotaReached, Unreadable
from commission_sync.fx.refresh import FetchRequest, refresh
from commission_sync.fx.sources.source import Reading
from money import Books

TODAY = date(2026, 6, 17)
REQUEST = FetchRequest("fx_rates", "run-1")


class Scripted:
    """A source that yields what a test says, and fails at the end if it says so."""

    name, pivot, catch_up_days, has_all_in_one, holds = "scripted", "EUR", None, True, False

    def __init__(self, *figures, error=None):
        self.figures, self.error, self.asked = figures, error, None

    def publishes(self, day):
        return True

    def read(self, days, *, today):
        self.asked = days
        for quote, day, value in self.figures:
            reading = Reading()
            reading.take("EUR", quote, day, value)
            yield reading
        if self.error:
            raise self.error


@pytest.fixture
def run(database_dsn):
    def run(*figures, error=None, request=REQUEST):
        source = Scripted(*figures, error=error)
        with closing(psycopg.connect(database_dsn)) as conn:
            return refresh(conn, source, request, today=TODAY), source

    return run


def rows(dsn, statement, *parameters):
    with psycopg.connect(dsn) as conn:
        done = conn.execute(statement, parameters)
        return done.fetchall() if done.description else []


def test_a_rate_is_stored_once_with_its_digits(run, database_dsn):
    for expected in (1, 0):
        counts, _ = run(("USD", TODAY, "1.07050"))
        assert (counts.inserted, counts.unchanged) == (expected, 1 - expected)
    assert rows(database_dsn, "SELECT source, base, quote, rate_date, rate::text FROM fx_rates") == [
        ("scripted", "EUR", "USD", TODAY, "1.07050")
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE fx_rates SET rate = 2", "DELETE FROM fx_rates", "TRUNCATE fx_rates CASCADE"]
)
def test_rates_are_append_only(run, database_dsn, statement):
    run(("USD", TODAY, "1.07"))
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        rows(database_dsn, statement)


@pytest.mark.parametrize("rate", ["0", "-1", "'NaN'", "'Infinity'"])
def test_the_table_itself_refuses_what_is_no_rate(database_dsn, rate):
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(database_dsn, f"INSERT INTO fx_rates VALUES ('x', 'EUR', 'USD', '2026-01-01', {rate})")


def test_a_correction_is_kept_beside_the_first_rate_and_changes_nothing_by_itself(run, database_dsn):
    run(("USD", TODAY, "1.07"))
    counts, _ = run(("USD", TODAY, "1.08"))
    assert (counts.inserted, counts.unchanged, counts.corrected) == (0, 0, 1)
    assert rows(database_dsn, "SELECT rate FROM fx_rates_in_force") == [(Decimal("1.07"),)]
    assert rows(database_dsn, "SELECT rate, accepted_at FROM fx_rate_corrections") == [(Decimal("1.08"), None)]


def test_an_accepted_correction_counts_and_converts_deals_anew(database_dsn):
    books = Books.of(database_dsn, base_currency="USD")
    books.add_rates(TODAY, {"USD": "1.07"})
    books.add_deal("1", amount=Decimal(100), currency="EUR", crm_created_at="2026-06-17T12:00:00Z")
    tomorrow = datetime(2026, 6, 18, tzinfo=UTC)
    books.convert(now=tomorrow)
    assert books.add_rates(TODAY, {"USD": "1.08"}).corrected == 1
    assert books.convert(now=tomorrow) == 0
    books.execute("UPDATE fx_rate_corrections SET accepted_at = now(), accepted_by = 'jane'")
    assert books.convert(now=tomorrow) == 1
    assert books.deal("1").amount_base == Decimal("108.00")
    assert books.add_rates(TODAY, {"USD": "1.08"}).corrected == 0


def test_a_correction_is_accepted_by_somebody(run, database_dsn):
    run(("USD", TODAY, "1.07"))
    run(("USD", TODAY, "1.08"))
    with pytest.raises(psycopg.errors.CheckViolation):
        rows(database_dsn, "UPDATE fx_rate_corrections SET accepted_at = now()")


def test_a_figure_that_is_no_rate_is_kept_with_its_reason_until_a_good_one_comes(run, database_dsn):
    for _ in range(2):
        counts, _ = run(("USD", TODAY, "-1.07"), ("GBP", TODAY, "0.85"))
        assert counts.rejected == 1
    select = "SELECT quote, value, reason, attempts, resolved_at IS NOT NULL FROM fx_rate_rejects"
    assert rows(database_dsn, select) == [("USD", "-1.07", "-1.07 is not above 0", 2, False)]
    assert rows(database_dsn, "SELECT quote FROM fx_rates") == [("GBP",)]
    run(("USD", TODAY, "1.07"))
    assert rows(database_dsn, select)[0][-1] is True


def test_an_error_half_way_keeps_what_came_before_and_says_how_it_ended(run, database_dsn):
    with pytest.raises(QuotaReached):
        run(("USD", TODAY, "1.07"), error=QuotaReached("no requests left", hint="wait"))
    assert rows(database_dsn, "SELECT quote FROM fx_rates") == [("USD",)]
    assert rows(database_dsn, "SELECT state, inserted, error FROM fx_fetches") == [
        ("failed", 1, "QuotaReached: no requests left (next: wait)")
    ]


def test_a_file_that_cannot_be_read_leaves_nothing_behind(run, database_dsn):
    with pytest.raises(Unreadable):
        run(error=Unreadable("cut off", hint="again"))
    assert rows(database_dsn, "SELECT 1 FROM fx_rates") == []


def test_a_run_asks_for_the_days_that_are_missing(run, database_dsn):
    _, source = run(("USD", TODAY, "1.07"))
    assert source.asked == []
    _, source = run()
    assert TODAY not in source.asked
    assert min(source.asked) == date(2026, 5, 18)
    days = Days(date(2026, 6, 15), TODAY)
    _, source = run(request=FetchRequest("fx_rates", "run-2", days=days))
    assert source.asked == [date(2026, 6, 15), date(2026, 6, 16)]
    assert rows(database_dsn, "SELECT days_from, days_to FROM fx_fetches ORDER BY started_at")[-1] == (
        date(2026, 6, 15),
        date(2026, 6, 16),
    )


def test_a_try_that_was_killed_is_told_by_the_next(run, database_dsn):
    rows(
        database_dsn,
        "INSERT INTO fx_fetches (source, dag_id, run_id, try_number) VALUES ('scripted', 'fx_rates', 'run-1', 1)",
    )
    run()
    assert rows(database_dsn, "SELECT state, error FROM fx_fetches ORDER BY started_at") == [
        ("failed", "the process ended without a word"),
        ("success", None),
    ]
