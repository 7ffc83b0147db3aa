"""The web application as people of Airflow's roles see it, in this process: the real app over a real database.

Only the login is Airflow's no more: who asks is said by the test, and what they may do by Airflow's own auth manager.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient

from commission_sync.web.app import create_app

ORIGIN = "http://airflow.example.com"


class Pages:
    """Makes a client for a role: `pages("viewer")`."""

    def __init__(self) -> None:
        self.app = create_app()

    def __call__(self, role: str, name: str = "ana") -> TestClient:
        self.app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username=name, role=role)
        headers = {"Origin": ORIGIN, "Accept": "text/html", "HX-Request": "true"}
        return TestClient(self.app, base_url=ORIGIN, headers=headers, follow_redirects=False)


@contextmanager
def pages_over(dsn: str, monkeypatch, **connections: str) -> Iterator[Pages]:  # type: ignore[no-untyped-def]
    """Serve the pages of the companies in a database, with these connections of Airflow's."""
    for name, value in {"commissions_db": dsn, **connections}.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", value)
    create_auth_manager()
    yield Pages()
