"""`python -m commission_sync.fx` as a person uses it."""

import os
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest

from money import Books, at


@pytest.fixture
def books(database_dsn):
    made = Books.of(database_dsn, base_currency="USD")
    made.add_deal("1", amount=Decimal(100), currency="KWD", closed_at=at(date(2026, 2, 2)))
    made.convert()
    return made


@pytest.fixture
def command(books, tmp_path):
    def carried_out(*arguments):
        environment = os.environ | {"AIRFLOW_CONN_COMMISSIONS_DB": books.dsn, "AIRFLOW_HOME": str(tmp_path)}
        line = [sys.executable, "-m", "commission_sync.fx", *arguments]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return carried_out


ENTER = ("enter", "acme", "KWD/USD", "3.25", "--from", "2026-01-01", "--to", "2026-03-31", "--reason", "the bank's")


def test_a_rate_is_entered_shown_and_withdrawn_and_deals_follow_at_once(books, command):
    assert "waiting: 1 deals for KWD/USD, 2026-02-02 to 2026-02-02" in command("show", "acme")[1]
    assert command(*ENTER) == (0, "rate 1 entered\n1 amounts converted anew\n")
    assert books.deal("1").amount_base == Decimal("325.00")
    assert "KWD/USD 3.25  2026-01-01 to 2026-03-31" in command("show", "acme")[1]
    assert command("withdraw", "acme", "1", "--reason", "typed wrong")[0] == 0
    assert books.deal("1").amount_base is None
    code, said = command("withdraw", "acme", "1", "--reason", "again")
    assert (code, "there is no entered rate 1 that counts for this company" in said) == (1, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({2: "KWD/XYZ"}, "is no pair of two currencies"),
        ({3: "-1"}, "is no positive decimal number"),
        ({5: "soon"}, "is no day"),
        ({5: "2026-05-01"}, "--from 2026-05-01 is after --to 2026-03-31"),
        ({1: "acmee"}, "no active integration for 'acmee'"),
    ],
)
def test_what_cannot_be_is_one_clear_error_and_nothing_is_entered(books, command, change, said):
    arguments = [change.get(place, argument) for place, argument in enumerate(ENTER)]
    code, told = command(*arguments)
    assert code != 0
    assert said in told
    assert books.query("SELECT 1 FROM fx_entered_rates") == []
