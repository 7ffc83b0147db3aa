"""HubSpot over HTTP, without Airflow."""

from airflow_hubspot.client.account import AccountDetails, DailyUsage
from airflow_hubspot.client.client import HubSpotClient
from airflow_hubspot.client.errors import (
    Blocked,
    CircuitOpen,
    Conflict,
    GivenUp,
    HubSpotError,
    Invalid,
    MissingScopes,
    NeedsAuthorization,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
    UnreadableAnswer,
    UriTooLong,
    WrongApp,
    postponement,
)
from airflow_hubspot.client.limits import InMemoryLimiter, Lane, Limiter, Permit, Policy, told
from airflow_hubspot.client.oauth import OAuthApp, TokenGrant
from airflow_hubspot.client.objects import Objects
from airflow_hubspot.client.properties import PropertyDefinition, is_clock_like
from airflow_hubspot.client.records import (
    BatchResult,
    BatchWrite,
    Change,
    Page,
    PastValue,
    Record,
    SearchPage,
    WriteFailure,
)
from airflow_hubspot.client.search import Filter, SearchQuery
from airflow_hubspot.client.stats import CallSnapshot
from airflow_hubspot.client.token_endpoint import TokenEndpoint
from airflow_hubspot.client.tokens import StaticToken, TokenSource

__all__ = [
    "AccountDetails",
    "BatchResult",
    "BatchWrite",
    "Blocked",
    "CallSnapshot",
    "Change",
    "CircuitOpen",
    "Conflict",
    "DailyUsage",
    "Filter",
    "GivenUp",
    "HubSpotClient",
    "HubSpotError",
    "InMemoryLimiter",
    "Invalid",
    "Lane",
    "Limiter",
    "MissingScopes",
    "NeedsAuthorization",
    "NotFound",
    "OAuthApp",
    "Objects",
    "Page",
    "PastValue",
    "Permit",
    "Policy",
    "PropertyDefinition",
    "RateLimited",
    "Record",
    "SearchPage",
    "SearchQuery",
    "StaticToken",
    "TokenEndpoint",
    "TokenGrant",
    "TokenSource",
    "Unauthorized",
    "Unavailable",
    "UnreadableAnswer",
    "UriTooLong",
    "WriteFailure",
    "WrongApp",
    "is_clock_like",
    "postponement",
    "told",
]
