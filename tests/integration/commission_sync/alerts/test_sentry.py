"""An error that is logged reaches a Sentry over real HTTP, without the secrets in it."""

import gzip
import logging
import subprocess
import sys

from commission_sync.alerts.sentry import report_errors
from commission_sync.settings import Settings

REPORTER = """
import logging
from commission_sync.alerts.sentry import report_errors
from commission_sync.settings import load_settings

assert report_errors(load_settings())
local_secret = "only-in-a-variable"
try:
    raise ValueError("refused Bearer pat-na1-very-secret by app-secret")
except ValueError:
    logging.getLogger("commission_sync.streams").exception("sync failed company=acme")
import sentry_sdk
sentry_sdk.flush(5)
"""


def test_an_error_is_reported_without_secrets(httpserver, monkeypatch):
    httpserver.expect_request("/api/1/envelope/").respond_with_data("{}")
    monkeypatch.setenv("SENTRY_DSN", f"http://public@127.0.0.1:{httpserver.port}/1")
    monkeypatch.setenv("HUBSPOT_CLIENT_SECRET", "app-secret")
    subprocess.run([sys.executable, "-c", REPORTER], check=True, timeout=60)
    sent = "".join(
        (gzip.decompress(r.data) if r.headers.get("Content-Encoding") == "gzip" else r.data).decode()
        for r, _ in httpserver.log
    )
    assert "sync failed company=acme" in sent
    for secret in ("very-secret", "app-secret", "only-in-a-variable"):
        assert secret not in sent


def test_nothing_is_reported_unless_it_is_asked_for():
    assert not report_errors(Settings(sentry_dsn=""))
    assert logging.getLogger("commission_sync").level == logging.NOTSET
