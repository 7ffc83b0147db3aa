"""People are told once when something stops working, once a day while it does not, and once when it works again."""

from datetime import timedelta

import psycopg
import pytest

from commission_sync.alerts.mail import Links
from commission_sync.alerts.review import Review
from commission_sync.settings import Settings

DAG = "hubspot_deals"


class Office:
    """A database with companies, a mailbox, and DAG runs made up for them."""

    def __init__(self, dsn, companies=3, **settings):
        self.dsn, self.mails, self._runs = dsn, [], 0
        self.review = Review(
            dsn,
            Settings(**{"alert_emails": "ops@example.com", **settings}),
            Links("http://airflow", "runbook.md"),
            self.mails.append,
            pause=lambda _: None,
        )
        for n in range(companies):
            self.execute(
                "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES (%s, %s, 'x')", f"c{n}", n
            )

    def execute(self, statement, *values):
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(statement, values)

    def run(self, states, error="Unauthorized: refused", mode="incremental", dag_id=DAG):
        """Make up an ended DAG run, `states` by company, review it, and return how many incidents were told."""
        self._runs += 1
        run_id = f"run{self._runs}"
        for company, state in states.items():
            self.execute(
                "INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number, state, finished_at, "
                "error) SELECT id, 'deals', %s, %s, %s, 1, %s, CASE WHEN %s <> 'running' THEN clock_timestamp() END, %s "
                "FROM crm_integrations WHERE company_id = %s",
                mode,
                dag_id,
                run_id,
                state,
                state,
                error if state == "failed" else None,
                company,
            )
        succeeded = set(states.values()) == {"success"}
        return self.review.of_ended_run(dag_id, run_id, succeeded=succeeded, reason="task_failure")

    @property
    def subjects(self):
        return [mail["Subject"].removeprefix("[commission sync] ") for mail in self.mails]


@pytest.fixture
def office(database_dsn):
    return Office(database_dsn)


def test_a_failure_is_told_once_and_its_end_once(office):
    office.run({"c0": "failed", "c1": "success"})
    office.run({"c0": "failed", "c1": "success"})
    office.run({"c0": "success", "c1": "success"})
    office.run({"c0": "success", "c1": "success"})
    assert office.subjects == ["HubSpot refuses the token (hubspot_deals, c0)", "hubspot_deals works again: c0"]


def test_a_company_recovers_although_another_one_fails_in_the_same_run(office):
    office.run({"c0": "failed", "c1": "success"})
    office.run({"c0": "success", "c1": "failed"})
    assert office.subjects[1:] == ["HubSpot refuses the token (hubspot_deals, c1) (and 1 more)"]


def test_fifty_companies_that_fail_at_once_are_one_mail_and_so_is_their_recovery(database_dsn):
    office = Office(database_dsn, companies=50)
    everybody = [f"c{n}" for n in range(50)]
    assert office.run(dict.fromkeys(everybody, "failed"), error="Unavailable: 502") == 50
    assert office.run(dict.fromkeys(everybody, "success")) == 50
    assert office.subjects == [
        "HubSpot is not answering (hubspot_deals, 50 companies)",
        "hubspot_deals works again: 50 companies",
    ]


def test_another_error_of_the_same_company_is_news(office):
    office.run({"c0": "failed"})
    office.run({"c0": "failed"}, error="MissingScopes: crm.objects.deals.read")
    assert office.subjects[1] == "The token lacks a scope (hubspot_deals, c0)"


def test_a_process_that_vanished_is_told_although_it_left_no_error(office):
    office.run({"c0": "running"})
    assert office.subjects == ["The worker's process ended without a word (hubspot_deals, c0)"]


def test_after_a_day_people_are_reminded_once(office):
    office.run({"c0": "failed"})
    office.execute("UPDATE alert_incidents SET announced_at = now() - interval '25 hours'")
    office.run({"c0": "failed"})
    office.run({"c0": "failed"})
    assert office.subjects[1:] == ["still: HubSpot refuses the token (hubspot_deals, c0)"]


def test_a_run_that_failed_before_any_company_is_told_as_a_whole_and_closed_by_the_next_good_one(office):
    office.run({})
    office.run({"c0": "success"})
    assert office.subjects == [
        "The run failed (hubspot_deals, the whole run)",
        "hubspot_deals works again: the whole run",
    ]


def test_a_mail_that_could_not_be_sent_is_sent_by_a_later_review(office):
    def broken(_):
        raise ConnectionError("no SMTP server")

    working, office.review = (
        office.review,
        Review(office.dsn, office.review.settings, office.review.links, broken, pause=lambda _: None),
    )
    with pytest.raises(ConnectionError):
        office.run({"c0": "failed"})
    office.review = working
    assert office.run({"c0": "failed"}) == 0, "the claim has not run out yet"
    office.execute("UPDATE alert_incidents SET claimed_until = now() - interval '1 second'")
    assert office.run({"c0": "failed"}) == 1


def test_a_backfill_neither_alarms_nor_reassures(office):
    office.run({"c0": "failed"}, mode="window")
    office.run({"c0": "failed"})
    office.run({"c0": "success"}, mode="window")
    assert office.subjects == ["HubSpot refuses the token (hubspot_deals, c0)"]


def test_a_missed_deadline_names_the_companies_that_are_late_and_why(office):
    office.run({"c0": "success", "c1": "success"})
    office.execute("UPDATE sync_runs SET finished_at = now() - interval '2 hours'")
    office.run({"c1": "success"})
    office.execute(
        "INSERT INTO sync_runs (integration_id, stream, mode, dag_id, run_id, try_number, state, finished_at, error) "
        "SELECT id, 'deals', 'incremental', %s, 'late', 1, 'failed', now(), 'RateLimited: wait 600 s' "
        "FROM crm_integrations WHERE company_id = 'c0'",
        DAG,
    )
    assert office.review.of_late_run(DAG, "late") == 1
    assert office.subjects == ["HubSpot's limits are used up (hubspot_deals, c0)"]
    assert "wait 600 s" in office.mails[0].get_body(("plain",)).get_content()


def test_a_late_run_of_a_dag_without_companies_is_told_as_a_whole(office):
    office.review.of_late_run("fx_rates", "run1")
    assert office.subjects == ["Data are older than promised (fx_rates, the whole run)"]


def test_without_recipients_incidents_are_kept_and_nothing_is_sent(database_dsn):
    office = Office(database_dsn, alert_emails="")
    assert office.run({"c0": "failed"}) == 0
    assert office.execute("SELECT kind, announced_at FROM alert_incidents").fetchall() == [("failed", None)]
    assert office.review.settings.freshness_sla == timedelta(hours=1)
