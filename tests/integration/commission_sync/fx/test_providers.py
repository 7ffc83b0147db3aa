"""Each provider over real HTTP: its URLs, its payloads, its errors, and never its key in a message."""

import logging
from datetime import date
from decimal import Decimal

import pytest
from werkzeug import Response

from commission_sync.fx.errors import (
    BadKey,
    PlanTooSmall,
    QuotaReached,
    Refused,
    SourceUnavailable,
    Unreadable,
    UnsupportedCurrency,
)
from commission_sync.fx.sources.ecb import Ecb
from commission_sync.fx.sources.exchangerate_api import ExchangeRateApi
from commission_sync.fx.sources.openexchangerates import OpenExchangeRates
from commission_sync.fx.web import Web
from commission_sync.store.rates import Rate

KEY = "very-secret-key"
TODAY = date(2026, 6, 17)
DAY = date(2026, 6, 5)


def web() -> Web:
    return Web(secret=KEY, pause=lambda _seconds: None)


def read(source, *days):
    return list(source.read(days, today=TODAY))


class TestExchangeRateApi:
    HISTORY = f"/v6/{KEY}/history/USD/2026/6/5"

    @pytest.fixture
    def source(self, httpserver):
        return ExchangeRateApi(web(), KEY, httpserver.url_for("/v6"))

    def test_a_day_is_one_request_without_leading_zeros(self, source, httpserver):
        httpserver.expect_oneshot_request(self.HISTORY, method="GET").respond_with_json(
            {
                "result": "success",
                "documentation": "https://www.exchangerate-api.com/docs",
                "year": 2026,
                "month": 6,
                "day": 5,
                "base_code": "USD",
                "conversion_rates": {"USD": 1, "EUR": 0.9013, "KWD": 0.3058},
            }
        )
        (reading,) = read(source, DAY)
        assert reading.rates == [Rate("USD", "EUR", DAY, Decimal("0.9013")), Rate("USD", "KWD", DAY, Decimal("0.3058"))]

    def test_a_plan_without_history_gets_the_latest_rates_under_their_own_day(self, source, httpserver):
        httpserver.expect_request(self.HISTORY).respond_with_json(
            {"result": "error", "error-type": "plan-upgrade-required"}, status=403
        )
        httpserver.expect_oneshot_request(f"/v6/{KEY}/latest/USD").respond_with_json(
            {
                "result": "success",
                "time_last_update_unix": 1781568001,
                "base_code": "USD",
                "conversion_rates": {"EUR": 0.9},
            }
        )
        (reading,) = read(source, DAY, date(2026, 6, 6))
        assert reading.rates == [Rate("USD", "EUR", date(2026, 6, 16), Decimal("0.9"))]
        assert "took the latest rates in place of those from 2026-06-05 on" in reading.remarks[0]

    def test_a_hole_in_the_history_does_not_stop_the_days_after_it(self, source, httpserver):
        httpserver.expect_request(self.HISTORY).respond_with_json(
            {"result": "error", "error-type": "no-data-available"}, status=404
        )
        httpserver.expect_request(f"/v6/{KEY}/history/USD/2026/6/6").respond_with_json(
            {"result": "success", "base_code": "USD", "conversion_rates": {"EUR": 0.9}}
        )
        hole, after = read(source, DAY, date(2026, 6, 6))
        assert (hole.rates, after.rates) == ([], [Rate("USD", "EUR", date(2026, 6, 6), Decimal("0.9"))])
        assert "no-data-available" in hole.remarks[0]

    def test_a_redirect_on_the_same_host_is_followed(self, source, httpserver):
        httpserver.expect_request(self.HISTORY).respond_with_data(status=301, headers={"Location": f"/v7/{KEY}/day"})
        httpserver.expect_request(f"/v7/{KEY}/day").respond_with_json(
            {"result": "success", "base_code": "USD", "conversion_rates": {"EUR": 0.9}}
        )
        (reading,) = read(source, DAY)
        assert reading.rates == [Rate("USD", "EUR", DAY, Decimal("0.9"))]

    def test_a_redirect_to_another_host_is_named_and_never_gets_the_key(self, source, httpserver):
        elsewhere = f"https://rates.example/v6/{KEY}/history"
        httpserver.expect_request(self.HISTORY).respond_with_data(status=302, headers={"Location": elsewhere})
        with pytest.raises(SourceUnavailable, match=r"redirects to another place, https://rates\.example") as raised:
            read(source, DAY)
        assert "EXCHANGE_RATE_URL" in raised.value.hint
        assert KEY not in str(raised.value)

    def test_a_circle_of_redirects_ends(self, source, httpserver):
        httpserver.expect_request(self.HISTORY).respond_with_data(status=302, headers={"Location": self.HISTORY})
        with pytest.raises(SourceUnavailable, match="redirects in a circle"):
            read(source, DAY)

    @pytest.mark.parametrize(
        ("name", "status", "kind"),
        [
            ("invalid-key", 403, BadKey),
            ("inactive-account", 403, BadKey),
            ("quota-reached", 429, QuotaReached),
            ("unsupported-code", 404, UnsupportedCurrency),
            ("malformed-request", 400, Refused),
            ("invalid-key", 200, BadKey),
        ],
    )
    def test_each_error_has_its_own_class_and_next_step(self, source, httpserver, caplog, name, status, kind):
        httpserver.expect_request(self.HISTORY).respond_with_json(
            {"result": "error", "error-type": name}, status=status
        )
        with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=name) as raised:
            read(source, DAY)
        assert raised.value.hint
        assert raised.value.is_lasting
        assert KEY not in str(raised.value) + repr(raised.value) + caplog.text.replace(self.HISTORY, "")


