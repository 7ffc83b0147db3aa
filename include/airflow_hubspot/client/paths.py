"""Where each resource lives: HubSpot's dated paths, and the numbered ones that they replace.

Sources: HubSpot's published OpenAPI documents, and its API changelog, "date-based versioning": v4 loses support on
2027-03-30, v1 to v3 in September 2027. A test compares every entry with HubSpot's two official client libraries and,
where they are at hand, with the documents.
"""

from __future__ import annotations

import re

NUMBERED = "v3"
# The old token endpoint; no other resource is asked for in this version.
OAUTH_V1 = "v1"
_DATED = re.compile(r"20\d{2}-(03|09)(-beta)?")

_TEMPLATES = {
    "objects": ("/crm/objects/{version}/{type}", "/crm/v3/objects/{type}"),
    "search": ("/crm/objects/{version}/{type}/search", "/crm/v3/objects/{type}/search"),
    "object": ("/crm/objects/{version}/{type}/{id}", "/crm/v3/objects/{type}/{id}"),
    "batch_read": ("/crm/objects/{version}/{type}/batch/read", "/crm/v3/objects/{type}/batch/read"),
    "batch_update": ("/crm/objects/{version}/{type}/batch/update", "/crm/v3/objects/{type}/batch/update"),
    "batch_upsert": ("/crm/objects/{version}/{type}/batch/upsert", "/crm/v3/objects/{type}/batch/upsert"),
    "associations": (
        "/crm/associations/{version}/{type}/{to}/batch/read",
        "/crm/v4/associations/{type}/{to}/batch/read",
    ),
    "splits": ("/deal-splits/{version}/batch/read", "/crm/v3/objects/deals/splits/batch/read"),
    "properties": ("/crm/properties/{version}/{type}", "/crm/v3/properties/{type}"),
    "properties_batch_create": (
        "/crm/properties/{version}/{type}/batch/create",
        "/crm/v3/properties/{type}/batch/create",
    ),
    "property_groups": ("/crm/properties/{version}/{type}/groups", "/crm/v3/properties/{type}/groups"),
    "owners": ("/crm/owners/{version}", "/crm/v3/owners"),
    "pipelines": ("/crm/pipelines/{version}/{type}", "/crm/v3/pipelines/{type}"),
    "webhook_settings": ("/webhooks/{version}/{app}/settings", "/webhooks/v3/{app}/settings"),
    "webhook_subscriptions": ("/webhooks/{version}/{app}/subscriptions", "/webhooks/v3/{app}/subscriptions"),
    "webhook_subscription": ("/webhooks/{version}/{app}/subscriptions/{id}", "/webhooks/v3/{app}/subscriptions/{id}"),
    "account": ("/account-info/{version}/details", "/account-info/v3/details"),
    "daily_usage": (
        "/account-info/{version}/api-usage/daily/private-apps",
        "/account-info/v3/api-usage/daily/private-apps",
    ),
    "oauth_token": ("/oauth/{version}/token", "/oauth/v3/token"),
    "exchange_rates": ("/settings/currencies/{version}/exchange-rates", "/settings/v3/currencies/exchange-rates"),
    "token_info": ("/oauth/v2/private-apps/get/access-token-info", "/oauth/v2/private-apps/get/access-token-info"),
}

# Resources that a dated release moved: the first release that serves them at the new path, and that path.
_MOVED = {
    "webhook_settings": ("2026-09", "/app-webhooks/{version}/{app}/settings"),
    "webhook_subscriptions": ("2026-09", "/app-webhooks/{version}/{app}/subscriptions"),
    "webhook_subscription": ("2026-09", "/app-webhooks/{version}/{app}/subscriptions/{id}"),
}

_REPEATABLE = ("/search", "/batch/read", "/batch/upsert", "/get/access-token-info")
RESOURCES = tuple(_TEMPLATES)


def checked_version(version: str) -> str:
    """Return the version if there can be one like it.

    :raises ValueError: naming what is allowed.
    """
    if version != NUMBERED and not _DATED.fullmatch(version):
        raise ValueError(f"api_version {version!r} is unknown; use a dated one such as 2026-09, or v3")
    return version


def path(resource: str, version: str, **parameters: str) -> str:
    """Return the path of a resource in a version, such as `path("search", "2026-09", type="deals")`."""
    return template(resource, version).format(**parameters)


def template(resource: str, version: str) -> str:
    """Return the path of a resource in a version, its parameters still to be filled in."""
    dated, numbered = _TEMPLATES[resource]
    if version == NUMBERED:
        return numbered
    since, moved = _MOVED.get(resource, ("", dated))
    return (moved if version >= since else dated).replace("{version}", version)


def operation(method: str, url_path: str) -> str:
    """Return the name under which a call is counted and spoken of, such as `deals.search`; ids are left out."""
    parts = [
        p
        for p in url_path.split("/")
        if p and p not in {"crm", "objects", NUMBERED, "v2", "v4"} and not _DATED.fullmatch(p)
    ]
    named = [p for p in parts if not p.isdigit()]
    verb = (
        ""
        if len(named) > 1
        else f".{'get' if len(named) < len(parts) else 'list'}"
        if method == "GET"
        else f".{method.lower()}"
    )
    return ".".join(named) + verb


def is_repeatable(method: str, url_path: str) -> bool:
    """Whether making the call twice does the same as once: reads, searches, and upserts by a unique key."""
    return method == "GET" or url_path.rstrip("/").endswith(_REPEATABLE)
