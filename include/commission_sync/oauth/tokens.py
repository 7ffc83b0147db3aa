"""A company's access token, kept fresh by whichever worker first finds it due."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import psycopg
import tenacity

from airflow_hubspot.client import (
    HubSpotError,
    NeedsAuthorization,
    TokenEndpoint,
    TokenGrant,
    Unauthorized,
    Unavailable,
    WrongApp,
)
from airflow_hubspot.client.errors import LONGEST_HELD_SECONDS
from commission_sync.store import DatabaseUnavailable
from commission_sync.store.credentials import (
    Credential,
    Tokens,
    force_refresh,
    lease_refresh,
    mark_needs_authorization,
    postpone_refresh,
    read_credential,
    store_refreshed,
)
from commission_sync.store.integrations import Integration
from commission_sync.store.keyring import Keyring

# Twice what a token request may take: a lease ends by itself only when its worker has died.
LEASE_SECONDS = 30.0
# While somebody else refreshes, a token with this much left is still used.
_STILL_GOOD_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 1.0
_POLL_SECONDS = (0.05, 0.25)
_UNAVAILABLE_SECONDS, _REFUSED_APP_SECONDS = 5.0, 60.0

_log = logging.getLogger(__name__)


def log_alert(company: Integration, error: NeedsAuthorization) -> None:
    """Say in the log that a company's authorization is lost."""
    _log.error("authorization lost company=%s error=%r next=%r", company.company_id, error.message, error.hint)


def require_app(agreed: str | None, used: str) -> None:
    """Prove that a consent was given to the app that is to use it.

    :param agreed: the app's client id as it was kept with the consent; None where that is not known
    :raises WrongApp: when it was another one: no consent has ended, the setting is wrong
    """
    if agreed is not None and agreed != used:
        raise WrongApp(
            f"the customers agreed to the HubSpot app {agreed}, but HUBSPOT_CLIENT_ID (or the connection's login) "
            f"is {used}",
            hint="put back the client id and secret of the app that the customers agreed to; no consent is lost, and "
            "all companies go on by themselves within a minute",
        )


@dataclass(frozen=True)
class _Held:
    """A token in this process's memory; times are of its monotonic clock."""

    ends_at: float
    look_at: float
    scopes: tuple[str, ...]
    token: str = field(repr=False)


