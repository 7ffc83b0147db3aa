"""What Airflow learns about this provider when it looks up its entry point."""

from importlib.metadata import entry_points
from typing import Any

from airflow_hubspot import __version__


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description in the shape that Airflow's providers manager reads."""
    return {
        "package-name": _distribution(),
        "name": "HubSpot",
        "description": "HubSpot CRM: a connection type, a hook, operators, a sensor and a retry policy.",
        "versions": [__version__],
        "hooks": [{"integration-name": "HubSpot", "python-modules": ["airflow_hubspot.hooks.hubspot"]}],
        "operators": [
            {
                "integration-name": "HubSpot",
                "python-modules": [
                    "airflow_hubspot.operators.read_objects",
                    "airflow_hubspot.operators.upsert_objects",
                ],
            }
        ],
        "sensors": [{"integration-name": "HubSpot", "python-modules": ["airflow_hubspot.sensors.search"]}],
        "triggers": [{"integration-name": "HubSpot", "python-modules": ["airflow_hubspot.triggers.search"]}],
        "extra-links": ["airflow_hubspot.links.HubSpotRecordsLink"],
        "connection-types": [_connection_type()],
    }


def _distribution() -> str:
    """Return the name under which this package was installed, as Airflow compares it: it is in two distributions."""
    here = f"{__name__}:{get_provider_info.__name__}"
    found = (point.dist for point in entry_points(group="apache_airflow_provider") if point.value == here)
    return next((dist.name for dist in found if dist), "airflow-hubspot")


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "hubspot",
        "hook-class-name": "airflow_hubspot.hooks.hubspot.HubSpotHook",
        "hook-name": "HubSpot",
        "conn-fields": {
            "api_version": _field("API version", "string", "2026-09", "A dated version, or v3 for the old paths."),
            "oauth_version": _field(
                "Token endpoint's version", "string", None, "Empty: the API version; v1 ends on 2027-02-16."
            ),
            "timeout_seconds": _field("Timeout in seconds", "number", 30, "How long an answer may stay away."),
            "burst_limit": _field(
                "Calls per 10 seconds", "integer", None, "Empty: 100, then what HubSpot's answers say."
            ),
            "search_limit": _field("Searches per second", "integer", None, "Empty: 5, HubSpot's own limit."),
        },
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "extra"],
            "relabeling": {
                "login": "OAuth client id",
                "password": "Access token or client secret",
                "host": "Base URL",
            },
            "placeholders": {
                "login": "empty for an access token",
                "password": "pat-na1-...",
                "host": "https://api.hubapi.com",
                "port": "443",
            },
        },
    }


def _field(label: str, kind: str, default: object, description: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": [kind, "null"], "default": default}}
