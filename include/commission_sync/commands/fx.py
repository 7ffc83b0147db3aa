"""`python -m commission_sync.fx show|enter|withdraw`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from uuid import uuid4

import psycopg

from commission_sync.commands.shell import CommandError, commissions_database, company, run, say, whoami
from commission_sync.fx.amounts import Amounts
from commission_sync.fx.conversion import convert_company
from commission_sync.fx.currencies import exponents
from commission_sync.fx.refresh import FetchRequest
from commission_sync.settings import InvalidSetting, load_settings
from commission_sync.store.entered_rates import EnteredRate, NoSuchRate, enter_rate, entered_rates, withdraw_rate
from commission_sync.store.integrations import Integration

_EXAMPLES = """examples:
  python -m commission_sync.fx show acme
  python -m commission_sync.fx enter acme KWD/USD 3.2541 --from 2026-01-01 --to 2026-03-31 --reason "bank's rate"
  python -m commission_sync.fx withdraw acme 7 --reason "typed wrong"

A rate counts where the company's source has none for the pair and day. The company's deals are converted at once; those
of approved or paid commissions keep their amounts. The commissions database is the one of AIRFLOW_CONN_COMMISSIONS_DB,
or else the embedded one. See docs/fx.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: _do(options))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m commission_sync.fx",
        description="Show, enter and withdraw exchange rates of a company for what its source does not have.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    show = actions.add_parser("show", help="the entered rates, and what waits for a rate")
    enter = actions.add_parser("enter", help="enter a rate for a pair and some days")
    withdraw = actions.add_parser("withdraw", help="let an entered rate no longer count")
    for action in (show, enter, withdraw):
        action.add_argument("company", help="company_id, as in crm_integrations")
    enter.add_argument("pair", type=_pair, help="BASE/QUOTE: one unit of BASE is RATE units of QUOTE, such as KWD/USD")
    enter.add_argument("rate", type=_rate, help="a positive decimal number")
    enter.add_argument("--from", dest="valid_from", type=_day, required=True, metavar="DAY", help="first day")
    enter.add_argument("--to", dest="valid_to", type=_day, required=True, metavar="DAY", help="last day")
    withdraw.add_argument("number", type=int, help="the rate's number, as `show` tells it")
    for action in (enter, withdraw):
        action.add_argument("--reason", required=True, help="why, for those who come later")
    return parser


def _do(options: Namespace) -> int:
    with commissions_database() as conn:
        known = company(conn, options.company)
        if options.action == "show":
            return _show(conn, known)
        if options.action == "enter":
            number = _enter(conn, known, options)
            say(f"rate {number} entered")
        else:
            _withdraw(conn, known, options)
            say(f"rate {options.number} withdrawn")
        return _convert(conn, known)


def _enter(conn: psycopg.Connection, known: Integration, options: Namespace) -> int:
    base, quote = options.pair
    if options.valid_from > options.valid_to:
        raise CommandError(f"--from {options.valid_from} is after --to {options.valid_to}")
    rate = EnteredRate(base, quote, options.rate, options.valid_from, options.valid_to, options.reason)
    with conn.transaction():
        return enter_rate(conn, known.id, rate, whoami())


def _withdraw(conn: psycopg.Connection, known: Integration, options: Namespace) -> None:
    try:
        with conn.transaction():
            withdraw_rate(conn, known.id, options.number, actor=whoami(), why=options.reason)
    except NoSuchRate as error:
        raise CommandError(f"{error}; `show {known.company_id}` lists them") from None


def _convert(conn: psycopg.Connection, known: Integration) -> int:
    try:
        settings = load_settings()
    except InvalidSetting as error:
        raise CommandError(str(error)) from None
    request = FetchRequest("fx_rates", f"command:{uuid4()}")
    counts = convert_company(conn, Amounts(known.id, settings), request, known.company_id)
    say(f"{counts.updated:,} amounts converted anew")
    return 0


_WAITING = """
SELECT currency || '/' || base_currency, count(*), min(fx_anchor_date), max(fx_anchor_date)
FROM deals_waiting_for_rate WHERE integration_id = %s AND currency IS NOT NULL GROUP BY 1 ORDER BY 2 DESC
"""


def _show(conn: psycopg.Connection, known: Integration) -> int:
    with conn.transaction():
        rates = entered_rates(conn, known.id)
        waiting = conn.execute(_WAITING, (known.id,)).fetchall()
    for rate in rates:
        state = f", withdrawn by {rate.withdrawn_by}" if rate.withdrawn_by else ""
        say(
            f"{rate.id:>5}  {rate.base}/{rate.quote} {rate.rate.normalize():f}  {rate.valid_from} to {rate.valid_to}  "
            f"by {rate.entered_by}{state}: {rate.reason}"
        )
    if not rates:
        say("no rate was entered")
    for pair, deals, first, last in waiting:
        say(f"waiting: {deals:,} deals for {pair}, {first} to {last}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    base, _, quote = text.upper().partition("/")
    unknown = [code for code in (base, quote) if code not in exponents()]
    if unknown or base == quote:
        raise ArgumentTypeError(f"{text!r} is no pair of two currencies, such as KWD/USD")
    return base, quote


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal()
    if not rate.is_finite() or rate <= 0:
        raise ArgumentTypeError(f"{text!r} is no positive decimal number")
    return rate


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day; write it like 2026-01-31") from None
