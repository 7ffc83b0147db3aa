"""`python -m commission_sync.flags show|set`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from commission_sync.commands.shell import CommandError, commissions_database, company, run, say, whoami
from commission_sync.flags import FLAGS, Flag
from commission_sync.flags.change import InvalidFlag, flag_value, set_for_company
from commission_sync.flags.declared import FALSE, TRUE
from commission_sync.flags.read import read_flags
from commission_sync.store.flags import FlagRule, change_rule, flag_rules
from commission_sync.store.integrations import active_integrations

_EXAMPLES = """examples:
  python -m commission_sync.flags show
  python -m commission_sync.flags show acme
  python -m commission_sync.flags set history --value true --default false --percentage 10
  python -m commission_sync.flags set writeback --value approval --allow acme --allow globex
  python -m commission_sync.flags set writeback --company acme --value on
  python -m commission_sync.flags set writeback --company acme --clear

The commissions database is the one of AIRFLOW_CONN_COMMISSIONS_DB, or else the embedded one. See docs/flags.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: _show(options) if options.action == "show" else _set(options))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m commission_sync.flags",
        description="Show and set which optional capabilities companies have.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    show = actions.add_parser("show", help="what each flag is, and why")
    show.add_argument("company", nargs="?", help="for this company only (default: rules, and all companies)")
    change = actions.add_parser("set", help="change a flag's rollout, or set it for one company")
    change.add_argument("flag", help=f"one of: {', '.join(FLAGS)}")
    change.add_argument("--company", help="set it for this company alone, before all rules")
    change.add_argument("--clear", action="store_true", help="with --company: let the rules decide again")
    change.add_argument("--value", help="what the company, or the companies of the rollout, get")
    change.add_argument("--default", dest="default_value", help="what the other companies get")
    change.add_argument("--percentage", type=int, help="0 to 100: share of companies, chosen by a stable hash")
    change.add_argument("--allow", action="append", metavar="COMPANY", help="always in the rollout (repeatable)")
    change.add_argument(
        "--deny", action="append", metavar="COMPANY", help="never (repeatable); gets the flag's off value"
    )
    change.add_argument("--note", help="why, for those who come later")
    return parser


def _show(options: Namespace) -> int:
    with commissions_database() as conn, conn.transaction():
        companies = active_integrations(conn, [options.company] if options.company else [])
        if not options.company:
            _show_rules(flag_rules(conn, None))
        for one in companies:
            flags = read_flags(conn, one)
            say(f"\n{one.company_id}")
            for name in FLAGS:
                say(f"  {name:<12} {flags.choice(name):<9} {flags.reasons[name]}")
            for problem in flags.problems:
                say(f"  ! {problem}")
    return 0


def _show_rules(rules: Sequence[FlagRule]) -> None:
    by_flag = {rule.flag: rule for rule in rules}
    for name, flag in FLAGS.items():
        say(f"{name:<12} default {flag.default:<9} {flag.description}")
        if rule := by_flag.get(name):
            lists = [f"{word} {', '.join(who)}" for word, who in (("allow", rule.allow), ("deny", rule.deny)) if who]
            rollout = ", ".join([f"{rule.value} for {rule.percentage} %", *lists])
            say(f"{'':<12} rollout: {rollout}; others {rule.default_value or flag.default}")


def _set(options: Namespace) -> int:
    if options.flag not in FLAGS:
        raise CommandError(f"there is no flag {options.flag!r}; there are: {', '.join(FLAGS)}")
    flag = FLAGS[options.flag]
    with commissions_database() as conn, conn.transaction():
        if options.company:
            one, value = company(conn, options.company), _override(flag, options)
            set_for_company(conn, one.id, flag.name, value, actor=whoami())
        else:
            known = [one.company_id for one in active_integrations(conn)]
            new = FlagRule(flag.name, TRUE if flag.off == FALSE else flag.default)
            change_rule(conn, flag.name, whoami(), new, **_changes(flag, options, known))
    say(f"{flag.name} is set; runs that start from now on use it")
    return 0


def _override(flag: Flag, options: Namespace) -> str | None:
    rollout = [options.default_value, options.percentage, options.allow, options.deny]
    if any(value is not None for value in rollout):
        raise CommandError("--company takes --value or --clear; the other options are for all companies")
    if options.clear == (options.value is not None):
        raise CommandError("give --company with either --value or --clear")
    return None if options.clear else _value(flag, options.value)


def _changes(flag: Flag, options: Namespace, known: Sequence[str]) -> dict[str, Any]:
    if options.clear:
        raise CommandError("--clear goes with --company")
    given = {
        "value": options.value and _value(flag, options.value),
        "default_value": options.default_value and _value(flag, options.default_value),
        "percentage": options.percentage,
        "allow": options.allow,
        "deny": options.deny,
        "note": options.note,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise CommandError("nothing to change: give --value, --default, --percentage, --allow or --deny")
    if not 0 <= changes.get("percentage", 0) <= 100:
        raise CommandError(f"--percentage {options.percentage} is not from 0 to 100")
    for name in [*(options.allow or ()), *(options.deny or ())]:
        if name not in known:
            raise CommandError(f"there is no active company {name!r}; active are: {', '.join(known) or 'none'}")
    return changes


def _value(flag: Flag, written: str) -> str:
    try:
        return flag_value(flag.name, written)
    except InvalidFlag as error:
        raise CommandError(str(error)) from None
