"""An app's webhooks, as its developer sets them up: where they go, and what they tell of.

Source: HubSpot, "Webhooks API". It is served to a developer's key, not to a portal's token, and has no part in a
portal's budget, so it is not behind the gate of `transport.py`. Apps of HubSpot's newer developer platform declare
their webhooks in a file of their project instead, and private apps in HubSpot's pages: those are not served here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import urllib3

from airflow_hubspot.client.errors import NotFound, Unavailable, error_from_response
from airflow_hubspot.client.paths import checked_version, path

_ANSWER_SECONDS = 30.0


class Topic(NamedTuple):
    """What a subscription is about: `deal.creation`; `deal.propertyChange` of a property; `object.*` of a type id."""

    event_type: str
    property_name: str | None = None
    object_type_id: str | None = None

    def __str__(self) -> str:
        about = [part for part in (self.property_name, self.object_type_id) if part]
        return f"{self.event_type} {' '.join(about)}".strip()


@dataclass(frozen=True)
class Subscription:
    """A subscription that the app has."""

    id: str
    topic: Topic
    active: bool


class AppWebhooks:
    """The webhooks of one app.

    :param developer_key: the API key of the developer account that owns the app
    """

    def __init__(self, app_id: int, developer_key: str, *, base_url: str, api_version: str) -> None:
        self._app_id = str(app_id)
        self._key = developer_key
        self._base_url = base_url.rstrip("/")
        self._version = checked_version(api_version)
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=_ANSWER_SECONDS))

    def target_url(self) -> str | None:
        """Return where webhooks go; None when that was never set."""
        try:
            return str(self._call("GET", "webhook_settings")["targetUrl"])
        except NotFound:
            return None

    def set_target_url(self, url: str, *, at_once: int = 10) -> None:
        """Say where webhooks go, and how many requests HubSpot may make at once."""
        self._call("PUT", "webhook_settings", {"targetUrl": url, "throttling": {"maxConcurrentRequests": at_once}})

    def subscriptions(self) -> list[Subscription]:
        """Return all subscriptions."""
        return [_subscription(one) for one in self._call("GET", "webhook_subscriptions")["results"]]

    def subscribe(self, topic: Topic) -> Subscription:
        """Add an active subscription."""
        about = {"propertyName": topic.property_name, "objectTypeId": topic.object_type_id}
        wanted = {"eventType": topic.event_type, "active": True, **{k: v for k, v in about.items() if v}}
        return _subscription(self._call("POST", "webhook_subscriptions", wanted))

    def activate(self, subscription: Subscription) -> None:
        """Switch on a subscription that is off."""
        self._call("PATCH", "webhook_subscription", {"active": True}, id=subscription.id)

    def _call(self, method: str, resource: str, body: dict[str, Any] | None = None, **parameters: str) -> Any:
        url = f"{self._base_url}{path(resource, self._version, app=self._app_id, **parameters)}"
        try:
            answer = self._pool.request(
                method,
                # The key is part of the address, as HubSpot wants it; so the address goes into no message.
                f"{url}?hapikey={self._key}",
                body=None if body is None else orjson.dumps(body),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(f"HubSpot did not answer about the app's webhooks: {type(error).__name__}") from None
        if answer.status >= 300:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            operation = f"{method} of the webhooks of app {self._app_id}"
            raise error_from_response(answer.status, headers, answer.data, operation=operation)
        return orjson.loads(answer.data)


def _subscription(raw: dict[str, Any]) -> Subscription:
    topic = Topic(raw["eventType"], raw.get("propertyName") or None, raw.get("objectTypeId") or None)
    return Subscription(str(raw["id"]), topic, bool(raw.get("active")))
