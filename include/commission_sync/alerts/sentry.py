"""Reports errors to Sentry when `SENTRY_DSN` is set, without secrets.

Airflow's own Sentry setting cannot be used: it hands `before_send` on as a string, so nothing would be scrubbed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from commission_sync.alerts.scrub import scrubbed
from commission_sync.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


def report_errors(settings: Settings) -> bool:
    """Report what this process logs as an error from now on; return False when no `SENTRY_DSN` is set.

    Local variables and request bodies, which hold customers' data, are never sent.
    """
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return False
    import sentry_sdk  # noqa: PLC0415 - every Airflow process comes by here, few of them report

    secrets = settings.secrets()
    sentry_sdk.init(
        dsn=dsn,
        include_local_variables=False,
        send_default_pii=False,
        max_request_body_size="never",
        before_send=partial(_before_send, secrets),
        before_breadcrumb=partial(_before_breadcrumb, secrets),
    )
    return True


def _before_send(secrets: tuple[str, ...], event: Event, _hint: Hint) -> Event:
    kept: Event = scrubbed(event, secrets)
    return kept


def _before_breadcrumb(secrets: tuple[str, ...], crumb: dict[str, Any], _hint: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = scrubbed(crumb, secrets)
    return kept
