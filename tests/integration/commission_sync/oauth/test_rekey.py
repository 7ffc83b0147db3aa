"""The keys of stored tokens can be changed while everything runs."""

import os
import subprocess
import sys

import psycopg
import pytest

from commission_sync.store.keyring import Keyring, new_key


def rekey(dsn, keys, do="rotate"):
    variables = {"AIRFLOW_CONN_COMMISSIONS_DB": dsn, "TOKEN_ENCRYPTION_KEYS": keys}
    metadata = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg://nobody@127.0.0.1:1/none"}
    return subprocess.run(
        [sys.executable, "-P", "-m", "commission_sync.local.token_keys", do],
        env={**os.environ, **variables, **metadata},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def keyed(consented):
    """The company's tokens are written with the key `old`."""
    consented.old = new_key()
    consented.keyring = Keyring([consented.old])
    consented.tokens = consented.authorize()
    return consented


def test_after_the_change_the_old_key_can_be_thrown_away(keyed):
    new = new_key()
    done = rekey(keyed.dsn, f"{new}, {keyed.old}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 companies have tokens; 1 were encrypted anew" in done.stdout
    keyed.keyring = Keyring([new])
    assert keyed.worker().token() == keyed.tokens["access_token"]
    keyed.make_due(seconds_left=-1)
    assert keyed.opens(keyed.worker().token())

    again = rekey(keyed.dsn, new)
    assert "1 companies have tokens; 0 were encrypted anew" in again.stdout


def test_a_missing_key_changes_nothing_and_is_named(keyed):
    before = keyed.row()
    done = rekey(keyed.dsn, new_key())
    assert done.returncode == 1
    assert "was written with a key that is not in TOKEN_ENCRYPTION_KEYS" in done.stderr
    assert "Traceback" not in done.stderr
    assert keyed.row() == before


def test_a_refresh_during_the_change_is_not_lost(keyed):
    """The change holds each row; a refresh that ends meanwhile waits for it and then is kept."""
    keyed.emulator.admin.set_oauth(rotates=True)
    new = new_key()
    keyed.keyring = Keyring([new, keyed.old])
    for _ in range(3):
        keyed.make_due(seconds_left=-1)
        worker = keyed.worker()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "commission_sync.local.token_keys", "rotate"],
            env={
                **os.environ,
                "AIRFLOW_CONN_COMMISSIONS_DB": keyed.dsn,
                "TOKEN_ENCRYPTION_KEYS": f"{new},{keyed.old}",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg://nobody@127.0.0.1:1/none",
            },
            stdout=subprocess.DEVNULL,
        )
        assert keyed.opens(worker.token())
        assert process.wait(60) == 0
    with psycopg.connect(keyed.dsn) as conn:
        texts = conn.execute("SELECT access_token, refresh_token FROM crm_credentials").fetchone()
    assert all(Keyring([new]).is_current(text) for text in texts)


def test_a_bad_key_is_told_by_number_and_not_shown(keyed):
    done = rekey(keyed.dsn, f"{keyed.old},not-a-key")
    assert done.returncode == 1
    assert "TOKEN_ENCRYPTION_KEYS makes no sense" in done.stderr
    assert "key 2 is not a Fernet key" in done.stderr
    assert "not-a-key" not in done.stderr


def test_it_makes_keys(keyed):
    printed = rekey(keyed.dsn, "", "new").stdout.strip()
    assert Keyring([printed]).decrypt(Keyring([printed]).encrypt("x")) == "x"
