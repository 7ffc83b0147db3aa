"""`python -m commission_sync.quality [COMPANY ...]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from decimal import Decimal

import psycopg

from commission_sync.commands.shell import CommandError, commissions_database, run, say, whoami
from commission_sync.flags.read import with_flags
from commission_sync.quality import Scored, ScoredBy, Scoring
from commission_sync.settings import InvalidSetting, load_settings
from commission_sync.store.integrations import Integration, active_integrations
from commission_sync.streams.standard import STREAMS

_EXAMPLES = """examples:
  python -m commission_sync.quality                      (all companies)
  python -m commission_sync.quality acme --findings 20
  python -m commission_sync.quality acme --stream deals --stream line_items

The scores become those of today, in place of earlier ones of the day; no call is made to HubSpot.
The commissions database is the one of AIRFLOW_CONN_COMMISSIONS_DB, or else the embedded one. See docs/quality.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: _score(options))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m commission_sync.quality",
        description="Score companies' data now, out of 100, and show the rows that cost most.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("company", nargs="*", help="company_id, as in crm_integrations (default: all that are active)")
    parser.add_argument(
        "--stream",
        action="append",
        choices=[stream.name for stream in STREAMS],
        help="only this stream (repeatable; default: all)",
    )
    parser.add_argument(
        "--findings", type=int, default=3, metavar="N", help="how many rows to show of each dimension (default: 3)"
    )
    return parser


def _score(options: Namespace) -> int:
    streams = [s for s in STREAMS if options.stream is None or s.name in options.stream]
    try:
        settings = load_settings()
    except InvalidSetting as error:
        raise CommandError(str(error)) from None
    with commissions_database() as conn:
        for company in _companies(conn, options.company):
            scored = Scoring(conn, company, settings, ScoredBy(whoami()), streams).run()
            say("\n  ".join([company.company_id, *(line for one in scored for line in _told(one, options.findings))]))
    return 0


def _companies(conn: psycopg.Connection, names: Sequence[str]) -> list[Integration]:
    with conn.transaction():
        return [with_flags(conn, found) for found in active_integrations(conn, names)]


def _told(scored: Scored, most: int) -> Iterator[str]:
    score = scored.score
    if score.score is None:
        yield f"{scored.stream.name:<14}     -  {score.reason}"
        return
    yield f"{scored.stream.name:<14}{_shown(score.score)}  {scored.records} records"
    for name, part in score.parts.items():
        if part.score is None:
            yield f"  {name:<13}     -  {part.reason}"
            continue
        yield f"  {name:<13}{_shown(part.score)}  " + (
            f"costs {part.points_lost:.4f} points, {part.count} findings" if part.count else "nothing wrong"
        )
        for loss, points in part.findings[:most]:
            which = f" {scored.stream.entity} {loss.crm_id}:" if loss.crm_id else ""
            yield f"    -{points:.4f} {which} {loss.what}"


def _shown(score: Decimal) -> str:
    return f"{score:>6.2f}"
