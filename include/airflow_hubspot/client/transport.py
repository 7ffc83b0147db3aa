"""The gate: every call to HubSpot goes through here, in this order.

Token, budget, request with timeouts over a pooled connection, error mapped to one of ours; then, for calls that may be
repeated, a few short retries. Whatever waits longer than that is the caller's business.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import tenacity
import urllib3

from airflow_hubspot.client.errors import (
    CircuitOpen,
    GivenUp,
    HubSpotError,
    Invalid,
    NeedsAuthorization,
    RateLimited,
    Unauthorized,
    Unavailable,
    error_from_response,
)
from airflow_hubspot.client.limits import POLICIES, Limiter, Permit, told
from airflow_hubspot.client.request import Request, Response, value_of
from airflow_hubspot.client.server_clock import ServerClock, told_date
from airflow_hubspot.client.stats import CallStats
from airflow_hubspot.client.tokens import TokenSource

# One call in four may fail, as in HubSpot's bad minutes, and hardly any is given up.
TRIES = 8
# As many refusals in a row, of whichever calls, prove a token that worked before to be dead.
REFUSALS_OF_A_DEAD_TOKEN = 5
LONGEST_WAIT_SECONDS = 30.0
CONNECT_SECONDS = 10.0
_POOL_SIZE = 16
_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 8.0

_log = logging.getLogger(__name__)


class Transport:
    """Sends requests through the gate; safe to use from several threads.

    :param timeout_seconds: how long an answer may stay away
    :param time_zone: the portal's, in which HubSpot's days end
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: TokenSource,
        limiter: Limiter,
        timeout_seconds: float = 30.0,
        time_zone: str | None = None,
    ) -> None:
        self.stats = CallStats()
        self.server_clock = ServerClock()
        self.told_burst_limit: int | None = None
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._limiter = limiter
        self._time_zone = time_zone
        self._pool = urllib3.PoolManager(
            maxsize=_POOL_SIZE,
            block=False,
            retries=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout_seconds), read=timeout_seconds),
        )
        self._given_up = threading.Event()
        self._token_is_proven = False
        self._token_refusals = 0

    def send(self, request: Request) -> Response:
        """Send a request and return its answer.

        :raises HubSpotError: one of its subclasses; short-lived failures only after retries.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self._is_worth_repeating(request, error)),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=_delay,
            sleep=self.pause,
            before_sleep=self._announce,
            reraise=True,
        )
        return retrying(self._send_once, request)

    def token_fingerprint(self) -> str:
        """Return a hash by which the authorization can be recognised and that tells nothing of it."""
        return self._token.fingerprint()

    def prove_token(self) -> None:
        """Hear that HubSpot has accepted the token before, so that a 401 alone does not prove it to be dead."""
        self._token_is_proven, self._token_refusals = True, 0

    def give_up(self) -> None:
        """Make calls that wait for a limit or a retry fail now, and any further one; calls under way still end."""
        self._given_up.set()

    def go_on(self) -> None:
        """Make calls again after `give_up`."""
        self._given_up.clear()

    def pause(self, seconds: float) -> None:
        """Wait, unless calls are given up.

        :raises GivenUp: when they are.
        """
        if self._given_up.wait(seconds):
            raise GivenUp("the client was closed while a call waited")

    def close(self) -> None:
        """Give up and let go of the connections."""
        self.give_up()
        self._pool.clear()

    def _send_once(self, request: Request) -> Response:
        permit, token = self._admitted(request)
        try:
            return self._send_with(permit, token, request)
        except Unauthorized:
            # A token can be revoked or replaced before its time. A refused call has had no effect, so even a write may
            # be made again.
            if not self._token.refused(token):
                raise
        return self._send_with(*self._admitted(request), request)

    def _admitted(self, request: Request) -> tuple[Permit, str]:
        # Before the budget, so that no permit is held while a token is asked for; after it, as the wait may have
        # outlasted the token.
        self._token.token()
        permit = self._limiter.acquire(request.policy, self.pause)
        try:
            token = self._token.token()
            if request.check is not None:
                request.check()
            return permit, token
        except BaseException:
            self._limiter.settle(permit, {})
            raise

    def _send_with(self, permit: Permit, token: str, request: Request) -> Response:
        started = time.monotonic()
        try:
            answer = self._exchange(request, token)
        except BaseException as error:
            failure = str(error) if isinstance(error, Unavailable) else None
            self._over(request, permit, started, {}, failure)
            raise
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self._over(request, permit, started, headers, f"HTTP {answer.status}" if answer.status >= 500 else None)
        if not 200 <= answer.status < 300:
            raise self._refused(request, answer.status, headers, answer.data)
        self.prove_token()
        self.server_clock.hear(headers)
        return Response(answer.status, headers, answer.data, value_of(request, answer.status, answer.data))

    def _over(
        self, request: Request, permit: Permit, started: float, headers: Mapping[str, str], failure: str | None
    ) -> None:
        self.stats.called(request.operation, waited=permit.waited, http=time.monotonic() - started)
        self.told_burst_limit = told(headers).maximum or self.told_burst_limit
        self._limiter.settle(permit, headers, failure)

    def _exchange(self, request: Request, token: str) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **request.headers}
        if request.body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            return self._pool.request(
                request.method,
                self._url(request),
                body=request.body,
                headers={**headers, "Authorization": f"Bearer {token}"},
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(
                f"HubSpot did not answer {request.operation}: {_cause(error)}",
                hint="check that the host of the connection can be reached; it is tried again by itself",
            ) from None

    def _url(self, request: Request) -> str:
        query = f"?{urlencode(request.query)}" if request.query else ""
        return f"{self._base_url}{request.path}{query}"

    def _refused(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> HubSpotError:
        error = error_from_response(
            status,
            headers,
            body,
            operation=request.operation,
            time_zone=self._time_zone,
            now=told_date(headers) or self.server_clock.now(),
        )
        if isinstance(error, Unauthorized):
            self._token_refusals += 1
        if isinstance(error, RateLimited):
            policy = POLICIES.get(error.policy, request.policy)
            self._limiter.penalise(policy, error.retry_after, asked=error.asked)
        return error

    def _is_worth_repeating(self, request: Request, error: BaseException) -> bool:
        # Calls that were refused for their token or for a limit have had no effect, so even a write is made again.
        if isinstance(error, Unauthorized):
            is_doubtful = self._token_is_proven and self._token_refusals < REFUSALS_OF_A_DEAD_TOKEN
            return is_doubtful and not isinstance(error, NeedsAuthorization)
        if isinstance(error, RateLimited):
            return error.retry_after <= LONGEST_WAIT_SECONDS
        if isinstance(error, Invalid):
            return error.is_vague and request.repeatable
        if isinstance(error, CircuitOpen) or not isinstance(error, Unavailable):
            return False
        return request.repeatable and (error.retry_after or 0.0) <= LONGEST_WAIT_SECONDS

    def _announce(self, state: tenacity.RetryCallState) -> None:
        self.stats.retried()
        error = state.outcome.exception() if state.outcome else None
        _log.info("call repeated try=%s error=%r", state.attempt_number + 1, str(error))


_jitter = tenacity.wait_random_exponential(multiplier=_BACKOFF_SECONDS, max=_LONGEST_BACKOFF_SECONDS)


def _delay(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None) or 0.0
    # The limiter already holds everybody back for as long as HubSpot asked; jitter keeps them from coming back at once.
    return float(_jitter(state)) + (0.0 if isinstance(error, RateLimited) else asked)


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"
