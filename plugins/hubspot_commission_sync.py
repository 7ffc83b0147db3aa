"""Puts the product's pages into Airflow, below /hubspot."""

from airflow.plugins_manager import AirflowPlugin

from commission_sync.web import PagesOnDemand


class HubSpotCommissionSync(AirflowPlugin):
    """Everything is in `commission_sync.web`."""

    name = "hubspot_commission_sync"
    fastapi_apps = [{"app": PagesOnDemand(), "url_prefix": "/hubspot", "name": "HubSpot commission sync"}]  # noqa: RUF012
