"""What PostgreSQL says, and what the user is told."""

from pathlib import Path

import pytest

from commission_sync.local.diagnosis import diagnose
from commission_sync.local.layout import Layout

LAYOUT = Layout(Path("/srv/data"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'PANIC:  could not write to file "pg_wal/xlogtemp.5": No space left on device',
            "is full: free some space",
        ),
        (
            'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
            "Port 5433 on 127.0.0.1 is used",
        ),
        ("FATAL:  database files are incompatible with server", "made by another version of PostgreSQL"),
        (
            'FATAL:  password authentication failed for user "postgres"',
            "does not accept the password kept in",
        ),
        (
            'FATAL:  data directory "/srv/data/data" has wrong ownership',
            "give that directory to the user it runs as",
        ),
        (
            "initdb: error: could not look up effective user ID 1234: user does not exist",
            "no entry in /etc/passwd",
        ),
    ],
)
def test_a_known_cause_is_told_with_the_next_step(said: str, told: str) -> None:
    sentence = diagnose(f"LOG:  starting\n{said}\n", LAYOUT, port=5433)
    assert told in sentence
    assert "\n" not in sentence


def test_an_unknown_cause_is_quoted_with_the_place_of_the_log() -> None:
    sentence = diagnose("LOG:  starting\nFATAL:  the moon is full\nLOG:  down\n", LAYOUT, port=1)
    assert "FATAL:  the moon is full" in sentence
    assert "/srv/data/postgres.log" in sentence


def test_silence_is_told_too() -> None:
    assert "it said nothing" in diagnose("", LAYOUT, port=1)
