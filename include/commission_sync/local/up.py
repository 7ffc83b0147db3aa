"""`make up`: Airflow and PostgreSQL on this machine for your own HubSpot, without sample data."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from commission_sync.local import session
from commission_sync.local.console import Terminal
from commission_sync.local.tenants import enlist, real_tenant, retire_samples


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold everything up until somebody ends it; return the exit code."""
    parser = argparse.ArgumentParser(prog="make up", description=__doc__)
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the calling process dies")
    options = parser.parse_args(arguments)
    return session.run(_up, exit_with_parent=options.exit_with_parent)


def _up(terminal: Terminal, stack: ExitStack) -> int:
    environment = session.start_databases(terminal, stack)
    retire_samples(environment.commissions_dsn)
    own = real_tenant(environment.variables)
    if own:
        enlist(environment.commissions_dsn, [own])
    airflow = session.start_airflow(terminal, stack, environment)
    return session.stay(terminal, airflow.environment, airflow)


if __name__ == "__main__":
    sys.exit(main())
