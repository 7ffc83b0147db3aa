"""The tokens that open each company's portal: encrypted here, decrypted here, and nowhere else in clear.

Nothing is locked while HubSpot is asked. One worker takes a lease (`refreshing_until`), commits, asks, and stores what
came; a lease that nobody ends runs out by itself. All times are this server's, so that workers' clocks do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from commission_sync.store.keyring import Keyring

# A token that ends sooner than a quarter of its life, five minutes at most, from now is due for another one.
_MARGIN = "make_interval(secs => least(300, coalesce(lifetime_seconds, 1800) / 4.0))"
# One forced refresh serves all workers that were refused; another one so soon would not help any of them.
_FORCED_APART = "interval '1 minute'"


@dataclass(frozen=True)
class Credential:
    """A company's tokens as they are now; seconds are counted from when the row was read.

    `authorized_at` and `refreshes` together name the state that was read. `client_id` is the app that a person agreed
    to; None where that was not kept.
    """

    state: str
    client_id: str | None
    authorized_at: datetime
    refreshes: int
    scopes: list[str]
    seconds_left: float
    margin_seconds: float
    leased_seconds: float
    last_error: str | None
    access_token: str | None = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def is_due(self) -> bool:
        """Whether another access token should be asked for."""
        return self.access_token is None or self.seconds_left <= self.margin_seconds


@dataclass(frozen=True)
class Tokens:
    """What is to be stored."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime_seconds: int


_READ = f"""
SELECT state, client_id, authorized_at, refreshes, scopes, last_error, access_token, refresh_token,
       coalesce(extract(epoch FROM expires_at - clock_timestamp()), 0)::float AS seconds_left,
       extract(epoch FROM {_MARGIN})::float AS margin_seconds,
       greatest(0, coalesce(extract(epoch FROM refreshing_until - clock_timestamp()), 0))::float AS leased_seconds
FROM crm_credentials WHERE integration_id = %s
"""  # noqa: S608 - constants of this module


def read_credential(conn: psycopg.Connection, keyring: Keyring, integration_id: UUID) -> Credential | None:
    """Return a company's tokens; None when it never authorized.

    :raises UnknownKey: when they were encrypted with a key that is not at hand
    """
    with conn.cursor(row_factory=class_row(Credential)) as cursor:
        found = cursor.execute(_READ, (integration_id,)).fetchone()
    if found is None:
        return None
    what = f"the token of integration {integration_id}"
    clear = {
        "access_token": found.access_token and keyring.decrypt(found.access_token, what=what),
        "refresh_token": keyring.decrypt(found.refresh_token, what=what),
    }
    return Credential(**{**vars(found), **clear})


def lease_refresh(conn: psycopg.Connection, integration_id: UUID, refreshes: int, seconds: float) -> bool:
    """Take the lease to refresh a token that is due; False when somebody else has it or has been quicker."""
    taken = conn.execute(
        f"""
        UPDATE crm_credentials SET refreshing_until = clock_timestamp() + make_interval(secs => %s)
        WHERE integration_id = %s AND state = 'valid' AND refreshes = %s
          AND (refreshing_until IS NULL OR refreshing_until <= clock_timestamp())
          AND (access_token IS NULL OR expires_at IS NULL OR expires_at - {_MARGIN} <= clock_timestamp())
        """,  # noqa: S608 - constants of this module
        (seconds, integration_id, refreshes),
    )
    return taken.rowcount == 1


def force_refresh(conn: psycopg.Connection, integration_id: UUID, refreshes: int) -> bool:
    """Make a token that HubSpot refused before its time due now; False when it has been replaced or just was forced."""
    forced = conn.execute(
        f"""
        UPDATE crm_credentials SET expires_at = clock_timestamp(), forced_at = clock_timestamp()
        WHERE integration_id = %s AND state = 'valid' AND refreshes = %s
          AND (forced_at IS NULL OR forced_at < clock_timestamp() - {_FORCED_APART})
        """,  # noqa: S608 - constants of this module
        (integration_id, refreshes),
    )
    return forced.rowcount == 1


def store_refreshed(
    conn: psycopg.Connection, keyring: Keyring, integration_id: UUID, read: Credential, tokens: Tokens
) -> bool:
    """Keep what a refresh brought, the refresh token included, and end the lease.

    False when a person has authorized anew meanwhile: then theirs are the tokens to use.
    """
    stored = conn.execute(
        """
        UPDATE crm_credentials
        SET access_token = %s, refresh_token = %s, lifetime_seconds = %s,
            expires_at = clock_timestamp() + make_interval(secs => %s), refreshing_until = NULL,
            refreshes = refreshes + 1, last_error = NULL, updated_at = now()
        WHERE integration_id = %s AND authorized_at = %s
        """,
        (
            keyring.encrypt(tokens.access_token),
            keyring.encrypt(tokens.refresh_token),
            tokens.lifetime_seconds,
            tokens.lifetime_seconds,
            integration_id,
            read.authorized_at,
        ),
    )
    return stored.rowcount == 1


