"""Our pages and endpoints inside Airflow, below `/hubspot`; built when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class PagesOnDemand:
    """Stands in for the web application until somebody opens it.

    Airflow imports plugins in every process, each task's too; only the one that serves pages pays for FastAPI.
    """

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if self._app is None:
            from commission_sync.web.app import create_app  # noqa: PLC0415 - the point of this class

            self._app = create_app()
        await self._app(scope, receive, send)
