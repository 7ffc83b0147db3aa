"""A consumer of the feed gets every deal that changed, a page at a time, and what it failed at once more."""

from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from commission_sync.store.feed import DealFeed

THEN = datetime(2026, 1, 1, tzinfo=UTC)


class Company:
    """A company with the deals 1 to 5, and what happens to them."""

    def __init__(self, conn):
        self.conn = conn
        (self.id,) = conn.execute(
            "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1, 'x') RETURNING id"
        ).fetchone()
        conn.execute(
            "INSERT INTO deals (integration_id, company_id, crm_id, crm_updated_at) "
            "SELECT %s, 'acme', id, now() FROM unnest('{1,2,3,4,5}'::text[]) id",
            (self.id,),
        )
        conn.commit()

    def happens(self, action, *deals, entity="deal", changes='{"amount": ["1", "2"]}', actor="sync:deals"):
        with self.conn.transaction():
            for deal in deals:
                self.conn.execute(
                    "INSERT INTO audit_log (integration_id, entity, entity_id, action, changes, actor) "
                    "VALUES (%s, %s, %s, %s, %s, %s)",
                    (self.id, entity, deal, action, changes, actor),
                )

    def feed(self, consumer="test"):
        feed = DealFeed(self.conn, self.id, consumer)
        with self.conn.transaction():
            feed.begin(THEN, from_start=True)
        return feed


@pytest.fixture
def company(database_dsn):
    with closing(psycopg.connect(database_dsn)) as conn:
        yield Company(conn)


def test_every_deal_that_changed_comes_in_a_page_and_no_page_comes_again(company):
    company.happens("insert", "1", "2", "3", "4", "5")
    assert list(company.feed().pages(most=2)) == [["1", "2"], ["3", "4"], ["5"]]
    assert list(company.feed().pages(most=2)) == []
    company.happens("update", "4")
    assert list(company.feed().pages(most=2)) == [["4"]]


def test_a_page_names_a_deal_once_however_often_it_changed(company):
    company.happens("update", "1", "1", "2", "1")
    assert list(company.feed().pages()) == [["1", "2"]]


def test_a_page_at_which_a_consumer_failed_comes_again_and_those_before_it_do_not(company):
    company.happens("insert", "1", "2", "3")
    pages = company.feed().pages(most=1)
    assert [next(pages), next(pages)] == [["1"], ["2"]]
    pages.close()
    assert list(company.feed().pages(most=1)) == [["2"], ["3"]]


def test_what_changes_while_a_consumer_is_at_work_is_left_to_its_next_look(company):
    company.happens("insert", "1", "2")
    pages = company.feed().pages(most=1)
    next(pages)
    company.happens("update", "3")
    assert list(pages) == [["2"]]
    assert list(company.feed().pages(most=1)) == [["3"]]


def test_neither_other_changes_nor_other_records_count(company):
    company.happens("split", "1")
    company.happens("update", "5", actor="fx")
    company.happens("update", "2", entity="line_item")
    company.happens("update", "3", changes='{"dealname": ["a", "b"]}')
    company.happens("restore", "4", changes='{"amount": [null, "2"]}')
    company.happens("echo", "1")
    assert list(company.feed("all").pages()) == [["3", "4"]]
    assert list(company.feed("and our own writes").pages(echoes=True)) == [["3", "4", "1"]]


def test_a_silent_change_counts_only_for_whoever_asks_for_its_property(company):
    with company.conn.transaction():
        company.conn.execute("UPDATE deals SET crm_updated_at = '2025-12-31Z'")
    company.happens("update", "1", changes='{"dealname": ["a", "b"]}')
    company.happens("update", "2", changes='{"hs_is_closed_won": ["false", "true"]}')
    assert list(company.feed("all").pages()) == []
    assert list(company.feed("pay").pages(silent=("hs_is_closed_won",))) == [["2"]]
