"""Installing the app: the way to HubSpot's page, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from airflow.sdk.exceptions import AirflowFailException
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from airflow_hubspot.client import HubSpotError
from commission_sync.oauth.consent import ConsentRefused
from commission_sync.oauth.installation import CALLBACK, START, Installation
from commission_sync.operators.database import commissions_connection
from commission_sync.operators.portal import OAUTH_APP, PortalHook, keyring, pages
from commission_sync.store.onboarding import PortalMismatch
from commission_sync.web.access import MayAdminister
from commission_sync.web.messages import PRIVATE, message

router = APIRouter()

Company = Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
WriteBack = Literal["off", "dry_run", "approval", "on"]


def _installation() -> Iterator[Installation]:
    address = pages()
    if "://" not in address:
        raise AirflowFailException(
            "Airflow does not know its own address, to which HubSpot sends people back; "
            "set AIRFLOW__API__BASE_URL to it, such as https://airflow.example.com"
        )
    hook = PortalHook(OAUTH_APP)
    endpoint = hook.token_endpoint()
    with commissions_connection() as conn:
        yield Installation(
            conn=conn,
            keyring=keyring(),
            endpoint=endpoint,
            client_for=hook.client_for,
            conn_id=OAUTH_APP,
            pages=address,
        )


def _flags(
    *,
    line_items: bool = True,
    activities: bool = True,
    history: bool = True,
    fx: bool = True,
    webhooks: bool = True,
    writeback: WriteBack = "dry_run",
) -> dict[str, bool | str]:
    """Read the features of a company that is new from the query."""
    return {
        "line_items": line_items,
        "activities": activities,
        "history": history,
        "fx": fx,
        "webhooks": webhooks,
        "writeback": writeback,
    }


ForInstallation = Annotated[Installation, Depends(_installation)]


@router.get(START)
def start(
    company: Company,
    person: MayAdminister,
    installation: ForInstallation,
    flags: Annotated[dict[str, bool | str], Depends(_flags)],
) -> RedirectResponse:
    """Send the person to HubSpot's page, with the scopes that the company's features need."""
    url = installation.begin(company, user=person.id, flags=flags)
    return RedirectResponse(url, 302, headers=PRIVATE)


@router.get(CALLBACK)
def callback(
    request: Request, person: MayAdminister, installation: ForInstallation, state: str = "", code: str = ""
) -> HTMLResponse:
    """Take what HubSpot sends back, and say what became of it."""
    if not code:
        return message(request, 400, "Not connected", "HubSpot sent no consent back; nothing was changed.")
    try:
        done = installation.complete(state=state, code=code, user=person.id)
    except (ConsentRefused, PortalMismatch) as refused:
        return message(request, 400, "Not connected", str(refused))
    except HubSpotError as failed:
        return message(request, 502, "Not connected", str(failed))
    word = "connected" if done.is_new else "authorized again"
    said = f"Company {done.company} is {word}: portal {done.portal_id}."
    if done.lacking:
        said += f" Not granted, so these features will not work: {', '.join(done.lacking)}."
    return message(request, 200, "Connected", said)
