"""What Airflow learns about this provider when it looks up its entry point."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description in the shape that Airflow's providers manager reads."""
    return {
        "package-name": "hubspot-commission-sync",
        "name": "HubSpot",
        "description": "HubSpot CRM hook and operators.",
        "versions": ["0.1.0"],
    }
