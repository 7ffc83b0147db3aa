"""The paths that HubSpot answers, numbered and dated, and what each needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hubspot_emulator import associations, money, objects, search, settings, splits, writes
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import not_found
from hubspot_emulator.kinds import kind_of

Handler = Callable[[Call], Answer]
# From what the path says to scopes of which one is needed.
Need = Callable[[Mapping[str, str]], tuple[str, ...]]
Method = tuple[Handler, tuple[Need, ...]]

_DATES = r"(?P<version>v3|2025-09|2026-03|2026-09)"


def _of(parameter: str, right: str) -> Need:
    """Need what the object type in the path declares."""
    return lambda values: getattr(kind_of(values[parameter]), right)


def _any(*scopes: str) -> Need:
    return lambda _: scopes


READ, WRITE = (_of("type", "read"),), (_of("type", "write"),)
SCHEMA_READ, SCHEMA_WRITE = (_of("type", "schema_read"),), (_of("type", "schema_write"),)
LINK_READ = (_of("type", "read"), _of("to", "read"))
LINK_WRITE = (_of("type", "write"), _of("to", "write"))
SPLITS = (_any("crm.dealsplits.read_write"),)
RATES_READ = (_any("multi_currency.read", "settings.currencies.read", "settings.currencies.write"),)
RATES_WRITE = (_any("settings.currencies.write"),)
OWNERS, ACCOUNT = (_any("crm.objects.owners.read"),), (_any("oauth"),)


@dataclass(frozen=True)
class Route:
    """A path template, and per method the handler and what it needs; `about` is what its path leaves unsaid."""

    name: str
    pattern: re.Pattern[str]
    methods: Mapping[str, Method]
    about: Mapping[str, str] = field(default_factory=dict)


def _route(name: str, template: str, *, number: str = "v3", **methods: Method) -> Route:
    """Compile `{area}/{rest}`: `/crm/v3/{area}/...` and `/crm/{area}/2026-03/...` are the same resource."""
    area, _, rest = template.partition("/")
    rest = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", rest)
    tail = f"/{rest}" if rest else ""
    numbered = f"/crm/{number}/{area}{tail}"
    dated = f"/crm/{area}/{_DATES}{tail}"
    # A name can stand only once in a pattern, so the numbered form's names are marked.
    marked = numbered.replace("(?P<", "(?P<n_")
    return Route(name, re.compile(f"(?:{marked}|{dated})/?"), methods)


def _plain(name: str, pattern: str, about: Mapping[str, str] | None = None, **methods: Method) -> Route:
    return Route(name, re.compile(f"{pattern}/?"), methods, about or {})


# The numbered path names the object type; the dated one is a resource of its own.
_SPLITS = "(?:/crm/v3/objects/(?P<type>deals|0-3)/splits|/deal-splits/(?P<version>2025-09|2026-03|2026-09))"
_OF_DEALS = {"type": "deals"}
OBJECTS = (
    _route("search", "objects/{type}/search", POST=(search.search, READ)),
    _route("batch.read", "objects/{type}/batch/read", POST=(objects.batch_read, READ)),
    _route("batch.create", "objects/{type}/batch/create", POST=(writes.batch_create, WRITE)),
    _route("batch.update", "objects/{type}/batch/update", POST=(writes.batch_update, WRITE)),
    _route("batch.upsert", "objects/{type}/batch/upsert", POST=(writes.batch_upsert, WRITE)),
    _route("batch.archive", "objects/{type}/batch/archive", POST=(writes.batch_archive, WRITE)),
    _plain("splits.read", f"{_SPLITS}/batch/read", _OF_DEALS, POST=(splits.batch_read, SPLITS)),
    _plain("splits.upsert", f"{_SPLITS}/batch/upsert", _OF_DEALS, POST=(splits.batch_upsert, SPLITS)),
    _route("merge", "objects/{type}/merge", POST=(writes.merge, WRITE)),
    _route("list", "objects/{type}", GET=(objects.list_page, READ), POST=(writes.create, WRITE)),
    _route(
        "record",
        "objects/{type}/{id}",
        GET=(objects.get, READ),
        PATCH=(writes.update, WRITE),
        DELETE=(writes.archive, WRITE),
    ),
)

_LINKS, _LINKS_OF_ONE = "associations/{type}/{to}", "objects/{type}/{id}/associations"
ASSOCIATIONS = (
    _route("links.read", f"{_LINKS}/batch/read", number="v4", POST=(associations.batch_read, LINK_READ)),
    _route("links.create", f"{_LINKS}/batch/create", number="v4", POST=(associations.batch_create, LINK_WRITE)),
    _route("links.archive", f"{_LINKS}/batch/archive", number="v4", POST=(associations.batch_archive, LINK_WRITE)),
    _route(
        "links.default",
        f"{_LINKS}/batch/associate/default",
        number="v4",
        POST=(associations.batch_create_default, LINK_WRITE),
    ),
    _route(
        "links.unlabel", f"{_LINKS}/batch/labels/archive", number="v4", POST=(associations.batch_unlabel, LINK_WRITE)
    ),
    _route(
        "labels",
        f"{_LINKS}/labels",
        number="v4",
        GET=(associations.list_labels, LINK_READ),
        POST=(associations.create_label, LINK_WRITE),
    ),
    _route("links.of", f"{_LINKS_OF_ONE}/{{to}}", number="v4", GET=(associations.read, LINK_READ)),
    _route(
        "link.default",
        f"{_LINKS_OF_ONE}/default/{{to}}/{{to_id}}",
        number="v4",
        PUT=(associations.put_default, LINK_WRITE),
    ),
    _route(
        "link",
        f"{_LINKS_OF_ONE}/{{to}}/{{to_id}}",
        number="v4",
        PUT=(associations.put, LINK_WRITE),
        DELETE=(associations.delete, LINK_WRITE),
    ),
)

SETTINGS = (
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
    _route("owners", "owners", GET=(settings.list_owners, OWNERS)),
    _route("owner", "owners/{id}", GET=(settings.get_owner, OWNERS)),
    _route("pipelines", "pipelines/{type}", GET=(settings.list_pipelines, SCHEMA_READ)),
    _route("pipeline", "pipelines/{type}/{id}", GET=(settings.get_pipeline, SCHEMA_READ)),
    _plain("account", f"/account-info/{_DATES}/details", GET=(settings.account, ACCOUNT)),
    _plain("usage", f"/account-info/{_DATES}/api-usage/daily/private-apps", GET=(settings.daily_usage, ACCOUNT)),
    _plain("token", "/oauth/v2/private-apps/get/access-token-info", POST=(settings.token_info, ())),
)

_CURRENCIES = rf"/settings/(?:v3/currencies|currencies/{_DATES})"
CURRENCIES = (
    _plain("currency.codes", f"{_CURRENCIES}/codes", GET=(money.codes, RATES_READ)),
    _plain("currency.company", f"{_CURRENCIES}/company-currency", GET=(money.company_currency, RATES_READ)),
    _plain("rates.current", f"{_CURRENCIES}/exchange-rates/current", GET=(money.current_rates, RATES_READ)),
    _plain(
        "rates",
        f"{_CURRENCIES}/exchange-rates",
        GET=(money.list_rates, RATES_READ),
        POST=(money.create_rate, RATES_WRITE),
    ),
    _plain("rate", rf"{_CURRENCIES}/exchange-rates/(?P<id>\d+)", GET=(money.get_rate, RATES_READ)),
)

ROUTES = (*OBJECTS, *ASSOCIATIONS, *SETTINGS, *CURRENCIES)


@dataclass(frozen=True)
class Found:
    """A resource and what its path says; of each of `scopes` one is needed."""

    name: str
    handler: Handler
    scopes: tuple[tuple[str, ...], ...]
    parameters: dict[str, str]
    version: str

    @property
    def guards(self) -> tuple[tuple[str, ...], ...]:
        """The scopes that guard a part of what the object type has."""
        return (
            tuple((scope,) for scope in kind_of(self.parameters["type"]).guarded) if "type" in self.parameters else ()
        )

    @property
    def operation(self) -> str:
        """What the call is counted as."""
        kinds = [kind_of(self.parameters[name]).name for name in ("type", "to") if name in self.parameters]
        return ".".join([*kinds, self.name])


def find(method: str, path: str) -> Found:
    """Return the resource of a path.

    :raises ApiError: 404 for a path or a method that there is not, 400 for another object type
    """
    for route in ROUTES:
        matched = route.pattern.fullmatch(path)
        if matched is None or method not in route.methods:
            continue
        said = {k.removeprefix("n_"): v for k, v in matched.groupdict().items() if v is not None}
        values = {**route.about, **said}
        version = values.pop("version", "v3")
        handler, needs = route.methods[method]
        return Found(route.name, handler, tuple(need(values) for need in needs), values, version)
    raise not_found()
