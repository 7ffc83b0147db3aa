"""Keeps Python's garbage collector from stopping the API server for most of a second."""

from __future__ import annotations

import gc
from collections.abc import Mapping

# The server, its routes and its schemas are a million objects, the last of which come with the first requests. A full
# collection looks at each of them, 0.8 s long, while HubSpot's webhooks wait: at 200 a second it made the slowest 1 %.
FREEZES = 10


class Freezer:
    """Leaves out of later collections what has survived one; a few times, until what stays for good is there.

    What dies later is freed all the same, unless it refers to itself: that much of a few moments' objects is never
    found, a fixed amount.
    """

    def __init__(self, times: int = FREEZES) -> None:
        self._left = times

    def begin(self) -> None:
        """Leave out what is there, and what survives each of the next full collections."""
        gc.freeze()
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, info: Mapping[str, int]) -> None:
        if phase != "stop" or info["generation"] != 2:
            return
        gc.freeze()
        self._left -= 1
        if not self._left:
            gc.callbacks.remove(self._collected)
