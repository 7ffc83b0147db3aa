"""The health view: the pages that Airflow shows in its navigation."""

from __future__ import annotations

from fastapi import APIRouter

from commission_sync.web.pages import companies

# Those with a company in their path come before the choice of one.
PAGES: tuple[APIRouter, ...] = (companies.router,)
