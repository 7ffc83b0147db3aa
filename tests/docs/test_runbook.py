"""Whoever is told of an error finds it in the runbook, with everything that an entry has to say."""

import ast
import re

import pytest

from commission_sync.alerts.advice import ADVICE
from commission_sync.alerts.mail import Links
from commission_sync.settings import Settings
from commission_sync.store.incidents import Incident, News
from handbook import ROOT, page

RUNBOOK = page("docs/runbook.md")
PACKAGES = ("airflow_hubspot", "commission_sync")
IN_EVERY_ENTRY = ("- **Data:** ", "- **By itself:** ", "- **You:** ", "- **Over when:** ")
# What Python and psycopg call their errors, and what a run that left no error is called.
OF_OTHERS = {"OperationalError", "Vanished", "Failed", "Late"}
# Errors that stop no task: somebody reads them on the spot, or they are told of as something else.
READ_ON_THE_SPOT = {
    "AdoptionRefused": "the terminal",
    "AirflowRefused": "the page that was acted on",
    "BadSignature": "the receiver's answer 401",
    "CommandError": "the terminal",
    "CompaniesFailed": "the task's log, beside each company's own error, which is what people are told of",
    "ConsentRefused": "the page of the consent",
    "FormulaError": "the terminal and `mapping_breaches`",
    "InboxUnavailable": "the receiver's answer 503",
    "InvalidFlag": "the terminal and the mapping page",
    "InvalidMapping": "the terminal",
    "InvalidReplay": "the form or the call that asked for it",
    "LaneLost": "nobody: the worker leaves the lane to the one that has it now",
    "LocalError": "the terminal",
    "Malformed": "the receiver's answer 400",
    "MayNotMakeRoles": "the terminal",
    "NoSuchDay": "the log of `fx_rates`: the days after it are read all the same",
    "NoSuchRate": "the terminal",
    "NotDecidable": "the page that was acted on",
    "Outdated": "the mapping page",
    "OutdatedReading": "the event, which is tried again",
    "PortalMismatch": "the page of the consent",
    "PortTaken": "the terminal",
    "PostgresError": "the terminal",
    "ReadAgain": "nobody: it ends one reading of a batch, and another one begins",
    "Stopped": "nobody: it ends a loop",
    "TooManyEvents": "the receiver's answer 413",
    "TurnedDown": "the task's log, as PlanNotOpen is",
    "UnknownLane": "the call that asked for it",
    "UnknownVersion": "the terminal",
    "UnreadableValue": "`sync_rejects` and `mapping_problems`",
    "Unwritable": "`writeback_problems`",
}


def exceptions() -> dict[str, str]:
    """Return every exception class of our packages with the module that declares it."""
    bases = {"Exception", "BaseException", "ValueError", "RuntimeError", "LookupError", "OSError", "ArithmeticError"}
    declared = {}
    for package in PACKAGES:
        for path in (ROOT / "include" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    declared[node.name] = ([ast.unparse(base).rpartition(".")[2] for base in node.bases], path.stem)
    found: dict[str, str] = {}
    while more := {n: m for n, (above, m) in declared.items() if n not in found and {*above} & {*bases, *found}}:
        found |= more
    return found


def entries() -> dict[str, str]:
    return RUNBOOK.sections(3)


def error_entries() -> set[str]:
    """Return the headings that are names of errors."""
    return {name for name in entries() if re.fullmatch(r"(?:[A-Z][a-z]+)+", name)}


def incident(error_class: str | None, kind: str = "failed") -> Incident:
    return Incident(
        id=None, news=News.OPENED, company_id="acme", dag_id="d", kind=kind, error_class=error_class, message=None,
        since=None, last_good_at=None, closed_at=None, run_id=None, task_id=None, map_index=-1,
    )  # fmt: skip


def test_every_error_has_an_entry_and_every_entry_an_error():
    assert error_entries() == {*exceptions(), *OF_OTHERS} - set(READ_ON_THE_SPOT)


def test_no_excuse_is_left_over():
    assert set(READ_ON_THE_SPOT) <= set(exceptions())


@pytest.mark.parametrize("error_class", [*ADVICE, None])
def test_the_link_of_a_mail_leads_to_an_entry(error_class):
    for kind in ("failed", "late"):
        address = Links("http://airflow", Settings().runbook_url).entry(incident(error_class, kind))
        name, _, anchor = address.partition("#")
        assert page(name).path == RUNBOOK.path
        assert anchor in RUNBOOK.anchors()


@pytest.mark.parametrize("name", entries())
def test_an_entry_says_what_is_safe_what_happens_what_to_do_and_when_it_is_over(name):
    # What follows the last entry of a chapter is another chapter.
    entry = entries()[name].partition("\n## ")[0]
    assert [entry.count(f"\n{label}") for label in IN_EVERY_ENTRY] == [1, 1, 1, 1]
    assert entry.partition(IN_EVERY_ENTRY[0])[0].strip(), "what it means comes first"