class TestOpenExchangeRates:
    @pytest.fixture
    def source(self, httpserver):
        return OpenExchangeRates(web(), KEY, httpserver.url_for("/api"))

    def expect(self, httpserver, day="2026-06-05"):
        return httpserver.expect_request(f"/api/historical/{day}.json", query_string={"app_id": KEY})

    def test_a_day_is_one_request(self, source, httpserver):
        self.expect(httpserver).respond_with_json(
            {
                "disclaimer": "…",
                "license": "…",
                "timestamp": 1780704000,
                "base": "USD",
                "rates": {"EUR": 0.901345, "USD": 1, "VEF_BLKMKT": 4.2, "BAD": -1},
            }
        )
        (reading,) = read(source, DAY)
        assert reading.rates == [Rate("USD", "EUR", DAY, Decimal("0.901345"))]
        assert [(bad.quote, bad.reason) for bad in reading.rejected] == [
            ("VEF_BLKMKT", "'VEF_BLKMKT' is not the code of a currency"),
            ("BAD", "-1 is not above 0"),
        ]

    def test_a_day_that_is_not_over_is_left_for_tomorrow(self, source):
        assert read(source, TODAY) == []

    def test_a_day_that_the_provider_lacks_does_not_stop_the_others(self, source, httpserver):
        self.expect(httpserver).respond_with_json(
            {"error": True, "status": 400, "message": "not_available", "description": "…"}, status=400
        )
        self.expect(httpserver, "2026-06-06").respond_with_json({"base": "USD", "rates": {"EUR": 0.9}})
        first, second = read(source, DAY, date(2026, 6, 6))
        assert first.remarks == ["openexchangerates has no rates of 2026-06-05"]
        assert len(second.rates) == 1

    @pytest.mark.parametrize(
        ("name", "status", "kind"),
        [
            ("missing_app_id", 401, BadKey),
            ("invalid_app_id", 401, BadKey),
            ("not_allowed", 429, PlanTooSmall),
            ("access_restricted", 429, QuotaReached),
            ("invalid_base", 400, UnsupportedCurrency),
            ("not_found", 404, Refused),
        ],
    )
    def test_each_error_has_its_own_class_and_next_step(self, source, httpserver, name, status, kind):
        self.expect(httpserver).respond_with_json(
            {"error": True, "status": status, "message": name, "description": "why"}, status=status
        )
        with pytest.raises(kind, match=f"{name}: why") as raised:
            read(source, DAY)
        assert raised.value.hint
        assert KEY not in str(raised.value) + repr(raised.value)

    def test_what_came_before_the_quota_ended_is_kept(self, source, httpserver):
        self.expect(httpserver).respond_with_json({"base": "USD", "rates": {"EUR": 0.9}})
        self.expect(httpserver, "2026-06-06").respond_with_json(
            {"error": True, "status": 429, "message": "access_restricted", "description": "over-use"}, status=429
        )
        kept = []
        with pytest.raises(QuotaReached):
            kept.extend(source.read([DAY, date(2026, 6, 6)], today=TODAY))
        assert [len(reading.rates) for reading in kept] == [1]


