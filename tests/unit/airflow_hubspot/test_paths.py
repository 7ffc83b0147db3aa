"""The path table is HubSpot's own: held to its official clients and, where they are at hand, to its documents."""

import ast
import importlib.util
import json
import re
import warnings
from pathlib import Path

import pytest

from airflow_hubspot.client.paths import RESOURCES, template

METHODS = {
    "objects": ("GET",),
    "search": ("POST",),
    "object": ("GET",),
    "batch_read": ("POST",),
    "batch_update": ("POST",),
    "batch_upsert": ("POST",),
    "associations": ("POST",),
    "splits": ("POST",),
    "properties": ("GET",),
    "properties_batch_create": ("POST",),
    "property_groups": ("GET", "POST"),
    "owners": ("GET",),
    "pipelines": ("GET",),
    "webhook_settings": ("GET", "PUT"),
    "webhook_subscriptions": ("GET", "POST"),
    "webhook_subscription": ("PATCH",),
    "account": ("GET",),
    "daily_usage": ("GET",),
    "oauth_token": ("POST",),
    "exchange_rates": ("GET",),
    "token_info": ("POST",),
}
# What a source does not have, each with the reason; all else has to be there.
ABSENT_FROM_THE_NUMBERED_CLIENT = {
    "account": "hubspot-api-client 12 has no account API",
    "daily_usage": "hubspot-api-client 12 has no account API",
    "exchange_rates": "hubspot-api-client 12 has no currencies API",
    "oauth_token": "hubspot-api-client 12 knows the old endpoint of v1 only",
    "token_info": "served by HubSpot for private apps, in no library and no document",
}
ABSENT_FROM_THE_DATED_CLIENT = {
    "token_info": "served by HubSpot for private apps, in no library and no document",
}
ABSENT_FROM_THE_DOCUMENTS = {
    ("token_info", "v3"): "served by HubSpot for private apps, in no library and no document",
    ("token_info", "2026-03"): "as above",
    ("token_info", "2026-09"): "as above",
    ("splits", "v3"): "the document writes /crm/objects/v3/…; HubSpot's own client, which works, /crm/v3/objects/…",
}
DOCUMENTS = Path(__file__).parents[4] / "shared" / "hubspot-openapi"


def unnamed(path):
    """Return a path without the names of its parameters, and with type ids as the parameters that they stand for."""
    path = re.sub(r"(?<=/)(0-3|line_items)(?=/|$)", "{}", path.rstrip("/"))
    return re.sub(r"\{[^}]*\}", "{}", path)


def package_sources(name):
    folder = Path(importlib.util.find_spec(name).origin).parent
    texts = [text for source in folder.rglob("*.py") if '"/' in (text := source.read_text())]
    with warnings.catch_warnings(action="ignore"):
        return [ast.parse(text) for text in texts]


def called_with(tree, resource_at, method_at):
    """Return the methods and paths of all calls in a module whose arguments at two places are both strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ((m, p) for p in resource_at(node) for m in method_at(node))


def strings(nodes):
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.fixture(scope="module")
def numbered_client():
    """Every method and path of hubspot-api-client: `call_api("/crm/v3/…", "GET", …)`."""

    def resource(node):
        return [s for s in strings(node.args[:1]) if s.startswith("/")]

    return {
        (method, unnamed(path))
        for tree in package_sources("hubspot")
        for method, path in called_with(tree, resource, lambda node: strings(node.args[1:2]))
    }


@pytest.fixture(scope="module")
def dated_client():
    """Every method and path of hubspot-sdk: `self._get("/crm/…")`, or with `path_template("/crm/…/{id}", …)`."""

    def resource(node):
        first = node.args[0] if node.args else None
        return strings(first.args[:1] if isinstance(first, ast.Call) else [first])

    def verb(node):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return {"_get": ["GET"], "_get_api_list": ["GET"]}.get(name, [name[1:].upper()] if name[:1] == "_" else [])

    return {
        (method, unnamed(path))
        for tree in package_sources("hubspot_sdk")
        for method, path in called_with(tree, resource, verb)
        if path.startswith("/")
    }


@pytest.fixture(scope="module")
def documents():
    if not DOCUMENTS.is_dir():
        pytest.skip(f"HubSpot's published documents are not at {DOCUMENTS}")
    return {
        (method.upper(), unnamed(path))
        for document in DOCUMENTS.rglob("*.json")
        for path, operations in json.loads(document.read_text())["paths"].items()
        for method in operations
    }


def wanted(version):
    return {r: {(m, unnamed(template(r, version))) for m in METHODS[r]} for r in RESOURCES}


def test_every_resource_is_looked_up():
    assert set(METHODS) == set(RESOURCES)


def test_every_numbered_path_is_that_of_the_official_client(numbered_client):
    absent = {r for r, calls in wanted("v3").items() if not calls <= numbered_client}
    assert absent == set(ABSENT_FROM_THE_NUMBERED_CLIENT)


def test_every_dated_path_is_that_of_the_official_client(dated_client):
    absent = {r for r, calls in wanted("2026-03").items() if not calls <= dated_client}
    assert absent == set(ABSENT_FROM_THE_DATED_CLIENT)


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_every_path_is_in_the_published_documents(documents, version):
    absent = {(r, version) for r, calls in wanted(version).items() if not calls <= documents}
    assert absent == {known for known in ABSENT_FROM_THE_DOCUMENTS if known[1] == version}


def test_the_release_of_september_2026_moved_the_webhooks_of_apps():
    assert template("webhook_settings", "2026-03") == "/webhooks/2026-03/{app}/settings"
    assert template("webhook_settings", "2026-09") == "/app-webhooks/2026-09/{app}/settings"
    assert template("webhook_subscriptions", "2027-03-beta") == "/app-webhooks/2027-03-beta/{app}/subscriptions"
