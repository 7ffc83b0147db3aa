"""Turns news of incidents into one mail, in text and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from commission_sync.alerts.advice import Advice, advice
from commission_sync.store.incidents import Incident, News

_TEMPLATES = Path(__file__).parent / "templates"
_SUBJECT = "[commission sync]"
# More are counted, not listed: a mail about a thousand companies has to stay readable.
MOST_LISTED = 25


@dataclass(frozen=True)
class Links:
    """Where a mail's links lead: Airflow's pages and the runbook."""

    airflow: str
    runbook: str

    def log(self, incident: Incident) -> str | None:
        """Return the address of the task's log, or of the run where no task is known."""
        if incident.run_id is None:
            return None
        run = f"{self.airflow.rstrip('/')}/dags/{incident.dag_id}/runs/{incident.run_id}"
        if incident.task_id is None:
            return run
        task = f"{run}/tasks/{incident.task_id}"
        return task if incident.map_index < 0 else f"{task}/mapped/{incident.map_index}"

    def entry(self, incident: Incident) -> str:
        """Return the address of the runbook's entry for the incident's error."""
        return f"{self.runbook}#{(incident.error_class or incident.kind).lower()}"


@dataclass(frozen=True)
class Group:
    """Incidents of one DAG that have the same cause and are told for the same reason."""

    news: News
    dag_id: str
    advice: Advice
    runbook: str
    incidents: tuple[Incident, ...]

    @property
    def companies(self) -> str:
        """Whom it concerns, in words."""
        names = [i.company_id for i in self.incidents if i.company_id]
        if not names:
            return "the whole run"
        return names[0] if len(names) == 1 else f"{len(names)} companies"

    @property
    def heading(self) -> str:
        """What happened, to whom and where."""
        if self.news is News.RECOVERED:
            return f"{self.dag_id} works again: {self.companies}"
        again = "still: " if self.news is News.REMINDER else ""
        return f"{again}{self.advice.meaning} ({self.dag_id}, {self.companies})"

    @property
    def listed(self) -> tuple[Incident, ...]:
        """Those that the mail names."""
        return self.incidents[:MOST_LISTED]

    @property
    def unlisted(self) -> int:
        """How many the mail only counts."""
        return len(self.incidents) - len(self.listed)


def groups(news: Sequence[Incident], links: Links) -> list[Group]:
    """Return the news by reason, DAG and cause, what is new first."""

    def key(incident: Incident) -> tuple[int, str, str, str]:
        cause = "" if incident.news is News.RECOVERED else f"{incident.kind}/{incident.error_class}"
        return list(News).index(incident.news), incident.dag_id, cause, ""

    return [
        Group(found[0].news, found[0].dag_id, advice(found[0].kind, found[0].error_class), links.entry(found[0]), found)
        for _, same in groupby(sorted(news, key=lambda i: (*key(i)[:3], i.company_id or "")), key=key)
        if (found := tuple(same))
    ]


def mail(news: Sequence[Incident], links: Links, recipients: Sequence[str], now: datetime) -> EmailMessage:
    """Return one mail that tells all of `news`; its sender is left to the connection.

    :param now: aware; told in the mail, as mails may arrive late
    """
    found = groups(news, links)
    message = EmailMessage()
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    message["Subject"] = f"{_SUBJECT} {found[0].heading}{more}"
    message["To"] = ", ".join(recipients)
    facts = {"groups": found, "links": links, "now": now, "News": News}
    message.set_content(_templates().get_template("mail.txt.j2").render(facts))
    message.add_alternative(_templates().get_template("mail.html.j2").render(facts), subtype="html")
    return message


@lru_cache(maxsize=1)
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    return environment


def _moment(at: datetime | None) -> str:
    return "never" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")
