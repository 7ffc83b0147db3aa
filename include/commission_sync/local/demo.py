"""`make demo`: a HubSpot, a PostgreSQL and an Airflow on this machine, and a sync through all of them."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from commission_sync.local import session
from commission_sync.local.console import Terminal
from commission_sync.local.emulator import EmulatedHubSpot
from commission_sync.local.environment import WEBHOOK_SECRET, Environment
from commission_sync.local.first_rates import FirstRates, sample_rates
from commission_sync.local.first_run import PARSE_SECONDS, FirstRun
from commission_sync.local.standalone import Standalone
from commission_sync.local.tenants import SAMPLES, Tenant, enlist, real_tenant, retire_samples

WEBHOOKS_DAG = "hubspot_webhooks"
EPILOG = """
With HUBSPOT_ACCESS_TOKEN set (in the environment or .env), that portal is synced in place of the emulated
one; COMPANY names it (default: my-company).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit code: 0 when every company's deals landed."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__, epilog=EPILOG)
    once = os.environ.get("ONCE", "") not in ("", "0")
    parser.add_argument("--once", action="store_true", default=once, help="end after the first sync (or ONCE=1)")
    parser.add_argument(
        "--timeout", type=float, default=3600.0, metavar="SECONDS", help="how long the sync may take (3600)"
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the calling process dies")
    options = parser.parse_args(arguments)

    def body(terminal: Terminal, stack: ExitStack) -> int:
        return _demo(terminal, stack, once=options.once, timeout=options.timeout)

    return session.run(body, exit_with_parent=options.exit_with_parent)


def _demo(terminal: Terminal, stack: ExitStack, *, once: bool, timeout: float) -> int:
    environment = session.start_databases(terminal, stack)
    own = real_tenant(environment.variables)
    if own is None:
        environment = environment.with_defaults(sample_rates(environment.variables))
    tenants: Sequence[Tenant] = (own,) if own else SAMPLES
    hubspot = None if own else _emulate(terminal, stack, environment)
    if own:
        retire_samples(environment.commissions_dsn)
    enlist(environment.commissions_dsn, tenants)
    airflow = session.start_airflow(terminal, stack, environment)
    environment = airflow.environment
    if hubspot:
        for tenant in tenants:
            airflow.api.put_connection(tenant.conn_id, tenant.connection(hubspot.url))
    companies = [tenant.company for tenant in tenants]
    rates = FirstRates(terminal, environment, airflow)
    fetched = rates.complete()
    complete = FirstRun(terminal, environment, airflow, companies).complete(seconds=timeout) and fetched
    rates.tell(companies)
    if once:
        return 0 if complete else 1
    if hubspot:
        _wire(terminal, environment, airflow, hubspot)
    return session.stay(terminal, environment, airflow)


def _wire(terminal: Terminal, environment: Environment, airflow: Standalone, hubspot: EmulatedHubSpot) -> None:
    with terminal.step("Webhooks of the emulator into Airflow"):
        airflow.api.wait_for_dag(WEBHOOKS_DAG, seconds=PARSE_SECONDS)
        airflow.api.unpause(WEBHOOKS_DAG)
        # By the address that the emulator calls, unless the environment says that there is another one.
        url = environment.variables.get("HUBSPOT_WEBHOOK_URL") or f"{environment.api_url}/hubspot/webhooks"
        hubspot.send_webhooks(url, environment.variables[WEBHOOK_SECRET].partition(",")[0])


def _emulate(terminal: Terminal, stack: ExitStack, environment: Environment) -> EmulatedHubSpot:
    deals = " / ".join(f"{sample.company} {sample.sample_deals:,}" for sample in SAMPLES)
    with terminal.step(f"HubSpot emulator ({deals} deals)") as detail:
        hubspot = stack.enter_context(EmulatedHubSpot(environment, SAMPLES))
        hubspot.wait_until_ready()
        detail.append(hubspot.url)
    return hubspot


if __name__ == "__main__":
    sys.exit(main())
