"""A browser's login goes along whoever asks it to, so a change is refused unless it was asked for by our own pages."""

import pytest
from fastapi import HTTPException
from starlette.requests import Request

from commission_sync.web.access import refuse_other_sites


def asked(method="POST", **headers):
    raw = [
        (name.replace("_", "-").encode(), value.encode()) for name, value in {"host": "airflow:8080", **headers}.items()
    ]
    refuse_other_sites(Request({"type": "http", "method": method, "path": "/", "headers": raw}))


@pytest.mark.parametrize(
    "headers",
    [
        {"hx_request": "true"},
        {"content_type": "application/json; charset=utf-8"},
        {"hx_request": "true", "origin": "http://airflow:8080", "sec_fetch_site": "same-origin"},
    ],
)
def test_our_own_pages_and_programs_are_let_through(headers):
    asked(**headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"hx_request": "true", "origin": "https://evil.example"}, 403),
        ({"hx_request": "true", "origin": "null"}, 403),
        ({"hx_request": "true", "sec_fetch_site": "cross-site"}, 403),
        ({"content_type": "application/json", "sec_fetch_site": "same-site"}, 403),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "text/plain"}, 415),
        ({}, 415),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_a_foreign_site_can_ask_for_is_refused(method, headers, status):
    with pytest.raises(HTTPException) as refused:
        asked(method, **headers)
    assert refused.value.status_code == status


def test_reading_is_not_asked_where_it_comes_from():
    asked("GET", origin="https://evil.example")
