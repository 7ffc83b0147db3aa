"""A real Airflow api-server with our plugin in it, and browsers that are logged in to it."""

from __future__ import annotations

import http.cookiejar
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from commission_sync.local.port import any_free

ROOT = Path(__file__).parents[2]
USERS = {"admin": "admin", "second": "admin", "viewer": "viewer"}


@dataclass(frozen=True)
class Answer:
    """What a browser got; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers["location"]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _answer(got) -> Answer:
    return Answer(got.status, {name.lower(): value for name, value in got.headers.items()}, got.read().decode())


@dataclass
class Browser:
    """Keeps cookies and follows no redirect by itself."""

    base: str
    token: str | None = None
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def get(self, url: str, *, html: bool = True, form: Mapping[str, str] | None = None) -> Answer:
        request = urllib.request.Request(url if "://" in url else f"{self.base}{url}")
        request.add_header("Accept", "text/html" if html else "application/json")
        if self.token and request.full_url.startswith(self.base):
            request.add_header("Cookie", f"_token={self.token}")
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with urllib.request.build_opener(_Stay).open(request, data, timeout=60) as answer:
                return _answer(answer)
        except urllib.error.HTTPError as error:
            return _answer(error)


@dataclass(frozen=True)
class ApiServer:
    """A running api-server."""

    url: str
    log: Path

    def browser(self, user: str | None = None) -> Browser:
        """Open a browser, logged in as a user or as nobody."""
        return Browser(self.url, None if user is None else self._login(user))

    def _login(self, user: str) -> str:
        request = urllib.request.Request(
            f"{self.url}/auth/token",
            data=json.dumps({"username": user, "password": user}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["access_token"]


@contextmanager
def running_api_server(home: Path, metadata_url: str, **variables: str) -> Iterator[ApiServer]:
    """Migrate Airflow's database, serve its API and pages, and end them with the block."""
    port = any_free()
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({user: user for user in USERS}))
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{u}:{role}" for u, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-the-tests-and-long-enough-for-its-algorithm-to-be-content-with-it",
        **variables,
    }
    airflow = str(Path(sys.executable).with_name("airflow"))
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True, timeout=180)
    log = home / "api-server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [airflow, "api-server"], env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        server = ApiServer(f"http://localhost:{port}", log)
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _wait(server: ApiServer, process: subprocess.Popen) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        assert process.poll() is None, server.log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{server.url}/api/v2/version", timeout=5).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(server.log.read_text()[-3000:])
