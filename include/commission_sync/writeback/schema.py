"""Makes sure that a portal has the declared properties, and that they are what they have to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from airflow_hubspot.client import HubSpotClient, Invalid
from commission_sync.gate import PortalCache
from commission_sync.store.catalog import add_to_catalog, known_properties
from commission_sync.store.integrations import Integration
from commission_sync.store.property_use import uses_of_properties
from commission_sync.streams.catalogue import catalogue, described
from commission_sync.streams.deals import DEALS
from commission_sync.writeback.properties import GROUP, GROUP_LABEL, OBJECT_TYPE, Declared, Layout

# HubSpot shows a single checkbox as either.
_TYPES = {"bool": {"bool", "enumeration"}}


class UnfitProperty(Invalid):
    """A property of the portal is not what the write-back needs; nothing was written."""


def allowed_options(conn: psycopg.Connection, integration: Integration, layout: Layout) -> dict[str, set[str]]:
    """Return the values that each property with options takes, by the portal's catalogue as the sync last saw it.

    A property that the portal has not got yet will have the declared ones.
    """
    known = known_properties(conn, integration.id, OBJECT_TYPE, list(layout.by_name))
    return {
        name: _options(known[name]) if name in known else {value for value, _ in declared.options}
        for name, declared in layout.by_name.items()
        if declared.options
    }


def ensure_properties(
    client: HubSpotClient, conn: psycopg.Connection, integration: Integration, layout: Layout
) -> None:
    """Create the properties that are missing and check the others; costs no call when the catalogue has them all.

    :raises UnfitProperty: when one cannot be written, has another type, or is not the write-back's own
    """
    with conn.transaction():
        require_own(conn, integration, layout)
    known = _known(conn, integration, layout)
    missing = {name: declared for name, declared in layout.by_name.items() if name not in known}
    if missing:
        _create(client, conn, integration, missing)
        known = _known(conn, integration, layout)
    if missing.keys() - known.keys():
        # Somebody else had created them since the catalogue was read.
        cache = PortalCache(conn, client, integration.id)
        catalogue(client, conn, integration, OBJECT_TYPE, cache, goes_on=False)
        known = _known(conn, integration, layout)
    for name, declared in layout.by_name.items():
        if (problem := _problem(declared, known.get(name))) is not None:
            raise UnfitProperty(
                f"the deal property {name} of company {integration.company_id!r} {problem}",
                hint="correct it in HubSpot, or give the write-back another name for it in "
                "crm_integrations.writeback_settings",
            )


def require_own(conn: psycopg.Connection, integration: Integration, layout: Layout) -> None:
    """Prove that no property of the layout is somebody else's, or one that commissions are worked out from.

    :raises UnfitProperty: naming the property and what it is used for
    """
    read = [*(field.property_name for field in DEALS.fields), *DEALS.pay_properties, DEALS.created_property]
    uses = uses_of_properties(conn, integration.id, list(layout.by_name), read)
    for name, use in uses.items():
        raise UnfitProperty(
            f"commissions of company {integration.company_id!r} cannot be written into the deal property {name}: "
            f"it {use}",
            hint="give the write-back a property of its own in crm_integrations.writeback_settings; nothing was "
            "written",
        )


def _known(conn: psycopg.Connection, integration: Integration, layout: Layout) -> dict[str, dict[str, Any]]:
    with conn.transaction():
        return known_properties(conn, integration.id, OBJECT_TYPE, list(layout.by_name))


def _create(
    client: HubSpotClient, conn: psycopg.Connection, integration: Integration, missing: Mapping[str, Declared]
) -> None:
    client.properties.create_group(OBJECT_TYPE, GROUP, GROUP_LABEL)
    definitions = [declared.definition(name) for name, declared in missing.items()]
    created = client.properties.batch_create(OBJECT_TYPE, definitions)
    with conn.transaction():
        add_to_catalog(conn, integration.id, OBJECT_TYPE, described(created))


def _problem(declared: Declared, found: Mapping[str, Any] | None) -> str | None:
    if found is None:
        return "is not there, although HubSpot said that it was created"
    if found["read_only"] or found["calculated"]:
        return "is read-only"
    if found["type"] not in _TYPES.get(declared.type, {declared.type}):
        return f"is of type {found['type']}, but has to be {declared.type}"
    if declared.options and not _options(found) & {value for value, _ in declared.options}:
        return f"has none of the options {', '.join(value for value, _ in declared.options)}"
    return None


def _options(found: Mapping[str, Any]) -> set[str]:
    return {str(option["value"]) for option in found["options"]}
