"""The nightly check of a mapping, which finds what changed in HubSpot before a deal needs it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from airflow_hubspot.client import HubSpotClient
from commission_sync.gate import PortalCache
from commission_sync.mapping.issues import Issue
from commission_sync.mapping.recompute import recompute
from commission_sync.store.integrations import Integration
from commission_sync.streams.catalogue import catalogue
from commission_sync.streams.deals import DEALS
from commission_sync.streams.mapped import Preparation, load_mapping
from commission_sync.streams.portal import verified
from commission_sync.streams.report import Report


def check_mapping(client: HubSpotClient, conn: psycopg.Connection, integration: Integration) -> Sequence[Issue]:
    """Hold a company's mapping to the properties of now (one call), record and return what is wrong with it.

    Deals that never got a property which the mapping needs are filled, and a recomputation that was interrupted is
    finished.
    """
    cache = PortalCache(conn, client, integration.id)
    known = verified(client, conn, integration, cache)
    properties = catalogue(client, conn, known, DEALS.object_type, cache, goes_on=False)
    preparation = Preparation(client, conn, known, DEALS, properties.clock_like, Report(known.company_id, DEALS.name))
    mapping = preparation.mapping()
    if preparation.fill_gaps(mapping):
        recompute(conn, known.id, mapping)
    return load_mapping(conn, known, DEALS).issues
