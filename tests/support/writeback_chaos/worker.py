"""Processes of the write-back that can be frozen and killed; each is forked off a server that has all imported."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.connection import Connection

from writeback_chaos.job import Ending, Job

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["writeback_chaos.jobs"])
LONGEST_SECONDS = 120


def _work(job: Job, answers: Connection) -> None:
    from writeback_chaos.jobs import perform  # noqa: PLC0415 - it makes its process impatient, which this one is not

    answers.send(perform(job))


def start_server() -> None:
    """Start the server, with what can be imported here."""
    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        forkserver.ensure_running()
    finally:
        if kept is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = kept


class Worker:
    """A process that does a job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._answers, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_work, args=(job, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.is_frozen = False

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def freeze(self) -> None:
        """Let it do nothing until it is thawed."""
        self._signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        if self.is_frozen:
            self._signal(signal.SIGCONT)
            self.is_frozen = False

    def die(self) -> None:
        """Kill it."""
        self._signal(signal.SIGKILL)
        self._process.join(LONGEST_SECONDS)

    def ending(self) -> Ending:
        """Wait for it to end and return how it did."""
        try:
            ending = self._answers.recv() if self._answers.poll(LONGEST_SECONDS) else None
        except EOFError:
            ending = None
        self._process.join(LONGEST_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            return Ending("crashed", f"it did not end within {LONGEST_SECONDS} s")
        if ending is None and self._process.exitcode != -signal.SIGKILL:
            return Ending("crashed", f"exit code {self._process.exitcode}")
        return ending or Ending("killed", "")

    def _signal(self, number: int) -> None:
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, number)
