"""What a task needs to know of the portal that it worked on: where its records are seen, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_hubspot.client import HubSpotClient

# HubSpot, "Object type IDs"; custom objects are named by theirs.
_TYPE_IDS = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "products": "0-7",
    "line_items": "0-8",
    "tasks": "0-27",
    "notes": "0-46",
    "meetings": "0-47",
    "calls": "0-48",
    "emails": "0-49",
}


@dataclass(frozen=True)
class Portal:
    """A portal's number and the host of its pages."""

    portal_id: int
    ui_domain: str

    @classmethod
    def of(cls, client: HubSpotClient) -> Portal:
        """Ask HubSpot (one call) whose token the client has."""
        account = client.account.details()
        return cls(account.portal_id, str(account.raw.get("uiDomain") or "app.hubspot.com"))

    @property
    def namespace(self) -> str:
        """The portal's name in lineage."""
        return f"hubspot://{self.portal_id}"

    def records_url(self, object_type: str) -> str:
        """Return the page that lists an object type's records."""
        type_id = _TYPE_IDS.get(object_type.lower(), object_type)
        return f"https://{self.ui_domain}/contacts/{self.portal_id}/objects/{type_id}/views/all/list"
