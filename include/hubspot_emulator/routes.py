"""The paths that HubSpot answers, numbered and dated, and what each needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hubspot_emulator import objects, search, settings, writes
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import invalid, not_found

Handler = Callable[[Call], Answer]

READ = ("crm.objects.deals.read",)
WRITE = ("crm.objects.deals.write",)
SCHEMA_READ = ("crm.schemas.deals.read", "crm.objects.deals.read")
SCHEMA_WRITE = ("crm.schemas.deals.write",)
DEAL_NAMES = {"deals", "deal", "0-3"}
_DATES = r"(?P<version>v3|2025-09|2026-03|2026-09)"


@dataclass(frozen=True)
class Route:
    """A path template, and per method the handler and the scopes of which one is needed."""

    name: str
    pattern: re.Pattern[str]
    methods: dict[str, tuple[Handler, tuple[str, ...]]]


def _route(name: str, template: str, **methods: tuple[Handler, tuple[str, ...]]) -> Route:
    """Compile `{area}/{rest}`: `/crm/v3/{area}/...` and `/crm/{area}/2026-03/...` are the same resource."""
    area, _, rest = template.partition("/")
    rest = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", rest)
    tail = f"/{rest}" if rest else ""
    numbered = f"/crm/v3/{area}{tail}"
    dated = f"/crm/{area}/{_DATES}{tail}"
    # A name can stand only once in a pattern, so the numbered form's names are marked.
    marked = numbered.replace("(?P<", "(?P<n_")
    return Route(name, re.compile(f"(?:{marked}|{dated})/?"), methods)


def _plain(name: str, pattern: str, **methods: tuple[Handler, tuple[str, ...]]) -> Route:
    return Route(name, re.compile(f"{pattern}/?"), methods)


ROUTES = (
    _route("search", "objects/{type}/search", POST=(search.search, READ)),
    _route("batch.read", "objects/{type}/batch/read", POST=(objects.batch_read, READ)),
    _route("batch.create", "objects/{type}/batch/create", POST=(writes.batch_create, WRITE)),
    _route("batch.update", "objects/{type}/batch/update", POST=(writes.batch_update, WRITE)),
    _route("batch.upsert", "objects/{type}/batch/upsert", POST=(writes.batch_upsert, WRITE)),
    _route("batch.archive", "objects/{type}/batch/archive", POST=(writes.batch_archive, WRITE)),
    _route("merge", "objects/{type}/merge", POST=(writes.merge, WRITE)),
    _route("list", "objects/{type}", GET=(objects.list_page, READ), POST=(writes.create, WRITE)),
    _route(
        "record",
        "objects/{type}/{id}",
        GET=(objects.get, READ),
        PATCH=(writes.update, WRITE),
        DELETE=(writes.archive, WRITE),
    ),
    _route(
        "property.groups",
        "properties/{type}/groups",
        GET=(settings.list_groups, SCHEMA_READ),
        POST=(settings.create_group, SCHEMA_WRITE),
    ),
    _route(
        "properties.batch.create",
        "properties/{type}/batch/create",
        POST=(settings.batch_create_properties, SCHEMA_WRITE),
    ),
    _route(
        "properties",
        "properties/{type}",
        GET=(settings.list_properties, SCHEMA_READ),
        POST=(settings.create_property, SCHEMA_WRITE),
    ),
    _route(
        "property",
        "properties/{type}/{name}",
        GET=(settings.get_property, SCHEMA_READ),
        PATCH=(settings.update_property, SCHEMA_WRITE),
        DELETE=(settings.archive_property, SCHEMA_WRITE),
    ),
    _route("owners", "owners", GET=(settings.list_owners, ("crm.objects.owners.read",))),
    _route("owner", "owners/{id}", GET=(settings.get_owner, ("crm.objects.owners.read",))),
    _route("pipelines", "pipelines/{type}", GET=(settings.list_pipelines, SCHEMA_READ)),
    _route("pipeline", "pipelines/{type}/{id}", GET=(settings.get_pipeline, SCHEMA_READ)),
    _plain("account", f"/account-info/{_DATES}/details", GET=(settings.account, ("oauth",))),
    _plain("usage", f"/account-info/{_DATES}/api-usage/daily/private-apps", GET=(settings.daily_usage, ("oauth",))),
    _plain("token", "/oauth/v2/private-apps/get/access-token-info", POST=(settings.token_info, ())),
)


@dataclass(frozen=True)
class Found:
    """A resource and what its path says."""

    name: str
    handler: Handler
    scopes: tuple[str, ...]
    parameters: dict[str, str]
    version: str


def find(method: str, path: str) -> Found:
    """Return the resource of a path.

    :raises ApiError: 404 for a path or a method that there is not, 400 for another object type
    """
    for route in ROUTES:
        matched = route.pattern.fullmatch(path)
        if matched is None or method not in route.methods:
            continue
        values = {k.removeprefix("n_"): v for k, v in matched.groupdict().items() if v is not None}
        version = values.pop("version", "v3")
        if "type" in values and values["type"].lower() not in DEAL_NAMES:
            raise invalid(f"Unable to infer object type from: {values['type']}")
        handler, scopes = route.methods[method]
        return Found(route.name, handler, scopes, values, version)
    raise not_found()
