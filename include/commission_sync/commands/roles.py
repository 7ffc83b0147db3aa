"""`python -m commission_sync.roles apply|show|reader`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

import psycopg

from commission_sync.commands.shell import CommandError, commissions_database, run, say, whoami
from commission_sync.roles.declared import ROLES
from commission_sync.roles.granting import MayNotMakeRoles, add_reader, apply, readers

_EXAMPLES = """examples:
  python -m commission_sync.roles apply
  python -m commission_sync.roles show
  python -m commission_sync.roles reader bi_acme --company acme
  python -m commission_sync.roles reader bi_all --company acme --company globex
  python -m commission_sync.roles reader bi_acme

`apply` again after each upgrade. Logins are made by PostgreSQL's own means, such as
CREATE ROLE worker LOGIN PASSWORD '…' IN ROLE commission_sync. See docs/security.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    actions = {"apply": _apply, "show": _show, "reader": _reader}
    return run(lambda: actions[options.action](options))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m commission_sync.roles",
        description="Make the commissions database's roles, and say who may read which company.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("apply", help="make the roles, and give each what it needs and nothing else")
    actions.add_parser("show", help="the roles, and which login reads which company")
    reader = actions.add_parser("reader", help="let a login read these companies only; none: take it all back")
    reader.add_argument("login", help="a login that exists")
    reader.add_argument("--company", action="append", default=[], help="repeatable")
    return parser


def _apply(_: Namespace) -> int:
    try:
        with commissions_database() as conn, conn.transaction():
            made = apply(conn)
    except MayNotMakeRoles as error:
        raise CommandError(str(error)) from None
    say(f"roles made: {', '.join(made) or 'none, all were there'}; each has what it needs and nothing else")
    return 0


def _show(_: Namespace) -> int:
    for name, told in ROLES.items():
        say(f"{name:<20} {told}")
    with commissions_database() as conn, conn.transaction():
        for login, companies in readers(conn):
            say(f"  {login:<18} reads {', '.join(companies)}")
    return 0


def _reader(options: Namespace) -> int:
    try:
        with commissions_database() as conn, conn.transaction():
            known = {name for (name,) in conn.execute("SELECT company_id FROM crm_integrations")}
            if unknown := sorted(set(options.company) - known):
                raise CommandError(f"there is no company {', '.join(map(repr, unknown))}; there are: {sorted(known)}")
            add_reader(conn, options.login, options.company, actor=whoami())
    except psycopg.errors.UndefinedObject as error:
        raise CommandError(f"{error.diag.message_primary}; make the login, then `roles apply`, then this") from None
    say(f"{options.login} reads {', '.join(options.company) or 'nothing'}")
    return 0
