"""`make rekey`: the keys of the stored OAuth tokens, made anew or changed without anybody authorizing again."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing

from commission_sync.local.environment import Project, build, given
from commission_sync.local.errors import LocalError
from commission_sync.settings import load_settings
from commission_sync.store import DatabaseUnavailable, connect, migrate
from commission_sync.store.credentials import re_encrypt
from commission_sync.store.keyring import Keyring, UnknownKey, new_key

_HELP = """
To change the key: put a new one in front of TOKEN_ENCRYPTION_KEYS ("new,old") wherever Airflow runs, restart it, run
`rotate`, then take the old one away. Runs go on meanwhile; every key of the list decrypts.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m commission_sync.local.token_keys", description=__doc__, epilog=_HELP
    )
    parser.add_argument(
        "do", choices=("new", "rotate"), help="new: print a key; rotate: encrypt all with the first one"
    )
    if parser.parse_args(arguments).do == "new":
        sys.stdout.write(f"{new_key()}\n")
        return 0
    try:
        sys.stdout.write(f"{_rotate()}\n")
    except (LocalError, DatabaseUnavailable, ValueError, UnknownKey) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    return 0


def _rotate() -> str:
    project = Project.of_this_code()
    environment = build(project, given(project))
    environment.adopt()
    try:
        keyring = Keyring(load_settings().token_keys)
        migrate(environment.commissions_dsn)
        with closing(connect(environment.commissions_dsn)) as conn, conn.transaction():
            changed, companies = re_encrypt(conn, keyring)
    finally:
        if environment.server is not None:
            environment.server.release()
    return (
        f"{companies} companies have tokens; {changed} were encrypted anew, and all now are with the first key. "
        "The others can be taken out of TOKEN_ENCRYPTION_KEYS."
    )


if __name__ == "__main__":
    sys.exit(main())
