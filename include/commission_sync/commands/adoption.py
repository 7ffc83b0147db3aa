"""`python -m commission_sync.adoption check|run|status|compare|switch|undo|finalise`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from commission_sync.adoption.adopting import adopt
from commission_sync.adoption.companies import LOOKBACK, read_portals
from commission_sync.adoption.comparing import compare
from commission_sync.adoption.deals import Keep
from commission_sync.adoption.ending import finalise, undo
from commission_sync.adoption.errors import AdoptionRefused
from commission_sync.adoption.report import progress_text, survey_text
from commission_sync.adoption.stages import Stage, switch
from commission_sync.adoption.standing import maybe_standing, progress, standing
from commission_sync.adoption.survey import Choices, look
from commission_sync.commands.shell import CommandError, run, say, whoami
from commission_sync.local.environment import COMMISSIONS, Project, given
from commission_sync.store import connect

_EXAMPLES = """in this order:
  python -m commission_sync.adoption check --portals portals.csv
  python -m commission_sync.adoption run --portals portals.csv
  python -m commission_sync.adoption switch acme shadow
  python -m commission_sync.adoption compare acme
  python -m commission_sync.adoption switch acme live
  python -m commission_sync.adoption status
  python -m commission_sync.adoption finalise --drop-old adopted_20261126
and until then, back again at any time:
  python -m commission_sync.adoption undo

The database is the one of AIRFLOW_CONN_COMMISSIONS_DB. See docs/migration.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    commands: dict[str, Callable[[Namespace], int]] = {
        "check": _check,
        "run": _run,
        "status": _status,
        "compare": _compare,
        "switch": _switch,
        "undo": _undo,
        "finalise": _finalise,
    }
    return run(lambda: _told(commands[options.action], options))


def _told(command: Callable[[Namespace], int], options: Namespace) -> int:
    try:
        return command(options)
    except AdoptionRefused as error:
        raise CommandError(str(error)) from None


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m commission_sync.adoption",
        description="Adopt a database that has crm_integrations and deals of an older service.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name, told in (
        ("check", "look without writing: what is there, and what would become of it"),
        ("run", "adopt, in one transaction"),
    ):
        action = actions.add_parser(name, help=told)
        action.add_argument(
            "--portals", metavar="FILE", help="lines of company,portal_id[,conn_id], before what rows say"
        )
        action.add_argument("--time-zone", default="UTC", help="what naive times were meant in (default: %(default)s)")
        action.add_argument("--keep", type=Keep, choices=list(Keep), default=Keep.NEWEST, help="of a deal's duplicates")
        hours = int(LOOKBACK.total_seconds() // 3600)
        action.add_argument(
            "--lookback-hours", type=int, default=hours, help="how far before last_sync the next run begins"
        )
    actions.add_parser("status", help="each company's stage, and how much of it HubSpot has confirmed")
    beside = actions.add_parser("compare", help="a company's old deals beside the new ones; ends with 1 if they differ")
    beside.add_argument("company")
    beside.add_argument("--examples", type=int, default=5, help="crm_ids shown for each kind (default: %(default)s)")
    change = actions.add_parser("switch", help="switch a company over, or back")
    change.add_argument("company")
    change.add_argument("stage", type=Stage, choices=list(Stage))
    actions.add_parser("undo", help="give the old tables back as they were")
    last = actions.add_parser("finalise", help="drop the old tables; there is no way back from here")
    last.add_argument("--drop-old", required=True, metavar="SCHEMA", help="the schema they are in, as a confirmation")
    return parser


def _check(options: Namespace) -> int:
    with _database() as conn:
        # PostgreSQL itself refuses every write in such a transaction.
        conn.read_only, conn.isolation_level = True, psycopg.IsolationLevel.REPEATABLE_READ
        with conn.transaction():
            found = look(conn, _choices(options), datetime.now(UTC))
    say(survey_text(found))
    return 1 if found.companies.blockers else 0


def _run(options: Namespace) -> int:
    with _database() as conn, conn.transaction():
        before = maybe_standing(conn)
    if before is not None:
        say(f"adopted already on {before.adopted_at:%Y-%m-%d %H:%M} UTC by {before.adopted_by}; nothing was changed")
        return 0
    done = adopt(_dsn(), _choices(options), now=datetime.now(UTC), actor=whoami())
    say(survey_text(done.survey))
    say(f"\nadopted; the old tables are in the schema {done.kept_schema}. Next: switch a company to shadow")
    return 0


def _choices(options: Namespace) -> Choices:
    try:
        lines = Path(options.portals).read_text(encoding="utf-8").splitlines() if options.portals else []
        portals = read_portals(lines)
    except (OSError, ValueError) as error:
        raise CommandError(f"--portals {options.portals}: {error}") from None
    try:
        ZoneInfo(options.time_zone)
    except (KeyError, ValueError, OSError):
        raise CommandError(f"--time-zone {options.time_zone!r} is none; give one such as Europe/Berlin") from None
    if options.lookback_hours < 0:
        raise CommandError(f"--lookback-hours {options.lookback_hours} is below 0")
    return Choices(portals, options.time_zone, options.keep, timedelta(hours=options.lookback_hours))


def _status(_: Namespace) -> int:
    with _database() as conn, conn.transaction():
        adoption = standing(conn)
        say(progress_text(adoption, progress(conn, adoption)))
    return 0


def _compare(options: Namespace) -> int:
    with _database() as conn, conn.transaction():
        found = compare(conn, standing(conn), options.company, examples=options.examples)
    for one in found:
        say(f"{one.kind:<14} {one.deals:>9,}  {', '.join(one.examples)}")
    say(f"{options.company}: {'differs from' if found else 'equals'} the old table")
    return 1 if found else 0


def _switch(options: Namespace) -> int:
    with _database() as conn, conn.transaction():
        changed = switch(conn, standing(conn), options.company, options.stage, actor=whoami())
    say(f"{options.company} is {options.stage}" + ("" if changed else " already"))
    return 0


def _undo(_: Namespace) -> int:
    done = undo(_dsn(), now=datetime.now(UTC), actor=whoami())
    say(f"{', '.join(done.tables)} are back in the schema public; what ours held is copied to {done.copies}")
    for name in done.changed:
        say(f"! {name} was written to after the adoption; what was written is still in it")
    return 0


def _finalise(options: Namespace) -> int:
    with _database() as conn, conn.transaction():
        kept = standing(conn).kept_schema
    if options.drop_old != kept:
        raise CommandError(f"--drop-old {options.drop_old!r} is not where the old tables are; that is {kept!r}")
    say(f"{finalise(_dsn(), actor=whoami())} is dropped; what was set aside stays in adoption.quarantine")
    return 0


def _dsn() -> str:
    dsn = given(Project.of_this_code()).get(COMMISSIONS)
    if not dsn:
        raise CommandError(f"{COMMISSIONS} is not set; set it to the database that the older service filled")
    return dsn


@contextmanager
def _database() -> Iterator[psycopg.Connection]:
    with closing(connect(_dsn())) as conn:
        yield conn