class TestTheWire:
    """What no provider is spared."""

    @pytest.fixture
    def source(self, httpserver):
        return Ecb(web(), httpserver.url_for("/eurofxref"))

    def test_a_short_outage_is_bridged(self, source, httpserver):
        httpserver.expect_ordered_request("/eurofxref/eurofxref-hist.zip").respond_with_data("", status=503)
        httpserver.expect_ordered_request("/eurofxref/eurofxref-hist.zip").respond_with_data(
            b"Date,USD,\n2026-06-16,1.07,\n"
        )
        (reading,) = read(source)
        assert len(reading.rates) == 1

    def test_a_long_one_is_one_clear_error_after_few_tries(self, source, httpserver):
        httpserver.expect_request("/eurofxref/eurofxref-hist.zip").respond_with_data("", status=503)
        with pytest.raises(SourceUnavailable, match="answers 503") as raised:
            read(source)
        assert not raised.value.is_lasting
        assert len(httpserver.log) == 3

    def test_an_answer_shorter_than_announced_is_not_taken(self, source, httpserver):
        def cut(_request):
            response = Response(b"Date,USD,\n2026-06-16,1.07,\n")
            response.headers["Content-Length"] = "5000"
            return response

        httpserver.expect_request("/eurofxref/eurofxref-hist.zip").respond_with_handler(cut)
        with pytest.raises(Unreadable, match="cut off"):
            read(source)

    def test_a_page_that_is_not_there_is_named(self, source, httpserver):
        httpserver.expect_request("/eurofxref/eurofxref-hist.zip").respond_with_data("gone", status=404)
        with pytest.raises(Refused, match=r"eurofxref-hist\.zip answers 404"):
            read(source)

    def test_nobody_there_is_named_without_the_key(self):
        with pytest.raises(SourceUnavailable, match="does not answer") as raised:
            read(ExchangeRateApi(web(), KEY, "http://127.0.0.1:1/v6"), DAY)
        assert KEY not in str(raised.value)

    def test_half_a_document_is_not_taken(self, httpserver):
        httpserver.expect_request(f"/v6/{KEY}/history/USD/2026/6/5").respond_with_data('{"result": "succ')
        with pytest.raises(Unreadable, match="not whole JSON") as raised:
            read(ExchangeRateApi(web(), KEY, httpserver.url_for("/v6")), DAY)
        assert KEY not in str(raised.value)

    def test_an_error_page_of_html_is_named(self, httpserver):
        httpserver.expect_request(f"/v6/{KEY}/history/USD/2026/6/5").respond_with_data("<html>", status=403)
        with pytest.raises(Refused, match="answers 403"):
            read(ExchangeRateApi(web(), KEY, httpserver.url_for("/v6")), DAY)

    def test_a_file_that_is_not_there_is_named(self):
        with pytest.raises(SourceUnavailable, match=r"/nowhere/rates\.csv cannot be read"):
            read(Ecb(web(), "file:///nowhere/rates.csv"))
