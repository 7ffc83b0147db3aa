"""The addresses of the pages, each with the company and the deal that have most to show on it."""

from __future__ import annotations

from browser_site import Site

PAGES = {
    "overview": "/hubspot/",
    "company": "/hubspot/companies/acme",
    "company in trouble": "/hubspot/companies/initech",
    "webhooks": "/hubspot/inbox",
    "mapping": "/hubspot/mapping/acme",
    "write-back": "/hubspot/writeback/acme",
    "write-back to approve": "/hubspot/writeback/globex",
    "deal": "/hubspot/deals/acme/{deal}",
}


def address(site: Site, name: str) -> str:
    """Return where a page is; the deal is one whose write-back came upon a conflict."""
    path = PAGES[name]
    return path.format(deal=site.query("SELECT min(crm_id) FROM writeback_problems")[0][0]) if "{" in path else path
