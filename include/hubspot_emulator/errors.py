"""HubSpot's error answers, body for body."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

_TITLES = {
    403: "Forbidden",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
}


@dataclass
class ApiError(Exception):
    """An answer that is not a success; `html` replaces the JSON body."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    html: str | None = None


def error(status: int, message: str, category: str, **more: Any) -> ApiError:
    """Return an error in HubSpot's general shape."""
    body = {"status": "error", "message": message, "correlationId": str(uuid4()), "category": category, **more}
    return ApiError(status, body)


def invalid(message: str, **more: Any) -> ApiError:
    """Return a 400."""
    return error(400, message, "VALIDATION_ERROR", **more)


def not_found(message: str = "resource not found") -> ApiError:
    """Return a 404."""
    return error(404, message, "OBJECT_NOT_FOUND")


def invalid_property(name: str, code: str, message: str, portal_id: int) -> ApiError:
    """Return the 400 of a property value that HubSpot does not accept, with its JSON inside the message."""
    inner = [
        {
            "isValid": False,
            "message": message,
            "error": code,
            "name": name,
            "localizedErrorMessage": message,
            "portalId": portal_id,
        }
    ]
    return invalid(
        f"Property values were not valid: {json.dumps(inner, ensure_ascii=False)}",
        errors=[{"message": message, "code": code, "context": {"propertyName": [name]}}],
    )


def no_credentials() -> ApiError:
    """Return the 401 of a call without a token."""
    return error(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def expired(ago: str, at: str) -> ApiError:
    """Return the 401 of an expired token; a malformed one expired in 1970."""
    message = f"The OAuth token used to make this call expired {ago} ago."
    return error(401, message, "EXPIRED_AUTHENTICATION", context={"expire time": [at]})


def missing_scopes(scopes: tuple[str, ...]) -> ApiError:
    """Return the 403 of a token that may not do this."""
    return error(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        "https://developers.hubspot.com/scopes.",
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def rate_limited(policy: str, retry_after: float | None = None, portal_id: int = 0) -> ApiError:
    """Return the 429 of a limit: SECONDLY (search), TEN_SECONDLY_ROLLING or DAILY, each with its own extra field."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid4()),
        "policyName": policy,
    }
    if policy == "TEN_SECONDLY_ROLLING":
        body["groupName"] = f"publicapi:private_app-api-calls-ten-secondly:{portal_id}:1"
    if policy == "DAILY":
        body["requestId"] = str(uuid4())
    return ApiError(429, body, {} if retry_after is None else {"Retry-After": _seconds(retry_after)})


def _seconds(value: float) -> str:
    return str(round(value, 3)).removesuffix(".0")


def uri_too_long() -> ApiError:
    """Return the 414 of the edge, which is no JSON."""
    return ApiError(414, html="<html> <head><title>414 Request-URI Too Large</title></head> <body></body> </html>")


def gateway(status: int) -> ApiError:
    """Return an error of the edge, which is no JSON either."""
    title = f"{status} {_TITLES.get(status, 'Error')}"
    return ApiError(
        status, html=f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body></html>"
    )