class StoredTokens:
    """The `TokenSource` of a company whose tokens are in `crm_credentials`; safe to use from several threads.

    Each process keeps the token in memory until it is due. Then one worker of all takes the lease, asks HubSpot and
    stores the answer; the others go on with the token that they have, or wait when it has ended.

    :param company: whose tokens
    :param open_connection: opens a connection to the commissions database
    :param authorize_at: where a person authorizes the app again
    :param alert: called once, by one worker, when a refresh token turns out to be dead
    """

    def __init__(
        self,
        company: Integration,
        *,
        open_connection: Callable[[], psycopg.Connection],
        keyring: Keyring,
        endpoint: TokenEndpoint,
        authorize_at: str,
        alert: Callable[[Integration, NeedsAuthorization], None] = log_alert,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._company = company
        self._open = open_connection
        self._keyring = keyring
        self._endpoint = endpoint
        self._authorize_at = authorize_at
        self._alert = alert
        self._pause = pause
        self._held: _Held | None = None
        self._looking = threading.Lock()

    def token(self) -> str:
        """Return an access token that is good by the clock.

        :raises NeedsAuthorization: when the company has to authorize the app, naming where.
        :raises HubSpotError: when there is no token and HubSpot gives none now.
        """
        held, now = self._held, time.monotonic()
        if held is not None and now < held.look_at:
            return held.token
        usable = held is not None and now < held.ends_at
        if not self._looking.acquire(blocking=not usable):
            assert held is not None, "only who has a usable token does not wait"
            return held.token
        try:
            held = self._held
            if held is None or time.monotonic() >= held.look_at:
                with self._connection() as conn:
                    held = self._held = self._current(conn)
            return held.token
        finally:
            self._looking.release()

    def fingerprint(self) -> str:
        """Return a hash of the consent; refreshing a token does not change it."""
        with self._connection() as conn:
            read = self._read(conn)
        consent = f"{self._endpoint.app.client_id}:{self._company.id}:{read.authorized_at.isoformat()}"
        return hashlib.sha256(consent.encode()).hexdigest()[:32]

    def scopes(self) -> tuple[str, ...] | None:
        """Return what the person agreed to."""
        self.token()
        return self._held.scopes if self._held else None

    def refused(self, token: str) -> bool:
        """Hear that HubSpot refused a token; return whether another one is there or is worth asking for.

        All workers together ask for another one before its time at most once a minute.
        """
        with self._looking:
            if self._held is not None and self._held.token != token:
                return True
            with self._connection() as conn:
                read = self._read(conn)
                is_over = (
                    _is_replaced(read, token)
                    or force_refresh(conn, self._company.id, read.refreshes)
                    # Another worker may have been quicker between the two statements.
                    or _is_replaced(self._read(conn), token)
                )
            if is_over:
                self._held = None
            return is_over

    def __repr__(self) -> str:
        return f"StoredTokens({self._company.company_id!r}, ***)"

    def _connection(self) -> closing[psycopg.Connection]:
        conn = self._open()
        # Every statement for itself: no transaction is open while HubSpot is asked.
        conn.autocommit = True
        return closing(conn)

    def _current(self, conn: psycopg.Connection) -> _Held:
        give_up_at = time.monotonic() + LONGEST_HELD_SECONDS
        while True:
            read = self._read(conn)
            if not read.is_due:
                return _held(read, look_in=read.seconds_left - read.margin_seconds)
            if lease_refresh(conn, self._company.id, read.refreshes, LEASE_SECONDS):
                if (held := self._refreshed(conn, read)) is not None:
                    return held
                continue
            if _is_usable(read):
                return _held(read, look_in=_LOOK_AGAIN_SECONDS)
            if read.leased_seconds > LONGEST_HELD_SECONDS or time.monotonic() > give_up_at:
                raise self._no_token(read)
            self._pause(random.uniform(*_POLL_SECONDS))  # noqa: S311 - spreads the workers, guards nothing

    def _refreshed(self, conn: psycopg.Connection, read: Credential) -> _Held | None:
        """Refresh under the lease; None when the row has changed and is to be looked at again."""
        try:
            require_app(read.client_id, self._endpoint.app.client_id)
            grant = self._endpoint.refresh(read.refresh_token)
        except NeedsAuthorization as error:
            self._dead(conn, read, error)
            return None
        except HubSpotError as error:
            return self._postponed(conn, read, error)
        if self._stored(read, grant):
            _log.info("token refreshed company=%s seconds=%s", self._company.company_id, grant.lifetime_seconds)
        return None

    def _dead(self, conn: psycopg.Connection, read: Credential, error: NeedsAuthorization) -> None:
        if mark_needs_authorization(conn, self._company.id, read, error.message):
            self._alert(self._company, self._needs_authorization(error.message))

    def _postponed(self, conn: psycopg.Connection, read: Credential, error: HubSpotError) -> _Held:
        otherwise = _REFUSED_APP_SECONDS if isinstance(error, Unauthorized) else _UNAVAILABLE_SECONDS
        seconds = float(getattr(error, "retry_after", None) or otherwise)
        postpone_refresh(conn, self._company.id, read, seconds, error.message)
        if not _is_usable(read):
            raise error
        _log.warning("token not refreshed company=%s error=%r", self._company.company_id, str(error))
        return _held(read, look_in=min(seconds, read.seconds_left))

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type((DatabaseUnavailable, psycopg.OperationalError)),
        stop=tenacity.stop_after_delay(LEASE_SECONDS / 2),
        wait=tenacity.wait_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    def _stored(self, read: Credential, grant: TokenGrant) -> bool:
        # On a connection of its own, and again and again: a rotated refresh token that is not kept is lost for good.
        tokens = Tokens(grant.access_token, grant.refresh_token, grant.lifetime_seconds)
        with self._connection() as conn:
            return store_refreshed(conn, self._keyring, self._company.id, read, tokens)

    def _read(self, conn: psycopg.Connection) -> Credential:
        read = read_credential(conn, self._keyring, self._company.id)
        if read is None:
            raise self._needs_authorization("the app was never authorized")
        if read.state != "valid":
            raise self._needs_authorization(read.last_error or "its authorization has ended")
        return read

    def _needs_authorization(self, why: str) -> NeedsAuthorization:
        return NeedsAuthorization(
            f"company {self._company.company_id!r} has to authorize the HubSpot app: {why}",
            hint=f"open {self._authorize_at} and agree, then clear the task; HubSpot is not called until then",
        )

    def _no_token(self, read: Credential) -> Unavailable:
        error = Unavailable(
            f"there is no valid token for company {self._company.company_id!r}: "
            f"{read.last_error or 'another worker asks for one and has no answer yet'}",
            hint="it is tried again by itself",
        )
        error.retry_after = max(1.0, read.leased_seconds)
        return error


def _is_replaced(read: Credential, token: str) -> bool:
    return read.access_token != token or read.is_due


def _is_usable(read: Credential) -> bool:
    return read.access_token is not None and read.seconds_left > _STILL_GOOD_SECONDS


def _held(read: Credential, *, look_in: float) -> _Held:
    assert read.access_token is not None, "only a row with a token is held"
    now = time.monotonic()
    return _Held(
        ends_at=now + read.seconds_left - _STILL_GOOD_SECONDS,
        look_at=now + look_in,
        scopes=tuple(read.scopes),
        token=read.access_token,
    )
