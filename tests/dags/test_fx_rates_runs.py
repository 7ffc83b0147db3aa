"""Whole runs of the exchange rates in a real Airflow, without a network."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from commission_sync.fx import sample_file
from commission_sync.local.tenants import connection_variable
from money import Books

pytestmark = pytest.mark.slow

SAMPLE = sample_file().as_uri()


@pytest.fixture
def run(airflow, database_dsn):
    def run(conf, **variables):
        done = airflow(
            "dags",
            "test",
            "fx_rates",
            "--conf",
            json.dumps(conf),
            AIRFLOW_CONN_COMMISSIONS_DB=database_dsn,
            **variables,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def rows(dsn, statement):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement).fetchall()


def closed(day):
    return datetime(2026, 6, day, 12, tzinfo=UTC)


def test_rates_come_and_each_companys_waiting_deals_are_converted(run, database_dsn):
    acme = Books.of(database_dsn, base_currency="USD", portal_time_zone="UTC")
    globex = Books.of(database_dsn, company="globex", portal_id=1002, base_currency="JPY", portal_time_zone="UTC")
    off = Books.of(database_dsn, company="initech", portal_id=1003, feature_flags='{"fx": false}')
    for books in (acme, globex, off):
        books.add_deal("1", amount=Decimal(100), currency="GBP", closed_at=closed(13))
        books.add_deal("2", amount=Decimal(100), currency="KWD", closed_at=closed(13))
    code, said = run({}, EXCHANGE_RATE_URL=SAMPLE)
    assert code == 0, said
    assert rows(database_dsn, "SELECT count(*) > 9000, min(rate_date)::text FROM fx_rates") == [(True, "2022-12-15")]
    # Saturday the 13th: the ECB's rates of Friday, from pounds through the euro.
    assert acme.deal("1").fx_rate_date.isoformat() == globex.deal("1").fx_rate_date.isoformat() == "2026-06-12"
    assert acme.deal("1").amount_base.as_tuple().exponent == -2
    assert globex.deal("1").amount_base.as_tuple().exponent == 0
    assert off.deal("1").amount_base is None
    waiting = rows(database_dsn, "SELECT company_id, crm_id FROM deals_waiting_for_rate ORDER BY 1")
    assert waiting == [("acme", "2"), ("globex", "2")]
    assert "deals wait for a rate company=globex deals=1" in said

    code, said = run({"from_date": "2026-06-12", "companies": ["acme"]}, EXCHANGE_RATE_URL=SAMPLE)
    assert code == 0, said
    assert 'asked="nothing, as no day is missing"' in said


def test_a_bad_key_is_one_clear_error_at_once_and_is_never_shown(run, database_dsn, httpserver):
    Books.of(database_dsn)
    httpserver.expect_request(re.compile("/v6/very-secret/.*")).respond_with_json(
        {"result": "error", "error-type": "invalid-key"}, status=403
    )
    code, said = run(
        {},
        EXCHANGE_RATE_SOURCE="exchangerate-api",
        EXCHANGE_RATE_API_KEY="very-secret",
        EXCHANGE_RATE_URL=httpserver.url_for("/v6"),
    )
    assert code != 0
    assert "invalid-key (next: put a valid key into EXCHANGE_RATE_API_KEY)" in said
    assert "very-secret" not in said
    ((state, error),) = rows(database_dsn, "SELECT state, error FROM fx_fetches")
    assert state == "failed"
    assert "invalid-key" in error
    assert "very-secret" not in error


def test_each_portals_own_rates_are_read_and_one_portal_that_refuses_stops_nobody_else(run, database_dsn, httpserver):
    acme = Books.of(database_dsn, base_currency="USD", portal_time_zone="UTC")
    globex = Books.of(database_dsn, company="globex", portal_id=1002, base_currency="USD")
    for books in (acme, globex):
        books.add_deal("1", amount=Decimal(100), currency="KWD", closed_at=closed(13))
    allowed = {"headers": {"Authorization": "Bearer pat-acme"}}
    httpserver.expect_request("/account-info/2026-09/details", **allowed).respond_with_json(
        {"portalId": 1001, "timeZone": "UTC", "companyCurrency": "USD"}
    )
    rate = {"fromCurrencyCode": "KWD", "toCurrencyCode": "USD", "conversionRate": 3.2512}
    httpserver.expect_request("/settings/currencies/2026-09/exchange-rates", **allowed).respond_with_json(
        {"results": [{**rate, "id": "1", "effectiveAt": "2024-01-01T00:00:00Z"}]}
    )
    httpserver.expect_request(re.compile(".*")).respond_with_json(
        {"status": "error", "message": "expired", "category": "INVALID_AUTHENTICATION"}, status=401
    )
    connections = [connection_variable(name, httpserver.url_for(""), f"pat-{name}") for name in ("acme", "globex")]
    code, said = run({}, EXCHANGE_RATE_SOURCE="hubspot", **connections[0], **connections[1])
    assert code != 0
    assert "expired" in said
    assert (acme.deal("1").amount_base, acme.deal("1").fx_source) == (Decimal("325.12"), "hubspot:1001")
    assert globex.deal("1").amount_base is None


def test_days_that_make_no_sense_stop_the_run_before_anything_is_read(run, database_dsn):
    code, said = run({"from_date": "2026-06-12", "to_date": "2026-06-01"}, EXCHANGE_RATE_URL=SAMPLE)
    assert code != 0
    assert "this run cannot start: the first day, 2026-06-12, is after the last, 2026-06-01" in said
    assert rows(database_dsn, "SELECT 1 FROM fx_rates") == []
