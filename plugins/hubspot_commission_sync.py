"""Puts the product's pages into Airflow, below /hubspot."""

from airflow.plugins_manager import AirflowPlugin

from commission_sync.alerts.sentry import report_errors
from commission_sync.settings import load_settings
from commission_sync.web import PagesOnDemand


class HubSpotCommissionSync(AirflowPlugin):
    """Everything is in `commission_sync.web`."""

    name = "hubspot_commission_sync"
    fastapi_apps = [{"app": PagesOnDemand(), "url_prefix": "/hubspot", "name": "HubSpot commission sync"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "HubSpot sync",
            "href": "/hubspot/",
            "destination": "nav",
            "category": "browse",
            "url_route": "hubspot-sync",
        }
    ]

    @classmethod
    def on_load(cls, *_: object, **__: object) -> None:
        """Let this Airflow process report its errors, if it is told where to."""
        report_errors(load_settings())
