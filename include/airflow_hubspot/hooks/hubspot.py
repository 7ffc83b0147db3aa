"""The hook: an Airflow connection of type `hubspot` becomes a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from airflow_hubspot.client import HubSpotClient, HubSpotError, InMemoryLimiter, Limiter
from airflow_hubspot.client.client import API_VERSION, BASE_URL
from airflow_hubspot.client.inspection import inspect
from airflow_hubspot.client.paths import checked_version

CONN_TYPE = "hubspot"

# Makes a budget from the connection's own limits, calls in ten seconds and searches in one; None: as HubSpot allows.
MakeLimiter = Callable[[int | None, int | None], Limiter]


def own_limiter(burst: int | None, search: int | None) -> Limiter:
    """Return a budget that is shared with nobody outside this process."""
    return InMemoryLimiter(burst or 100, search or 5)


class HubSpotHook(BaseHook):
    """Reaches one HubSpot portal.

    :param hubspot_conn_id: a connection of type `hubspot`: `password` is the access token of a private app or a service
        key, `host` an optional base URL, and the extras `api_version`, `timeout_seconds`, `burst_limit` and
        `search_limit` override what HubSpot usually allows
    :param limiter: makes the budget that calls are taken from; by default one of this process's own
    :param time_zone: the portal's, in which HubSpot's days end
    """

    conn_name_attr = "hubspot_conn_id"
    default_conn_name = "hubspot_default"
    conn_type = CONN_TYPE
    hook_name = "HubSpot"

    def __init__(
        self,
        hubspot_conn_id: str = default_conn_name,
        *,
        limiter: MakeLimiter = own_limiter,
        time_zone: str | None = None,
    ) -> None:
        super().__init__()
        self.hubspot_conn_id = hubspot_conn_id
        self._limiter = limiter
        self._time_zone = time_zone

    def get_conn(self) -> HubSpotClient:
        """Return a client for the portal; use it as a context manager, or close it.

        :raises AirflowFailException: when the connection is missing or cannot be one to HubSpot.
        """
        try:
            connection = self.get_connection(self.hubspot_conn_id)
        except AirflowNotFoundException:
            raise self._unusable("it does not exist; add one of type hubspot") from None
        if not connection.password:
            raise self._unusable("it has no access token; put it into the connection's password")
        extras = connection.extra_dejson
        try:
            return HubSpotClient(
                token=connection.password,
                base_url=_base_url(connection),
                api_version=checked_version(str(extras.get("api_version") or API_VERSION)),
                timeout_seconds=_positive(extras, "timeout_seconds", 30.0),
                limiter=self._limiter(_limit(extras, "burst_limit"), _limit(extras, "search_limit")),
                time_zone=self._time_zone,
            )
        except ValueError as error:
            raise self._unusable(str(error)) from None

    def test_connection(self) -> tuple[bool, str]:
        """Tell what the token opens: portal, limits, and scopes that are missing; Airflow's Test button shows it."""
        try:
            with self.get_conn() as client:
                found = inspect(client)
        except (AirflowFailException, HubSpotError) as error:
            return False, str(error)
        return found.is_sufficient, found.describe()

    def _unusable(self, why: str) -> AirflowFailException:
        return AirflowFailException(f"connection {self.hubspot_conn_id!r} cannot be used: {why}")


def _base_url(connection: Any) -> str:
    host = connection.host or BASE_URL
    if "://" not in host:
        scheme = connection.schema if connection.schema in {"http", "https"} else "https"
        host = f"{scheme}://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _limit(extras: dict[str, Any], name: str) -> int | None:
    return int(_positive(extras, name, 0.0)) or None


def _positive(extras: dict[str, Any], name: str, otherwise: float) -> float:
    value = extras.get(name)
    if value in {None, ""}:
        return otherwise
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if number <= 0:
        raise ValueError(f"extra {name}={value!r} is not a number above 0")
    return number
