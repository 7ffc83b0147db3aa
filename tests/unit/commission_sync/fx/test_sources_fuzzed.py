"""Whatever a source of exchange rates sends, it is rates within reason, figures set aside, or one of our errors."""

import json
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commission_sync.fx.errors import FxError
from commission_sync.fx.sources.ecb import read_file
from commission_sync.fx.sources.exchangerate_api import ExchangeRateApi
from commission_sync.fx.sources.openexchangerates import OpenExchangeRates
from commission_sync.fx.web import Answer

SMALL = settings(max_examples=100, deadline=None)
DAY, TODAY = date(2026, 3, 2), date(2026, 3, 3)

CODES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "XXX", "usd", ""]) | st.text(max_size=5)
FIGURES = st.none() | st.booleans() | st.integers() | st.floats() | st.text("0123456789.e-+,", max_size=15)
RATES = st.dictionaries(CODES, FIGURES | st.lists(FIGURES, max_size=2), max_size=5) | FIGURES
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "result": st.sampled_from(["success", "error", None, 1]),
        "error-type": st.sampled_from(["invalid-key", "quota-reached", "plan-upgrade-required", "new", None]),
        "conversion_rates": RATES,
        "time_last_update_unix": FIGURES,
        "base": st.sampled_from(["USD", "EUR", None]),
        "rates": RATES,
        "error": st.booleans(),
        "message": st.sampled_from(["invalid_app_id", "not_available", "access_restricted", None]),
    },
)
BODIES = (DOCUMENTS | st.lists(FIGURES, max_size=3) | FIGURES).map(lambda said: json.dumps(said).encode())


class Said:
    """A web that answers everything alike."""

    def __init__(self, status, body):
        self._answer = Answer(status, body, "the source")

    def get(self, url, query=None):
        return self._answer


def check(readings):
    for reading in readings:
        assert all(Decimal("1e-12") <= rate.rate <= Decimal("1e12") for rate in reading.rates)
        assert all(bad.reason for bad in reading.rejected)


@pytest.mark.parametrize("source", [ExchangeRateApi, OpenExchangeRates])
@given(status=st.sampled_from([200, 400, 401, 403, 404, 429]), body=BODIES | st.binary(max_size=60))
@SMALL
def test_an_answer_is_rates_or_one_of_our_errors(source, status, body):
    with suppress(FxError):
        check(source(Said(status, body), "key").read([DAY], today=TODAY))


LINES = st.lists(
    st.lists(st.sampled_from(["Date", "USD", "JPY", "1.1", "N/A", "2026-03-02", "x", ""]), max_size=4), max_size=4
)
XML = st.text(st.sampled_from(list("<>/='\" Cubetimra2026-03")), max_size=60).map(lambda text: f"<{text}".encode())


@given(
    st.binary(max_size=80)
    | LINES.map(lambda some: "\n".join(map(",".join, [["Date", "USD"], *some])).encode() + b"\n")
    | XML
)
@example(b"Date,USD\n2026-03-02,1.1\r1\n")
@SMALL
def test_a_file_is_rates_or_one_of_our_errors(body):
    with suppress(FxError):
        check([read_file(body, "the file")])
