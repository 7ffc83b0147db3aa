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

    def truth(self, portal_id: int, object_type: str = "deals", *, archived: bool = False) -> Iterator[Document]:
        """Yield every live record of a type with every property, in order of id."""
        yield from self._lines(f"/portals/{portal_id}/truth/{object_type}?archived={str(archived).lower()}")

    def truth_ids(self, portal_id: int, object_type: str = "deals") -> list[str]:
        """Return the ids of every live record of a type."""
        return [record["id"] for record in self.truth(portal_id, object_type)]

    def truth_links(self, portal_id: int, from_type: str, to_type: str) -> Iterator[Document]:
        """Yield every link between two types: `from`, `to` and `types`, the association type ids."""
        yield from self._lines(f"/portals/{portal_id}/truth/links/{from_type}/{to_type}")

    def truth_merged(self, portal_id: int, object_type: str = "deals") -> dict[str, str]:
        """Return the ids that were merged away with the id of the record that each ended up in."""
        return {m["id"]: m["into"] for m in self._lines(f"/portals/{portal_id}/truth/merged/{object_type}")}

    def truth_splits(self, portal_id: int) -> dict[str, Document]:
        """Return how deals are split: by deal, owners with their percentages."""
        found = self._lines(f"/portals/{portal_id}/truth/splits")
        return {deal["id"]: {s["owner"]: s["percentage"] for s in deal["splits"]} for deal in found}

    def truth_history(self, portal_id: int, name: str, object_type: str = "deals") -> dict[str, list[Document]]:
        """Return what was written to a property since the start, by record, the oldest first; of gone ones, too."""
        found = self._lines(f"/portals/{portal_id}/truth/history/{object_type}/{name}")
        return {record["id"]: record["entries"] for record in found}

    def edit(self, portal_id: int, *, count: int, **how: Any) -> list[str]:
        """Change records of one type (`type`, by default deals) and return their ids; see `edits.edit`."""
        ids: list[str] = self._call("POST", f"/portals/{portal_id}/edits", {"count": count, **how})["ids"]
        return ids

    def edit_everything(self, portal_id: int, *, count: int, **how: Any) -> Document:
        """Do deeds of every kind to records of every type, and return `by_type`, the ids, and `deeds`, how often each.

        :param how: `seed`, and `weights`, how often each deed is done; see `edits.edit_everything`
        """
        done: Document = self._call("POST", f"/portals/{portal_id}/edits", {"count": count, "mix": "everything", **how})
        return done

    def stream_edits(self, portal_id: int, *, per_second: float, seconds: float, **how: Any) -> None:
        """Change records at a steady rate from now on; `mix="everything"` does deeds of every kind."""
        self._call("POST", f"/portals/{portal_id}/edits/stream", {"per_second": per_second, "seconds": seconds, **how})

    def stop_edits(self, portal_id: int) -> int:
        """Stop that and return how many it were."""
        return int(self._call("DELETE", f"/portals/{portal_id}/edits/stream")["edits"])

    def set_faults(self, portal_id: int, faults: Document) -> None:
        """Replace the faults: names to probabilities."""
        self._call("PUT", f"/portals/{portal_id}/faults", faults)

    def set_knobs(self, portal_id: int, **knobs: Any) -> None:
        """Turn knobs."""
        self._call("PUT", f"/portals/{portal_id}/knobs", knobs)

    def hold(self, portal_id: int, operation: str, *, before: float = 0, after: float = 0, times: int = 1) -> None:
        """Hold the next calls of an operation, such as `deals.batch.update` or `*.links.read`.

        :param before: how many seconds such a call waits before it is carried out
        :param after: how many seconds its answer waits
        """
        hold = {"operation": operation, "before": before, "after": after, "times": times}
        self._call("PUT", f"/portals/{portal_id}/holds", {"holds": [hold]})

    def held(self, portal_id: int) -> dict[str, int]:
        """Return how many calls wait: `before` they are carried out, and `after`."""
        waiting: dict[str, int] = self._call("GET", f"/portals/{portal_id}/holds")
        return waiting

    def release(self, portal_id: int) -> None:
        """Let every call that waits go on, and hold no more."""
        self._call("DELETE", f"/portals/{portal_id}/holds")

    def use_up(self, portal_id: int, *, calls: int = 0, searches: int = 0) -> None:
        """Use up limits as another app of the account would."""
        self._call("POST", f"/portals/{portal_id}/others", {"calls": calls, "searches": searches})

    def start_other_app(
        self, portal_id: int, *, calls_a_second: float = 0, searches_a_second: float = 0, seconds: float = 60
    ) -> None:
        """Let another app of the account eat from the same limits at a steady rate."""
        rates = {"calls_a_second": calls_a_second, "searches_a_second": searches_a_second, "seconds": seconds}
        self._call("POST", f"/portals/{portal_id}/others/stream", rates)

    def stop_other_app(self, portal_id: int) -> Document:
        """Stop it and return how many calls and searches it got, and how many it was refused."""
        figures: Document = self._call("DELETE", f"/portals/{portal_id}/others/stream")
        return figures

    def override(
        self,
        portal_id: int,
        crm_id: str,
        properties: Document,
        object_type: str = "deals",
        *,
        bump: bool = True,
        person: bool = False,
    ) -> Document:
        """Set raw values without validation; `person`: the history tells of a person, not of an app."""
        path = f"/portals/{portal_id}/{object_type}/{crm_id}?bump={str(bump).lower()}&person={str(person).lower()}"
        changed: Document = self._call("PATCH", path, properties)
        return changed

    def override_deal(self, portal_id: int, crm_id: str, properties: Document, *, bump: bool = True) -> Document:
        """Set raw values of a deal."""
        return self.override(portal_id, crm_id, properties, bump=bump)

    def restore(self, portal_id: int, crm_id: str, object_type: str = "deals") -> None:
        """Take a record out of the recycle bin."""
        self._call("POST", f"/portals/{portal_id}/{object_type}/{crm_id}/restore")

    def restore_deal(self, portal_id: int, crm_id: str) -> None:
        """Take a deal out of the recycle bin."""
        self.restore(portal_id, crm_id)

    def merge(
        self, portal_id: int, primary: str, loser: str, object_type: str = "deals", *, third: bool = False
    ) -> str:
        """Merge two records and return the id of the one that stays; `third`: that is a new one."""
        body = {"primary": primary, "loser": loser, "third": third}
        return str(self._call("POST", f"/portals/{portal_id}/merges/{object_type}", body)["id"])

    def set_rate(self, portal_id: int, currency: str, rate: str, effective_at: str | None = None) -> None:
        """Set an exchange rate into the company's currency, from now on or from another time on."""
        body = {"currency": currency, "rate": rate} | ({"effective_at": effective_at} if effective_at else {})
        self._call("POST", f"/portals/{portal_id}/rates", body)

    def purge(self, portal_id: int) -> dict[str, int]:
        """Empty the recycle bins and return how many records of each type are gone for good."""
        purged: dict[str, int] = self._call("POST", f"/portals/{portal_id}/purge")["purged"]
        return purged

    def advance_clock(self, portal_id: int, *, days: float = 0, seconds: float = 0) -> str:
        """Move the portal's clock on and return its time."""
        return str(self._call("POST", f"/portals/{portal_id}/clock", {"days": days, "seconds": seconds})["now"])

    def create_property(self, portal_id: int, definition: Document, object_type: str = "deals") -> None:
        """Add a property."""
        self._call("POST", f"/portals/{portal_id}/properties/{object_type}", definition)

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

    def set_webhooks(self, **wanted: Any) -> None:
        """Set the webhooks' `url`, `secret`, `subscriptions` (`all`, or a list), and knobs of `SenderKnobs`."""
        self._call("PUT", "/webhooks", wanted)

    def webhooks(self) -> Document:
        """Return what became of the webhooks' events."""
        figures: Document = self._call("GET", "/webhooks")
        return figures

    def reset_webhooks(self) -> None:
        """Count the webhooks' events anew."""
        self._call("POST", "/webhooks/reset")

    def send_webhooks(self, events: list[Document]) -> None:
        """Send events, whether or not anything happened."""
        self._call("POST", "/webhooks/events", {"events": events})

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

    def _lines(self, path: str) -> Iterator[Document]:
        with urlopen(f"{self._base}{path}", timeout=600) as answer:  # noqa: S310 - the emulator's own URL
            for line in answer:
                yield json.loads(line)

    def _call(self, method: str, path: str, body: Document | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._base}{path}", data=data, method=method)  # noqa: S310 - the emulator's own URL
        with urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.loads(answer.read())