def postpone_refresh(
    conn: psycopg.Connection, integration_id: UUID, read: Credential, seconds: float, why: str
) -> None:
    """Let nobody ask for a token for so long, as HubSpot would not give one now."""
    conn.execute(
        "UPDATE crm_credentials SET refreshing_until = clock_timestamp() + make_interval(secs => %s), last_error = %s, "
        "updated_at = now() WHERE integration_id = %s AND authorized_at = %s AND refreshes = %s",
        (seconds, why, integration_id, read.authorized_at, read.refreshes),
    )


def mark_needs_authorization(conn: psycopg.Connection, integration_id: UUID, read: Credential, why: str) -> bool:
    """Say that only a person can help; True for the one caller whose word it was, and who is to alert.

    A token that was replaced since it was read proves nothing of the one that is there now.
    """
    marked = conn.execute(
        "UPDATE crm_credentials SET state = 'needs_authorization', refreshing_until = NULL, last_error = %s, "
        "alerted_at = now(), updated_at = now() "
        "WHERE integration_id = %s AND authorized_at = %s AND refreshes = %s AND state = 'valid'",
        (why, integration_id, read.authorized_at, read.refreshes),
    )
    return marked.rowcount == 1


def store_authorized(
    conn: psycopg.Connection,
    keyring: Keyring,
    integration_id: UUID,
    tokens: Tokens,
    *,
    scopes: list[str],
    by: str,
    client_id: str,
) -> None:
    """Keep the tokens that a person's consent to an app brought, in place of any that were there."""
    # The values are given twice rather than taken from `excluded`, which may be read only by those who may read tokens:
    # the pages, where people consent, may not.
    conn.execute(
        """
        INSERT INTO crm_credentials (integration_id, access_token, refresh_token, lifetime_seconds, expires_at, scopes,
                                     authorized_by, client_id)
        VALUES (%(id)s, %(access)s, %(refresh)s, %(life)s, clock_timestamp() + make_interval(secs => %(life)s),
                %(scopes)s, %(by)s, %(client_id)s)
        ON CONFLICT (integration_id) DO UPDATE
        SET access_token = %(access)s, refresh_token = %(refresh)s, lifetime_seconds = %(life)s,
            expires_at = clock_timestamp() + make_interval(secs => %(life)s), scopes = %(scopes)s,
            authorized_by = %(by)s, client_id = %(client_id)s, authorized_at = clock_timestamp(), state = 'valid',
            refreshing_until = NULL, forced_at = NULL, last_error = NULL, alerted_at = NULL, updated_at = now()
        """,
        {
            "id": integration_id,
            "access": keyring.encrypt(tokens.access_token),
            "refresh": keyring.encrypt(tokens.refresh_token),
            "life": tokens.lifetime_seconds,
            "scopes": scopes,
            "by": by,
            "client_id": client_id,
        },
    )


def re_encrypt(conn: psycopg.Connection, keyring: Keyring) -> tuple[int, int]:
    """Encrypt all tokens with the first key; return how many companies were changed, of how many.

    Call it in a transaction: each row is locked, so that a refresh which ends meanwhile is neither lost nor missed.

    :raises UnknownKey: when one was encrypted with a key that is not at hand; nothing is changed then
    """
    rows = conn.execute(
        "SELECT integration_id, refresh_token, access_token FROM crm_credentials ORDER BY integration_id FOR UPDATE"
    ).fetchall()
    changed = 0
    for integration_id, *texts in rows:
        if all(text is None or keyring.is_current(text) for text in texts):
            continue
        what = f"the token of integration {integration_id}"
        refresh_token, access_token = (text and keyring.rotate(text, what=what) for text in texts)
        conn.execute(
            "UPDATE crm_credentials SET refresh_token = %s, access_token = %s WHERE integration_id = %s",
            (refresh_token, access_token, integration_id),
        )
        changed += 1
    return changed, len(rows)


def use_state(conn: psycopg.Connection, nonce: str, *, keep_seconds: float) -> bool:
    """Use up the state of a consent; False when it has been used. Those too old to be accepted again are forgotten."""
    conn.execute("DELETE FROM oauth_states WHERE used_at < now() - make_interval(secs => %s)", (keep_seconds,))
    used = conn.execute("INSERT INTO oauth_states (nonce) VALUES (%s) ON CONFLICT DO NOTHING", (nonce,))
    return used.rowcount == 1
