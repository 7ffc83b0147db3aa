"""`python -m commission_sync.webhooks subscriptions`: the app's webhooks, compared with what the features need."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from airflow_hubspot.client import HubSpotError
from airflow_hubspot.client.client import API_VERSION
from airflow_hubspot.client.subscriptions import AppWebhooks
from commission_sync.settings import InvalidSetting, Settings, load_settings
from commission_sync.store import DatabaseUnavailable, connect
from commission_sync.webhooks.subscriptions import Comparison, compare, create, needed

_DATABASE = "AIRFLOW_CONN_COMMISSIONS_DB"


def main(arguments: Sequence[str] | None = None) -> int:
    """Show, or create, and return 0 when nothing that is needed is missing."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        app = _app(settings, options.api_version)
        with _database() as conn:
            wanted = needed(conn)
        found = compare(wanted, app.subscriptions())
        if options.do == "create":
            create(app, found)
            if settings.hubspot_webhook_url:
                app.set_target_url(settings.hubspot_webhook_url)
            found = compare(wanted, app.subscriptions())
        target = app.target_url()
    except (ValueError, HubSpotError, DatabaseUnavailable, InvalidSetting) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 2
    sys.stdout.write(_report(found, target, settings.hubspot_webhook_url))
    return 0 if found.is_complete and target == (settings.hubspot_webhook_url or target) else 1


def _app(settings: Settings, api_version: str) -> AppWebhooks:
    key = settings.hubspot_developer_api_key.get_secret_value()
    if settings.hubspot_app_id is None or not key:
        raise ValueError(
            "HUBSPOT_APP_ID and HUBSPOT_DEVELOPER_API_KEY are needed: both are in the developer account that owns the "
            "app. A private app's webhooks are set up in HubSpot's pages, those of a project app in its own file "
            "(docs/webhooks.md)"
        )
    return AppWebhooks(settings.hubspot_app_id, key, base_url=settings.hubspot_base_url, api_version=api_version)


@contextmanager
def _database() -> Iterator[psycopg.Connection | None]:
    dsn = os.environ.get(_DATABASE)
    if not dsn:
        sys.stderr.write(f"! {_DATABASE} is not set, so this is about what all features of all companies need\n")
        yield None
        return
    with connect(dsn) as conn:
        yield conn


def _report(found: Comparison, target: str | None, wanted_target: str | None) -> str:
    lines = [f"target   {target or 'not set'}"]
    if wanted_target and target != wanted_target:
        lines.append(f"missing  target {wanted_target} (HUBSPOT_WEBHOOK_URL)")
    topics = {
        "present": [one.topic for one in found.present],
        "off": [one.topic for one in found.inactive],
        "missing": found.missing,
        "unneeded": [one.topic for one in found.unneeded],
    }
    lines += [f"{name:<8} {topic}" for name, some in topics.items() for topic in some]
    lines.append(", ".join(f"{len(some)} {name}" for name, some in topics.items()))
    if not found.is_complete:
        lines.append("next: python -m commission_sync.webhooks subscriptions create")
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commission_sync.webhooks", description=__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser("subscriptions", help=__doc__)
    command.add_argument("do", nargs="?", choices=("show", "create"), default="show", help="default: %(default)s")
    command.add_argument("--api-version", default=API_VERSION, help="or v3 (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
