"""The health view: the pages that Airflow shows in its navigation."""

from __future__ import annotations

from fastapi import APIRouter

from commission_sync.web.pages import companies, company, deals, inbox, mapping, overview, writeback

# Those with a company in their path come before the choice of one.
PAGES: tuple[APIRouter, ...] = (
    overview.router,
    company.router,
    deals.router,
    inbox.router,
    mapping.router,
    writeback.router,
    companies.router,
)
