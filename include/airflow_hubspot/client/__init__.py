"""HubSpot over HTTP, without Airflow."""

from airflow_hubspot.client.account import AccountDetails, DailyUsage
from airflow_hubspot.client.client import HubSpotClient
from airflow_hubspot.client.errors import (
    Conflict,
    GivenUp,
    HubSpotError,
    Invalid,
    MissingScopes,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
    UriTooLong,
)
from airflow_hubspot.client.limits import InMemoryLimiter, Limiter, Policy
from airflow_hubspot.client.objects import (
    BatchResult,
    BatchWrite,
    Change,
    Objects,
    Page,
    PastValue,
    Record,
    SearchPage,
    WriteFailure,
)
from airflow_hubspot.client.properties import PropertyDefinition, is_clock_like
from airflow_hubspot.client.search import Filter, SearchQuery
from airflow_hubspot.client.transport import CallSnapshot, StaticToken, TokenSource

__all__ = [
    "AccountDetails",
    "BatchResult",
    "BatchWrite",
    "CallSnapshot",
    "Change",
    "Conflict",
    "DailyUsage",
    "Filter",
    "GivenUp",
    "HubSpotClient",
    "HubSpotError",
    "InMemoryLimiter",
    "Invalid",
    "Limiter",
    "MissingScopes",
    "NotFound",
    "Objects",
    "Page",
    "PastValue",
    "Policy",
    "PropertyDefinition",
    "RateLimited",
    "Record",
    "SearchPage",
    "SearchQuery",
    "StaticToken",
    "TokenSource",
    "Unauthorized",
    "Unavailable",
    "UriTooLong",
    "WriteFailure",
    "is_clock_like",
]
