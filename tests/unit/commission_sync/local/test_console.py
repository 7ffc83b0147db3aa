"""What goes to a file or a pipe in place of a terminal."""

import io

import pytest
from rich.console import Console

from commission_sync.local.console import Counts, Terminal


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(Console(file=io.StringIO()))


def test_a_step_is_told_when_it_begins_and_when_it_is_done(told: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    with told.step("Tea") as detail:
        detail.append("[green]")
    begun, done = capsys.readouterr().out.splitlines()
    assert begun == "  Tea …"
    assert done.startswith("✓ Tea: [green] (0.")


def test_a_step_that_fails_is_not_told_as_done(told: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="cold"), told.step("Tea"):
        raise ValueError("cold")
    assert "✓" not in capsys.readouterr().out


def test_numbers_are_told_only_when_they_changed(told: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts("deals", told)
    counts.update({"acme": 1000})
    counts.update({"acme": 1000})
    assert capsys.readouterr().out.splitlines() == ["  deals: acme 1,000"]
