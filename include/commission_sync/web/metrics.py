"""`GET /hubspot/metrics`, for Prometheus; it names companies, so it asks for a login (a bearer token of Airflow's)."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from commission_sync.health.metrics import prometheus_text
from commission_sync.operators.database import commissions_connection
from commission_sync.settings import load_settings

router = APIRouter()


@router.get("/metrics")
def metrics() -> Response:
    """Return the figures of all active companies."""
    with commissions_connection() as conn:
        return Response(prometheus_text(conn, load_settings()), media_type=CONTENT_TYPE_PLAIN_0_0_4)
