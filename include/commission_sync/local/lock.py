"""File locks that the kernel releases when their holder dies, however it dies."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from commission_sync.local.errors import PostgresError


class FileLock:
    """One open lock file; as a context manager it is let go and closed at the end."""

    def __init__(self, path: Path) -> None:
        """Open the file; nothing is locked yet."""
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise PostgresError(
                f"Cannot open {path} ({error.strerror}): it belongs to whoever started the project before; "
                "start as that user, or remove the directory to start empty."
            ) from None

    def share(self) -> None:
        """Take the lock together with others; waits while somebody has it alone."""
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    def take(self) -> None:
        """Take the lock alone; waits for everybody else."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def try_take(self, *, seconds: float = 0.0) -> bool:
        """Take the lock alone if that works within some seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.02)
            else:
                return True

    def keep_across_exec(self) -> None:
        """Let the program that replaces this process hold the lock on."""
        os.set_inheritable(self._fd, True)

    def close(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
