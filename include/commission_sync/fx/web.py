"""Reads a source's documents over HTTP, or from a file: few requests, short patience, no key in any message."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import tenacity
import urllib3

from commission_sync.fx.errors import SourceUnavailable, Unreadable

TRIES = 3
CONNECT_SECONDS = 10
READ_SECONDS = 60
BACKOFF_SECONDS = 1
LONGEST_BACKOFF_SECONDS = 10
# The ECB's whole history since 1999 is 0.7 MB as a zip and 9 MB as XML.
MOST_BYTES = 50_000_000
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = "hubspot-commission-sync"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A document and how it came; `where` may be shown to anybody."""

    status: int
    body: bytes
    where: str


class Web:
    """Gets documents; an answer that is no success is the caller's to judge, as the reason is in its body.

    :param secret: what must not be seen in any message
    :param pause: waits for that many seconds; tests do not
    """

    def __init__(self, secret: str | None = None, pause: Callable[..., None] = time.sleep) -> None:
        self._secret = secret
        self._pause = pause
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
            headers={"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip"},
        )

    def get(self, url: str, query: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET; 5xx and silence are tried again a few times.

        :raises SourceUnavailable: when it stays away.
        :raises Unreadable: when the answer is cut off or much too long.
        """
        if urlsplit(url).scheme == "file":
            return self._file(url)
        full = f"{url}?{urlencode(query)}" if query else url
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((SourceUnavailable, Unreadable)),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_random_exponential(multiplier=BACKOFF_SECONDS, max=LONGEST_BACKOFF_SECONDS),
            sleep=self._pause,
            before_sleep=self._announce,
            reraise=True,
        )
        return retrying(self._once, full)

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def shown(self, text: str) -> str:
        """Return a text without the key."""
        return text.replace(self._secret, "***") if self._secret else text

    def _once(self, url: str) -> Answer:
        for _ in range(MOST_REDIRECTS):
            answer = self._document(url)
            if isinstance(answer, Answer):
                return answer
            url = self._followed(url, answer)
        raise SourceUnavailable(f"{self.shown(url)} redirects in a circle", hint="check EXCHANGE_RATE_URL")

    def _followed(self, url: str, target: str) -> str:
        """Return where a redirect leads, if that is the same host: no other one may see the key.

        :raises SourceUnavailable: for another host
        """
        full = urljoin(url, target)
        here, there = urlsplit(url), urlsplit(full)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise SourceUnavailable(
                f"{self.shown(url)} redirects to another place, {there.scheme}://{there.netloc}, which was not asked",
                hint="put the source's new address into EXCHANGE_RATE_URL if it moved; stored rates are used meanwhile",
            )
        return full

    def _document(self, url: str) -> Answer | str:
        """Return a document, or where its address redirects to."""
        where = self.shown(url)
        try:
            answer = self._pool.request("GET", url, preload_content=False, redirect=False)
            body = answer.read(MOST_BYTES + 1)
            answer.release_conn()
        except urllib3.exceptions.IncompleteRead as error:
            raise _cut_off(where, error) from None
        except urllib3.exceptions.ProtocolError as error:
            if isinstance(error.args[-1], urllib3.exceptions.IncompleteRead):
                raise _cut_off(where, error) from None
            raise self._silent(where, error) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._silent(where, error) from None
        if len(body) > MOST_BYTES:
            raise Unreadable(f"{where} is longer than {MOST_BYTES:,} bytes", hint="check EXCHANGE_RATE_URL")
        if answer.status >= 500:
            raise SourceUnavailable(
                f"{where} answers {answer.status}", hint="it is tried again by itself; stored rates are used meanwhile"
            )
        if answer.status in _REDIRECTS and (target := answer.headers.get("Location")):
            return str(target)
        return Answer(answer.status, body, where)

    def _file(self, url: str) -> Answer:
        path = Path(unquote(urlsplit(url).path))
        try:
            return Answer(200, path.read_bytes(), url)
        except OSError as error:
            raise SourceUnavailable(
                f"{url} cannot be read: {error.strerror}", hint="correct EXCHANGE_RATE_URL or the file's rights"
            ) from None

    def _silent(self, where: str, error: Exception) -> SourceUnavailable:
        cause = self.shown(f"{type(error).__name__}: {str(error)[:300]}")
        return SourceUnavailable(
            f"{where} does not answer: {cause}",
            hint="check that this machine may reach it; it is tried again by itself, with stored rates meanwhile",
        )

    def _announce(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.info("rates asked for again try=%s error=%r", state.attempt_number + 1, str(error))


def _cut_off(where: str, error: Exception) -> Unreadable:
    return Unreadable(f"{where} was cut off: {error}", hint="nothing of it was taken; it is tried again by itself")
