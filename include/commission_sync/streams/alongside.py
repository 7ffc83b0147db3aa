"""Does a stream's extra steps while its records are still being read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import psycopg

from airflow_hubspot.client import HubSpotError
from airflow_hubspot.client.errors import GivenUp
from commission_sync.store import DatabaseUnavailable, another
from commission_sync.streams.step import StepContext
from commission_sync.streams.stream import Step

# Soon after the first rows, so that lists make room before they have used up their limit; then seldom enough for calls
# that bring as much as they can.
_FIRST_PAUSE_SECONDS = 0.5
_PAUSE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Alongside:
    """Does steps again and again, on a connection of its own, until the `with` block is left.

    Reading everything takes minutes to hours, in which what the steps ask HubSpot for may go out between the lists
    instead of after them. The steps are to be done once more after the block: only then is everything there that they
    look at, and only then is one that fails an error.
    """

    def __init__(self, steps: Sequence[Step], context: StepContext) -> None:
        self._steps = steps
        self._context = context
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        if kind is not None:
            self._context.client.give_up()
        self._thread.join()
        self._context.client.go_on()

    def _run(self) -> None:
        try:
            with closing(another(self._context.conn)) as conn:
                context, pause = replace(self._context, conn=conn), _FIRST_PAUSE_SECONDS
                while not self._over.wait(pause):
                    pause = _PAUSE_SECONDS
                    for step in self._steps:
                        step(context)
        except GivenUp:
            return
        except (HubSpotError, psycopg.Error, DatabaseUnavailable) as error:
            _log.info("steps left for after the reading error=%r", str(error))
