"""Problems of single deals: one open row per field, closed when it is over, and never told by an outdated version."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from commission_sync.store.mapping_problems import Problem, settle_problems

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER = NOW - timedelta(seconds=1)


@pytest.fixture
def company(database_dsn):
    """A connection and a company with the deals 1 and 2."""
    with psycopg.connect(database_dsn) as conn:
        (found,) = conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1, 'x') RETURNING id"
        ).fetchone()
        conn.execute(
            "INSERT INTO deals (integration_id, company_id, crm_id, crm_updated_at) "
            "SELECT %s, 'acme', id, %s FROM unnest('{1,2}'::text[]) id",
            (found, NOW),
        )
        yield conn, found


def looked_at(company, crm_id, at, *problems):
    conn, integration_id = company
    settle_problems(conn, integration_id, [(crm_id, at)], [Problem(crm_id, at, *problem) for problem in problems])
    return conn.execute(
        "SELECT crm_id, field, reason FROM mapping_problems WHERE resolved_at IS NULL ORDER BY crm_id, field"
    ).fetchall()


def test_a_problem_is_one_row_however_often_it_is_seen(company):
    looked_at(company, "1", NOW, ("tier", "no number"))
    assert looked_at(company, "1", NOW, ("tier", "not mapped")) == [("1", "tier", "not mapped")]


def test_a_problem_is_closed_when_its_deal_has_it_no_more_and_no_other(company):
    looked_at(company, "1", NOW, ("tier", "a"), ("months", "b"))
    looked_at(company, "2", NOW, ("tier", "c"))
    assert looked_at(company, "1", NOW, ("months", "b")) == [("1", "months", "b"), ("2", "tier", "c")]


def test_an_older_version_of_a_deal_neither_opens_nor_closes_anything(company):
    assert looked_at(company, "1", EARLIER, ("tier", "a")) == []
    looked_at(company, "1", NOW, ("tier", "a"))
    assert looked_at(company, "1", EARLIER) == [("1", "tier", "a")]
