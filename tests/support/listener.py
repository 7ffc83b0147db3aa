"""A receiver of webhooks that remembers every request and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Listener:
    """`answer` gets the number of the request, from 1, and returns a status."""

    answer: Callable[[int], int] = lambda _: 200
    delay_seconds: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Listener:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with listener._lock:
                    listener.requests.append({"headers": dict(self.headers), "body": body, "events": json.loads(body)})
                    number = len(listener.requests)
                time.sleep(listener.delay_seconds)
                try:
                    self.send_response(listener.answer(number))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hubspot/webhooks"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.requests for event in request["events"]]
