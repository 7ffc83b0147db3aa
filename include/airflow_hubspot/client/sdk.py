"""The official hubspot-api-client on our transport: its paths, parameters and classes, our gate.

Its own networking is replaced for every API class by one injected factory, as it has no default timeout, no rate
limiting, and gives up on POSTs that may be repeated. Answers are taken as bytes: building its model objects costs many
times the parsing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import hubspot
import orjson

from airflow_hubspot.client.limits import Policy
from airflow_hubspot.client.paths import is_repeatable, operation
from airflow_hubspot.client.request import Request, Response
from airflow_hubspot.client.transport import Transport


class GateResponse:
    """An answer in the shape that the library's API classes expect of their networking."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.reason = ""
        self.data: Any = response.body
        self.headers = response.headers

    def getheaders(self) -> Mapping[str, str]:
        """Return all headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return one header."""
        return self.headers.get(name.lower(), default)


class GateRestClient:
    """Takes the place of the library's `RESTClientObject`."""

    def __init__(self, transport: Transport, base_url: str) -> None:
        self._transport = transport
        self._base_url = base_url

    def request(
        self,
        method: str,
        url: str,
        *,
        query_params: Sequence[tuple[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        post_params: Any = None,
        **_: Any,
    ) -> GateResponse:
        """Send a call through the gate; the library's own token, timeout and preloading are left aside."""
        if post_params:
            raise ValueError("form posts are not sent through the CRM gate")
        query = tuple((name, str(value)) for name, value in query_params or ())
        request = _request(method, url.removeprefix(self._base_url), query, body)
        agent = {k: v for k, v in (headers or {}).items() if k == "User-Agent"}
        return GateResponse(self._transport.send(replace(request, headers=agent)))

    def __getattr__(self, method: str) -> Any:
        if not method.isupper():
            raise AttributeError(method)
        return lambda url, **kwargs: self.request(method, url, **kwargs)


class Sdk:
    """The library's client, and calls to the dated paths that it does not know, through the same gate.

    `client` is a `hubspot.HubSpot` whose every API class goes through the gate.
    """

    def __init__(self, transport: Transport, base_url: str) -> None:
        self._transport = transport
        self._rest = GateRestClient(transport, base_url)
        self._base_url = base_url
        # The gate puts the real token on each call; this one never leaves the process.
        self.client = hubspot.HubSpot(access_token="held-by-the-gate", api_factory=self._api)  # noqa: S106

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        read: Callable[[Any], Any] | None = None,
        exact: bool = False,
    ) -> Any:
        """Make a call and return what `read` makes of its parsed JSON, or that itself.

        :param exact: parse numbers as decimals, digit by digit
        :raises UnreadableAnswer: when `read` does not find the shape that it expects, also after retries.
        :raises HubSpotError: another subclass when HubSpot refuses or stays away.
        """
        return self.answer(method, path, query=query, body=body, read=read, exact=exact).value

    def answer(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        read: Callable[[Any], Any] | None = None,
        exact: bool = False,
        check: Callable[[], None] | None = None,
    ) -> Response:
        """Make a call and return its answer with status and headers.

        :param check: run right before the request is sent; what it raises prevents that
        :raises HubSpotError: as `call` does.
        """
        return self._transport.send(
            replace(_request(method, path, tuple(query), body), read=read, exact=exact, check=check)
        )

    def _api(self, package: Any, name: str, config: Mapping[str, Any]) -> Any:
        configuration = package.Configuration(host=self._base_url)
        configuration.access_token = config.get("access_token")
        return getattr(package, name)(api_client=self._gated(package.ApiClient(configuration=configuration)))

    def _gated(self, api_client: Any) -> Any:
        api_client.rest_client = self._rest
        return api_client


def _request(method: str, path: str, query: tuple[tuple[str, str], ...], body: Any) -> Request:
    return Request(
        method=method,
        path=path,
        operation=operation(method, path),
        query=query,
        body=None if body is None else orjson.dumps(body),
        policy=Policy.SEARCH if path.rstrip("/").endswith("/search") else Policy.BURST,
        repeatable=is_repeatable(method, path),
    )
