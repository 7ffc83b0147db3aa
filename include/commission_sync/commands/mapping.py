"""`python -m commission_sync.mapping validate|preview|activate|rollback|recompute|history`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from commission_sync.commands.portals import fresh_catalogue
from commission_sync.commands.shell import CommandError, commissions_database, company, run, say, whoami
from commission_sync.mapping.compiled import Portal
from commission_sync.mapping.issues import InvalidMapping, Issue
from commission_sync.mapping.preview import preview
from commission_sync.mapping.versions import Documents, activate, check, save, version_before
from commission_sync.store.integrations import Integration
from commission_sync.store.mapping_versions import UnknownVersion, exact_json, version_history
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import portal_of, recompute_stored

_EXAMPLES = """examples:
  python -m commission_sync.mapping validate acme mapping.json
  python -m commission_sync.mapping preview acme mapping.json --deals 20
  python -m commission_sync.mapping activate acme mapping.json --note "contract length for the new plan"
  python -m commission_sync.mapping history acme
  python -m commission_sync.mapping rollback acme            (or: rollback acme 3)
  python -m commission_sync.mapping recompute acme

mapping.json: {"property_mappings": {"contract_length_months": "months"},
               "calculated_fields": {"total_contract_value": "amount * months"}}
The commissions database is the one of AIRFLOW_CONN_COMMISSIONS_DB, or else the embedded one. See docs/mapping.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: _told(_ACTIONS[options.action], options))


def _told(action: Callable[[psycopg.Connection, Integration, Namespace], int], options: Namespace) -> int:
    try:
        with commissions_database() as conn:
            return action(conn, company(conn, options.company), options)
    except (InvalidMapping, UnknownVersion) as error:
        raise CommandError(str(error)) from None


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m commission_sync.mapping",
        description="A company's own fields: check a mapping, look at what it would do, make it count, go back.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name, help_text in _HELP.items():
        action = actions.add_parser(name, help=help_text)
        action.add_argument("company", help="company_id, as in crm_integrations")
        if name in {"validate", "preview", "activate"}:
            action.add_argument("file", type=Path, help="the mapping, a JSON file")
        if name == "preview":
            action.add_argument("--deals", type=int, default=10, help="how many deals to show (default: 10)")
        if name == "activate":
            action.add_argument("--note", default="", help="why, for those who read the history")
        if name == "rollback":
            action.add_argument("version", nargs="?", type=int, help="default: the one that counted before")
        if name in {"validate", "activate", "rollback"}:
            action.add_argument(
                "--stored", action="store_true", help="do not ask HubSpot; use the properties that the last run saw"
            )
    return parser


_HELP = {
    "validate": "hold a mapping to the portal's properties; changes nothing",
    "preview": "show what a mapping would make of some deals; changes nothing",
    "activate": "validate, save as a new version, make it count, recompute the stored deals",
    "rollback": "make an earlier version count again, and recompute the stored deals",
    "recompute": "bring the stored deals to the mapping that counts; also finishes what was interrupted",
    "history": "the versions: who, when, and what changed",
}


def _validate(conn: psycopg.Connection, integration: Integration, options: Namespace) -> int:
    checked = check(_documents(options.file), _portal(conn, integration, options))
    _list(checked.issues)
    if checked.errors:
        return 1
    mapping = checked.compiled.mapping
    say(f"✓ {len(mapping.mapped)} mapped and {len(mapping.formulas)} calculated fields can be used")
    return 0


def _preview(conn: psycopg.Connection, integration: Integration, options: Namespace) -> int:
    with conn.transaction():
        checked = check(_documents(options.file), portal_of(conn, integration, DEALS))
        _list(checked.issues)
        for deal in preview(conn, integration.id, checked.compiled.mapping, options.deals):
            say(f"\ndeal {deal.crm_id}")
            for name, (before, after) in deal.changes.items():
                say(f"  {name}: {_shown(before)} -> {_shown(after)}")
            for name, reason in deal.problems:
                say(f"  ! {name}: {reason}")
    return 1 if checked.errors else 0


def _activate(conn: psycopg.Connection, integration: Integration, options: Namespace) -> int:
    documents = _documents(options.file)
    portal = _portal(conn, integration, options)
    checked = check(documents, portal)
    _list([issue for issue in checked.issues if not issue.is_error])
    with conn.transaction():
        version = save(conn, integration.id, checked, portal, author=whoami(), note=options.note)
        activate(conn, integration.id, version, portal, actor=whoami())
    say(f"✓ version {version} counts")
    return _recompute(conn, integration, options)


def _rollback(conn: psycopg.Connection, integration: Integration, options: Namespace) -> int:
    portal = _portal(conn, integration, options)
    with conn.transaction():
        version = options.version or version_before(conn, integration.id)
        _list(activate(conn, integration.id, version, portal, actor=whoami()).issues)
    say(f"✓ version {version} counts again")
    return _recompute(conn, integration, options)


def _recompute(conn: psycopg.Connection, integration: Integration, _: Namespace) -> int:
    done, has_gaps = recompute_stored(conn, integration, DEALS)
    if done.superseded:
        raise CommandError("another version was activated meanwhile, and its deals are computed there")
    say(f"✓ {done.deals} deals looked at, {done.changed} changed, {done.problems} fields without a sound value")
    if has_gaps:
        say("! some deals never got all of these properties: the next run reads those alone, and recomputes")
    return 0


def _history(conn: psycopg.Connection, integration: Integration, _: Namespace) -> int:
    with conn.transaction():
        versions = version_history(conn, integration.id)
    for row in versions:
        mark = "*" if row.is_active else " "
        say(f"{mark} {row.version}  {row.created_at:%Y-%m-%d %H:%M}Z  {row.author}  {row.note}")
        for document in row.diff.values():
            for name, (before, after) in document.items():
                say(f"      {name}: {_shown(before)} -> {_shown(after)}")
    if not versions:
        say("this company has no mapping yet")
    return 0


_ACTIONS = {
    "validate": _validate,
    "preview": _preview,
    "activate": _activate,
    "rollback": _rollback,
    "recompute": _recompute,
    "history": _history,
}


def _portal(conn: psycopg.Connection, integration: Integration, options: Namespace) -> Portal:
    known = integration if options.stored else fresh_catalogue(conn, integration, DEALS)
    with conn.transaction():
        portal = portal_of(conn, known, DEALS)
    if not portal.catalogue:
        raise CommandError("no properties of this portal are stored yet: run without --stored, or sync it first")
    return portal


def _documents(path: Path) -> Documents:
    try:
        content = exact_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or not content.keys() <= {"property_mappings", "calculated_fields"}:
        raise CommandError(f"{path} has to be an object with property_mappings and calculated_fields, and nothing else")
    return Documents(_text(content, "property_mappings"), _text(content, "calculated_fields"))


def _text(content: dict[str, Any], name: str) -> str:
    # Numbers with a fraction become strings, as the mapping reads them: no float comes near them.
    return json.dumps(content.get(name, {}), default=str)


def _list(issues: Sequence[Issue]) -> None:
    for issue in issues:
        say(f"{'✗' if issue.is_error else '!'} {issue}")


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
