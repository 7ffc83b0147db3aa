"""`GET /hubspot/health`, for load balancers and monitoring: no login, so no names; with one, the reasons."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import psycopg
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import get_user
from airflow.sdk.exceptions import AirflowFailException
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from commission_sync.health.report import CachedReport
from commission_sync.operators.database import commissions_dsn
from commission_sync.settings import load_settings
from commission_sync.store import DatabaseUnavailable, connect

router = APIRouter()
_bearer = HTTPBearer(auto_error=False)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _somebody(request: Request, credentials: Credentials) -> BaseUser | None:
    """Return who asks, None for anybody; a login that has expired is nobody's."""
    try:
        return await get_user(request, None, credentials)
    except HTTPException:
        return None


@lru_cache(maxsize=1)
def _kept() -> CachedReport:
    return CachedReport(load_settings(), _open)


def _open() -> psycopg.Connection:
    try:
        return connect(commissions_dsn())
    except AirflowFailException as error:
        raise DatabaseUnavailable(str(error)) from None


@router.get("/health")
def health(user: Annotated[BaseUser | None, Depends(_somebody)]) -> JSONResponse:
    """Answer 200 when every company is well, else 503."""
    report = _kept().current()
    body = report.public() if user is None else report.detailed()
    return JSONResponse(body, 200 if report.healthy else 503, headers={"Cache-Control": "no-store"})
