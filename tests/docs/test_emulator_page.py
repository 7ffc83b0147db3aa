"""What is to be sent to the emulator is answered as it stands in the pages, in their order, by the emulator that they start."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from commission_sync.local.port import any_free
from handbook import page
from shell_lines import Command, commands

PAGES = [page("docs/emulator.md"), page("docs/tour.md")]
TYPED = [command for found in PAGES for block in found.blocks("sh") for command in commands(block.text)]
URL = "http://127.0.0.1:8765"


@contextmanager
def as_documented() -> Iterator[str]:
    """Start the emulator by its page's own line, but for the port."""
    (line,) = (command.words[1:] for command in TYPED if command.module == "hubspot_emulator")
    port = str(any_free())
    words = [sys.executable, *(port if word == "8765" else word for word in line), "--exit-with-parent"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            yield URL.replace("8765", port)
        finally:
            process.terminate()


def sent(curl: Command, url: str) -> urllib.request.Request:
    """Return the request that a line of curl stands for."""
    words = iter(curl.words[1:])
    options: dict[str, str] = {}
    for word in words:
        options["url" if not word.startswith("-") else word] = word if not word.startswith("-") else next(words)
    address = options["url"].replace("$E", f"{URL}/_emulator").replace(URL, url)
    request = urllib.request.Request(address, method=options.get("-X", "GET"))
    request.data = options["-d"].encode() if "-d" in options else None
    name, _, value = options.get("-H", "Accept: */*").partition(": ")
    request.add_header(name, value)
    return request


def status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def live_deals(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/_emulator/portals/1001/truth/deals", timeout=30) as answer:
        return [json.loads(line)["id"] for line in answer]


@pytest.mark.slow
def test_every_line_of_curl_is_answered():
    with as_documented() as url:
        _wait(url)
        ids = live_deals(url)
        refused = []
        for curl in (command for command in TYPED if command.program == "curl"):
            request = sent(curl, url)
            if request.data and b"\xe2\x80\xa6" in request.data:  # … stands for an id of the reader's own portal
                body = json.loads(request.data)
                request.data = json.dumps({**body, "primary": ids[0], "loser": ids[1]}).encode()
            if not 200 <= (answered := status(request)) < 300:
                refused.append((answered, " ".join(curl.words)))
        assert not refused


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/_emulator/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the emulator does not answer")
