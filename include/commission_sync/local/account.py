"""The account that runs PostgreSQL: PostgreSQL refuses to run as root, so root hands it to somebody else."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commission_sync.local.errors import PostgresError
from commission_sync.local.prctl import signal_on_parents_death

# What `nobody` is on Linux when the machine has no such name.
NOBODY_ID = 65534
# From linux/capability.h.
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True)
class Account:
    """Runs commands as this user, or as an unprivileged one when this user is root."""

    uid: int
    gid: int
    changes: bool
    passage: str | None = None

    @classmethod
    def for_paths(cls, paths: Sequence[Path]) -> "Account":
        """Choose the account for a server that must reach these paths.

        Root may have cloned the project below a directory that only root can enter, such as /root. Then the
        server gets one Linux capability to pass through it, and no directory's rights are changed.

        :raises PostgresError: the paths cannot be reached by an unprivileged account.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), changes=False)
        try:
            entry = pwd.getpwnam("nobody")
            plain = cls(entry.pw_uid, entry.pw_gid, changes=True)
        except KeyError:
            plain = cls(NOBODY_ID, NOBODY_ID, changes=True)
        if all(plain.reaches(path) for path in paths):
            return plain
        return cls(plain.uid, plain.gid, changes=True, passage=_passage(paths))

    def reaches(self, path: Path) -> bool:
        """Say whether this account can enter a directory, access lists included."""
        check = subprocess.run(  # noqa: S603 - a fixed command
            ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return check.returncode == 0

    def own(self, path: Path) -> None:
        """Make this account the owner of a path."""
        if self.changes:
            os.chown(path, self.uid, self.gid)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return what it wrote."""
        process = self.start(command, output=subprocess.PIPE)
        text, _ = process.communicate()
        return subprocess.CompletedProcess(list(command), process.returncode, (text or b"").decode(errors="replace"))

    def start(self, command: Sequence[str], *, output: int) -> subprocess.Popen[bytes]:
        """Start a command in its own session; it is interrupted when the calling process dies."""
        prefix: list[str] = []
        if self.passage:
            prefix = self._setpriv(self.passage)
        changed = self.changes and not prefix
        return subprocess.Popen(  # noqa: S603 - our own binaries
            [*prefix, *command],
            user=self.uid if changed else None,
            group=self.gid if changed else None,
            extra_groups=[] if changed else None,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # The kernel forgets this when the account changes, so it is set after that: here or by setpriv.
            preexec_fn=interrupt_on_parents_death,  # noqa: PLW1509 - the caller has one thread
        )

    def _setpriv(self, passage: str) -> list[str]:
        setpriv = str(shutil.which("setpriv"))
        ids = ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
        # initdb asks access(2) whether it may run postgres, which disregards capabilities without this bit.
        bits = ["--securebits", "+no_setuid_fixup"]
        capability = [f"--inh-caps=+{passage}", f"--ambient-caps=+{passage}"]
        return [setpriv, *ids, *bits, *capability, "--pdeathsig", "INT"]


def interrupt_on_parents_death() -> None:
    """Have PostgreSQL shut down in an orderly way when its supervisor is killed."""
    signal_on_parents_death(signal.SIGINT)


def _passage(paths: Sequence[Path]) -> str:
    """Name the weakest capability at hand that lets an account pass through closed directories."""
    if sys.platform == "linux" and shutil.which("setpriv"):
        for name, bit in CAPABILITIES.items():
            if _may_pass_on(bit):
                return name
    places = " and ".join(str(path) for path in paths)
    raise PostgresError(
        f"PostgreSQL does not run as root, and the unprivileged account it is given cannot enter {places}: "
        "clone the project to a directory others can enter (such as /opt), or run as an ordinary user."
    )


def _may_pass_on(bit: int) -> bool:
    sets = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return all(int(sets.get(name, "0"), 16) >> bit & 1 for name in ("CapPrm", "CapBnd"))


def _environment() -> dict[str, str]:
    """Nothing of the caller's environment but the search path: PGDATA and the like would change what runs."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
