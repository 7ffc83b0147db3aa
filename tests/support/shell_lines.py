"""The commands of a block of shell, as a person would type them one after the other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One command: what it sets before, and its words; variables in them are left as they are written."""

    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def program(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def module(self) -> str | None:
        """The module that `python -m` runs."""
        is_python = self.program.rpartition("/")[2] == "python"
        return self.words[2] if is_python and self.words[1] == "-m" else None


def commands(text: str, *, prompt: str = "") -> Iterator[Command]:
    """Yield the commands of a block; with a prompt, those of the lines that begin with it."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith(prompt) and (words := shlex.split(line.removeprefix(prompt), comments=True)):
            yield _command(words)


def _command(words: list[str]) -> Command:
    variables = {}
    while words and (found := _ASSIGNMENT.fullmatch(words[0])):
        variables[found[1]] = found[2]
        words = words[1:]
    return Command(tuple(words), variables)
