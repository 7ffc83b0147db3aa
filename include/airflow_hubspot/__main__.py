"""`python -m airflow_hubspot versions`: which versions of HubSpot's API are used, and until when they are supported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime

from airflow_hubspot.client.client import API_VERSION
from airflow_hubspot.client.paths import NUMBERED, OAUTH_V1, checked_version
from airflow_hubspot.client.versions import Support, in_use


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the versions in use; return 1 when the support of one has ended, or the connection cannot be used."""
    options = _parser().parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        found = in_use(*_versions(options.conn_id, options.api_version, options.oauth_version))
    except ValueError as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    sys.stdout.write(_table(found, today))
    return 1 if any(support.days_left(today) < 0 for support in found) else 0


def _versions(conn_id: str | None, api_version: str, oauth_version: str | None) -> tuple[str, str | None]:
    if conn_id is None:
        return checked_version(api_version), oauth_version
    # Airflow is slow to import, and only needed to look a connection up.
    from airflow.sdk.exceptions import AirflowFailException  # noqa: PLC0415

    from airflow_hubspot.hooks.hubspot import HubSpotHook  # noqa: PLC0415

    try:
        return HubSpotHook(conn_id).versions()
    except AirflowFailException as error:
        raise ValueError(str(error)) from None


def _table(found: Sequence[Support], today: date) -> str:
    lines = [f"{'version':<10} {'supported until':<16} {'days left':>9}  used for"]
    for support in found:
        line = f"{support.version:<10} {support.ends!s:<16} {support.days_left(today):>9}  "
        lines.append(line + ", ".join(support.resources))
    lines += [f"! {warning}" for support in found if (warning := support.warning(today))]
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_hubspot", description=__doc__)
    versions = parser.add_subparsers(dest="do", required=True).add_parser("versions", help=__doc__)
    versions.add_argument("--conn-id", help="an Airflow connection whose versions to show")
    versions.add_argument("--api-version", default=API_VERSION, help=f"or {NUMBERED} (default: %(default)s)")
    versions.add_argument("--oauth-version", help=f"the token endpoint's, such as {OAUTH_V1}, where OAuth is used")
    return parser


if __name__ == "__main__":
    sys.exit(main())
