"""A small client of the admin endpoints, for tests, benchmarks and the demo; standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

Document = dict[str, Any]


class EmulatorAdmin:
    """Talks to a running emulator."""

    def __init__(self, url: str) -> None:
        self._base = f"{url.rstrip('/')}/_emulator"

    def portals(self) -> list[Document]:
        """Return the portals."""
        found: list[Document] = self._call("GET", "/portals")
        return found

    def truth(self, portal_id: int, *, archived: bool = False) -> Iterator[Document]:
        """Yield every live deal with every property, in order of id."""
        url = f"{self._base}/portals/{portal_id}/truth/deals?archived={str(archived).lower()}"
        with urlopen(url, timeout=600) as answer:  # noqa: S310 - the emulator's own URL
            for line in answer:
                yield json.loads(line)

    def truth_ids(self, portal_id: int) -> list[str]:
        """Return the ids of every live deal."""
        return [deal["id"] for deal in self.truth(portal_id)]

    def edit(self, portal_id: int, *, count: int, **how: Any) -> list[str]:
        """Change deals and return their ids; see `edits.edit`."""
        ids: list[str] = self._call("POST", f"/portals/{portal_id}/edits", {"count": count, **how})["ids"]
        return ids

    def stream_edits(self, portal_id: int, *, per_second: float, seconds: float) -> None:
        """Change deals at a steady rate from now on."""
        self._call("POST", f"/portals/{portal_id}/edits/stream", {"per_second": per_second, "seconds": seconds})

    def stop_edits(self, portal_id: int) -> int:
        """Stop that and return how many it were."""
        return int(self._call("DELETE", f"/portals/{portal_id}/edits/stream")["edits"])

    def set_faults(self, portal_id: int, faults: Document) -> None:
        """Replace the faults: names to probabilities."""
        self._call("PUT", f"/portals/{portal_id}/faults", faults)

    def set_knobs(self, portal_id: int, **knobs: Any) -> None:
        """Turn knobs."""
        self._call("PUT", f"/portals/{portal_id}/knobs", knobs)

    def use_up(self, portal_id: int, *, calls: int = 0, searches: int = 0) -> None:
        """Use up limits as another app of the account would."""
        self._call("POST", f"/portals/{portal_id}/others", {"calls": calls, "searches": searches})

    def override_deal(self, portal_id: int, crm_id: str, properties: Document, *, bump: bool = True) -> Document:
        """Set raw values without validation."""
        path = f"/portals/{portal_id}/deals/{crm_id}?bump={str(bump).lower()}"
        changed: Document = self._call("PATCH", path, properties)
        return changed

    def restore_deal(self, portal_id: int, crm_id: str) -> None:
        """Take a deal out of the recycle bin."""
        self._call("POST", f"/portals/{portal_id}/deals/{crm_id}/restore")

    def create_property(self, portal_id: int, definition: Document) -> None:
        """Add a property."""
        self._call("POST", f"/portals/{portal_id}/properties", definition)

    def oauth(self) -> Document:
        """Return what was asked of the token endpoints."""
        counts: Document = self._call("GET", "/oauth")
        return counts

    def set_oauth(self, **knobs: Any) -> None:
        """Turn OAuth's knobs: `token_seconds`, `rotates`, `endpoints`, `faults`."""
        self._call("PUT", "/oauth", knobs)

    def install(self, portal_id: int, *, scopes: list[str] | None = None) -> Document:
        """Install the app in a portal and return its tokens."""
        tokens: Document = self._call("POST", f"/portals/{portal_id}/oauth/install", {"scopes": scopes})
        return tokens

    def uninstall(self, portal_id: int) -> None:
        """Uninstall the app from a portal: its tokens die."""
        self._call("POST", f"/portals/{portal_id}/oauth/uninstall")

    def expire_tokens(self, portal_id: int) -> None:
        """End a portal's access tokens before their time."""
        self._call("POST", f"/portals/{portal_id}/oauth/expire")

    def stats(self, portal_id: int) -> Document:
        """Return what was asked of a portal."""
        figures: Document = self._call("GET", "/stats")[str(portal_id)]
        return figures

    def refusals(self, portal_id: int) -> int:
        """Return how many calls broke a limit."""
        return int(self.stats(portal_id)["refused"])

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._call("POST", "/stats/reset")

    def _call(self, method: str, path: str, body: Document | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._base}{path}", data=data, method=method)  # noqa: S310 - the emulator's own URL
        with urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.loads(answer.read())
