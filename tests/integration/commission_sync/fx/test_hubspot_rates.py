"""A portal's own rates, read through the client from what HubSpot documents."""

import logging
from contextlib import closing
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest

from airflow_hubspot.client import HubSpotClient, MissingScopes
from commission_sync.fx.refresh import FetchRequest, refresh
from commission_sync.fx.sources.hubspot import HubSpotRates
from commission_sync.store.rates import Rate

PATHS = {
    "2026-09": "/settings/currencies/2026-09/exchange-rates",
    "2026-03": "/settings/currencies/2026-03/exchange-rates",
    "v3": "/settings/v3/currencies/exchange-rates",
}


def rate(number: int, code: str, value: object, effective: str) -> dict[str, object]:
    return {
        "id": str(number),
        "fromCurrencyCode": code,
        "toCurrencyCode": "USD",
        "conversionRate": value,
        "effectiveAt": effective,
        "visibleInUI": True,
        "createdAt": "2024-01-01T00:00:00Z",
        "updatedAt": "2024-01-01T00:00:00Z",
    }


@pytest.fixture(params=sorted(PATHS))
def portal(request, httpserver):
    with HubSpotClient(token="pat-secret", base_url=httpserver.url_for(""), api_version=request.param) as client:
        source = HubSpotRates(client.currencies, portal_id=1001, currency="USD", zone=ZoneInfo("Asia/Tokyo"))
        yield source, PATHS[request.param]


def read(source):
    (reading,) = source.read([], today=date(2026, 6, 17))
    return reading


def test_every_page_is_read_and_every_digit_kept(portal, httpserver):
    source, path = portal
    httpserver.expect_request(path, query_string={"limit": "100"}).respond_with_json(
        {"results": [rate(1, "EUR", 1.084213, "2026-01-01T00:00:00Z")], "paging": {"next": {"after": "abc"}}}
    )
    httpserver.expect_request(path, query_string={"limit": "100", "after": "abc"}).respond_with_data(
        '{"results": [{"id": "2", "fromCurrencyCode": "JPY", "toCurrencyCode": "USD", "conversionRate": 0.006600, '
        '"effectiveAt": "2026-01-02T20:00:00.123Z"}]}',
        content_type="application/json",
    )
    reading = read(source)
    assert [(r.base, r.quote, r.rate_date, str(r.rate)) for r in reading.rates] == [
        ("EUR", "USD", date(2026, 1, 1), "1.084213"),
        ("JPY", "USD", date(2026, 1, 3), "0.006600"),
    ]


def test_a_rate_that_is_none_is_kept_aside(portal, httpserver):
    source, path = portal
    results = [
        rate(1, "EUR", -1, "2026-01-01T00:00:00Z"),
        rate(2, "GBP", None, "2026-01-01T00:00:00Z"),
        rate(3, "JPY", 0.0066, "2026-01-01T00:00:00Z"),
    ]
    httpserver.expect_request(path).respond_with_json({"results": results})
    reading = read(source)
    assert [r.base for r in reading.rates] == ["JPY"]
    assert [(b.base, b.reason) for b in reading.rejected] == [
        ("EUR", "-1 is not above 0"),
        ("GBP", "'None' is not a number"),
    ]


def test_of_two_rates_on_one_day_the_later_one_is_stored(portal, httpserver, database_dsn):
    source, path = portal
    results = [
        rate(2, "EUR", 1.2, "2026-01-01T10:00:00Z"),
        rate(1, "EUR", 1.1, "2026-01-01T08:00:00Z"),
    ]
    httpserver.expect_request(path).respond_with_json({"results": results})
    with closing(psycopg.connect(database_dsn)) as conn:
        counts = refresh(conn, source, FetchRequest("fx_rates", "r"), today=date(2026, 6, 17))
        assert (counts.inserted, counts.corrected) == (1, 0)
        stored = conn.execute("SELECT source, base, quote, rate_date, rate FROM fx_rates").fetchall()
    assert stored == [("hubspot:1001", "EUR", "USD", date(2026, 1, 1), Decimal("1.2"))]


def test_a_missing_scope_is_named_and_recorded_without_the_token(portal, httpserver, database_dsn, caplog):
    source, path = portal
    httpserver.expect_request(path).respond_with_json(
        {
            "status": "error",
            "message": "This app hasn't been granted all required scopes",
            "category": "MISSING_SCOPES",
            "errors": [{"message": "…", "context": {"requiredGranularScopes": ["settings.currencies.read"]}}],
        },
        status=403,
    )
    with (
        caplog.at_level(logging.DEBUG),
        closing(psycopg.connect(database_dsn)) as conn,
        pytest.raises(MissingScopes, match=r"settings\.currencies\.read"),
    ):
        refresh(conn, source, FetchRequest("fx_rates", "r"), today=date(2026, 6, 17))
    with psycopg.connect(database_dsn) as conn:
        ((state, error),) = conn.execute("SELECT state, error FROM fx_fetches").fetchall()
    assert state == "failed"
    assert "settings.currencies.read" in error
    assert "pat-secret" not in error + caplog.text


def test_the_client_gives_rates_as_decimals(httpserver):
    httpserver.expect_request(PATHS["2026-09"]).respond_with_json(
        {"results": [rate(1, "EUR", 1.1, "2026-01-01T00:00:00Z")]}
    )
    with HubSpotClient(token="t", base_url=httpserver.url_for("")) as client:
        (found,) = client.currencies.exchange_rates()
    assert found.conversion_rate == Decimal("1.1")
    assert Rate("EUR", "USD", date(2026, 1, 1), found.conversion_rate).rate == Decimal("1.1")
