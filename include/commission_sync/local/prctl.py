"""What Linux does for a process when its parent or a child dies; elsewhere these calls do nothing."""

import ctypes
import signal
import sys

# From linux/prctl.h.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def signal_on_parents_death(number: signal.Signals) -> None:
    """Have the calling process signalled when the process that started it dies, however that dies."""
    _prctl(PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)
