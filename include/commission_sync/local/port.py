"""TCP ports on this machine, of which no two of our processes take the same one.

Between a look at a port and the moment in which a server listens on it, another process may have looked, too. So a port
that is looked at is reserved: by a lock on a file that all processes of this user share, for as long as the process
lives. A strange program knows nothing of that; whoever starts a server has to prove that the one that answers is its
own (`is_served_by`).
"""

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"

# The locks of this process, by port: the kernel lets go of them when it ends, however it ends.
_reserved: dict[int, int] = {}


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Say whether a server could listen on this port now."""
    with socket.socket() as probe:
        # As servers do themselves: connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def reserve(port: int, host: str = LOOPBACK) -> bool:
    """Make a free port this process's own, as far as our processes go; False when it is not free or another's."""
    return (port in _reserved or _locked(port)) and is_free(port, host)


def any_free(host: str = LOOPBACK) -> int:
    """Return a port that nobody listens on, reserved for this process."""
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port not in _reserved and _locked(port):
            return port


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def is_served_by(port: int, processes: Iterable[int]) -> bool:
    """Say whether one of some processes, or one below them, listens on a port."""
    for each in processes:
        try:
            root = psutil.Process(each)
            below = [root, *root.children(recursive=True)]
        except psutil.Error:
            continue
        if any(_listens(process, port) for process in below):
            return True
    return False


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        found = process.net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in found)


def _locked(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"commission-sync-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    _reserved[port] = lock
    return True
