"""Says so when a portal's e-mails land without their bodies, which HubSpot keeps from tokens without a scope."""

from __future__ import annotations

import logging

from commission_sync.streams.step import StepContext

SCOPE = "sales-email-read"

_log = logging.getLogger(__name__)

_LANDED = """
SELECT count(*) FILTER (WHERE with_body), count(*) FROM (
    SELECT coalesce(content ->> 'hs_email_html', content ->> 'hs_email_text', '') <> '' AS with_body
    FROM deal_activities WHERE integration_id = %s AND type = 'email' AND archived_at IS NULL LIMIT 1000
) emails
"""


def tell_of_missing_bodies(context: StepContext) -> None:
    """Warn when no e-mail has a body and the token lacks the scope; only then HubSpot is asked for the scopes."""
    with context.conn.transaction():
        row = context.conn.execute(_LANDED, (context.target.integration.id,)).fetchone()
    with_body, landed = row or (0, 0)
    if with_body or not landed:
        return
    scopes = context.client.account.token_scopes()
    if scopes is None or SCOPE not in scopes:
        _log.warning(
            "email bodies missing company=%s emails=%s next=%s",
            context.target.integration.company_id,
            landed,
            f'"grant the scope {SCOPE} in HubSpot; then run hubspot_activities with mode full to fill them in"',
        )
