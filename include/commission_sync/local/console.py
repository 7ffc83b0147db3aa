"""What the user sees while something is set up: a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

# A summary line has to fit without being folded when it goes to a file.
PLAIN_WIDTH = 140
PLAIN_SECONDS = 5.0


class Terminal:
    """Tells how far things are."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console = Console(highlight=False, width=PLAIN_WIDTH)

    @contextmanager
    def step(self, doing: str) -> Iterator[list[str]]:
        """Show that something is being done and how long it took; the body may add a detail to the list."""
        detail: list[str] = []
        started = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{doing} …"):
                yield detail
        else:
            self.say(f"  {doing} …")
            yield detail
        suffix = f": {detail[-1]}" if detail else ""
        self.say(f"✓ {doing}{suffix} ({time.monotonic() - started:.1f} s)")

    def say(self, text: str) -> None:
        """Write one line; nothing in it is taken for markup."""
        self._console.print(Text(text))

    def show(self, table: Table) -> None:
        """Write a table."""
        self._console.print(table)

    @contextmanager
    def counts(self, title: str) -> Iterator["Counts"]:
        """Show numbers per company as they grow."""
        if not self._console.is_terminal:
            yield Counts(title, self)
            return
        with Live(console=self._console, refresh_per_second=4, transient=True) as live:
            yield Counts(title, self, live)


class Counts:
    """Numbers that grow."""

    def __init__(self, title: str, terminal: Terminal, live: Live | None = None) -> None:
        self._title = title
        self._terminal = terminal
        self._live = live
        self._shown: Mapping[str, int] = {}
        self._shown_at = 0.0

    def update(self, numbers: Mapping[str, int]) -> None:
        """Show the numbers of now; as plain lines at most every five seconds, and only when they changed."""
        text = ", ".join(f"{name} {number:,}" for name, number in numbers.items()) or "nothing yet"
        if self._live is not None:
            self._live.update(Text(f"  {self._title}: {text}"))
        elif numbers != self._shown and time.monotonic() - self._shown_at >= PLAIN_SECONDS:
            self._shown, self._shown_at = dict(numbers), time.monotonic()
            self._terminal.say(f"  {self._title}: {text}")
