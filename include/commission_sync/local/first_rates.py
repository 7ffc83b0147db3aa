"""The first exchange rates of a local run, fetched before the deals that need them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from commission_sync.fx import sample_file
from commission_sync.local.console import Terminal
from commission_sync.local.environment import Environment
from commission_sync.local.standalone import Standalone

DAG = "fx_rates"
PARSE_SECONDS = 120.0
# Where the source cannot be reached, the task's own retries go on while the deals land.
RATES_SECONDS = 180.0
POLL_SECONDS = 1.0

CONVERTED = """
SELECT i.company_id, i.base_currency, count(d.amount_base),
       count(*) FILTER (WHERE d.fx_waiting IS NOT NULL),
       coalesce(string_agg(DISTINCT d.currency, ', ') FILTER (WHERE d.fx_waiting IS NOT NULL), '')
  FROM crm_integrations i JOIN deals d ON d.integration_id = i.id
 WHERE i.company_id = ANY(%s)
 GROUP BY i.id ORDER BY i.company_id
"""


def sample_rates(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that lets the sample data use a sample of the ECB's rates, which needs no network.

    Empty when the user has chosen another source.
    """
    chosen = variables.get("EXCHANGE_RATE_SOURCE") or "ecb"
    return {"EXCHANGE_RATE_URL": sample_file().as_uri()} if chosen == "ecb" else {}


@dataclass(frozen=True)
class FirstRates:
    """A run of the rates' DAG in an Airflow that was just started."""

    terminal: Terminal
    environment: Environment
    airflow: Standalone

    def complete(self) -> bool:
        """Run the DAG and say whether it succeeded; the deals do not wait for a source that stays away.

        :raises LocalError: Airflow ends or does not know the DAG.
        """
        api = self.airflow.api
        with self.terminal.step("Exchange rates") as detail:
            api.wait_for_dag(DAG, seconds=PARSE_SECONDS)
            run_id = api.run_now(DAG, {}, since=self.airflow.started)
            deadline = time.monotonic() + RATES_SECONDS
            while (state := api.run_state(DAG, run_id)) not in ("success", "failed") and time.monotonic() < deadline:
                self.airflow.check()
                time.sleep(POLL_SECONDS)
            detail.append(self._stored())
        if state != "success":
            self.terminal.say(f"✗ The exchange rates are not there yet ({state}): {self._error()}")
        return state == "success"

    def tell(self, companies: Sequence[str]) -> None:
        """Say what was converted, and what waits for a rate."""
        for company, base, converted, waiting, currencies in self._rows(CONVERTED, list(companies)):
            waits = f"; {waiting:,} wait for a rate ({currencies})" if waiting else ""
            self.terminal.say(f"  {company}: {converted:,} amounts in {base}{waits}")

    def _stored(self) -> str:
        ((rates, newest),) = self._rows("SELECT count(*), max(rate_date) FROM fx_rates")
        return f"{rates:,} stored, the newest of {newest}" if rates else "none"

    def _error(self) -> str:
        found = self._rows("SELECT error FROM fx_fetches WHERE error IS NOT NULL ORDER BY started_at DESC LIMIT 1")
        return str(found[0][0]) if found else f"see .airflow/logs/dag_id={DAG}"

    def _rows(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.environment.commissions_dsn) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()
