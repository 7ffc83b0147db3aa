"""The official hubspot-api-client on our transport: its paths, parameters and classes, our gate.

Its own networking is replaced for every API class by one injected factory, as it has no default timeout, no rate
limiting, and gives up on POSTs that may be repeated. Answers are taken as bytes: building its model objects costs many
times the parsing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hubspot
import orjson
from hubspot.crm.deals import ApiClient, Configuration

from airflow_hubspot.client.limits import Policy
from airflow_hubspot.client.paths import is_repeatable, operation
from airflow_hubspot.client.transport import Request, Response, Transport


class GateResponse:
    """An answer in the shape that the library's API classes expect of their networking."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.reason = ""
        self.data: Any = response.body
        self.headers = response.headers
        self.document = response.document

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
        path = url.removeprefix(self._base_url)
        request = Request(
            method=method,
            path=path,
            operation=operation(method, path),
            query=tuple((name, str(value)) for name, value in query_params or ()),
            body=None if body is None else orjson.dumps(body),
            policy=Policy.SEARCH if path.rstrip("/").endswith("/search") else Policy.BURST,
            repeatable=is_repeatable(method, path),
            headers={k: v for k, v in (headers or {}).items() if k == "User-Agent"},
        )
        return GateResponse(self._transport.send(request))

    def __getattr__(self, method: str) -> Any:
        if not method.isupper():
            raise AttributeError(method)
        return lambda url, **kwargs: self.request(method, url, **kwargs)


class Sdk:
    """The library's client, and its bare `call_api` for the dated paths that it does not know.

    `client` is a `hubspot.HubSpot` whose every API class goes through the gate.
    """

    def __init__(self, transport: Transport, base_url: str) -> None:
        self._rest = GateRestClient(transport, base_url)
        self._base_url = base_url
        # The gate puts the real token on each call; this one never leaves the process.
        self.client = hubspot.HubSpot(access_token="held-by-the-gate", api_factory=self._api)  # noqa: S106
        self._caller = self._gated(ApiClient(Configuration(host=base_url)))

    def call(
        self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: Mapping[str, Any] | None = None
    ) -> Any:
        """Make a call and return its parsed JSON.

        :raises HubSpotError: when HubSpot refuses or stays away.
        """
        return self.answer(method, path, query=query, body=body).document

    def body(self, method: str, path: str, *, query: Sequence[tuple[str, str]] = ()) -> bytes:
        """Make a call and return what it answered, byte by byte, for numbers that must keep their digits.

        :raises HubSpotError: when HubSpot refuses or stays away.
        """
        return bytes(self.answer(method, path, query=query).data)

    def answer(
        self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: Mapping[str, Any] | None = None
    ) -> GateResponse:
        """Make a call and return its answer with status and headers.

        :raises HubSpotError: when HubSpot refuses or stays away.
        """
        answer: GateResponse = self._caller.call_api(
            path, method, query_params=list(query), body=body, _preload_content=False
        )
        return answer

    def _api(self, package: Any, name: str, config: Mapping[str, Any]) -> Any:
        configuration = package.Configuration(host=self._base_url)
        configuration.access_token = config.get("access_token")
        return getattr(package, name)(api_client=self._gated(package.ApiClient(configuration=configuration)))

    def _gated(self, api_client: Any) -> Any:
        api_client.rest_client = self._rest
        return api_client
