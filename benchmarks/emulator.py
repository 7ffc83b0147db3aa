"""What the emulator itself costs, which shares the machine with what is measured against it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.table import Figure
from hubspot_emulator import Emulator, PortalSpec, running_emulator

SPEC = PortalSpec("bench", 77, 50_000, "pat-na1-bench")
MILLION = PortalSpec("bench", 77, 1_000_000, "pat-na1-bench")
EACH = 10
# The professional tier: 190 calls in ten seconds, and five searches a second beside them.
PAGES, SEARCHES = 19, 5


def emulator() -> list[Figure]:
    """Measure the seconds that the emulator is busy with a second's worth of calls, and a million deals."""
    with running_emulator([SPEC], limits=False) as running:
        busy = {name: _busy(running, name) for name in ("deals", "line_items", "emails")}
        links = _links(running)
    figures = [_figure(name, *seconds) for name, seconds in busy.items()]
    figures.append(Figure("the emulator: links of 1,000 deals", f"{links:.3f} s busy", "<= 0.1 s", links <= 0.1))
    started = time.perf_counter()
    with running_emulator([MILLION], limits=False) as running:
        seconds = time.perf_counter() - started
        for name in ("deals", "line_items", "emails", "notes", "calls", "meetings", "tasks"):
            _call(running, f"{name}/search", _window(200))
        peak = _peak_mib(running.pid)
    told = f"{seconds:.1f} s to start, {peak} MiB once every type was searched by time"
    figures.append(
        Figure("the emulator: 1,000,000 deals with theirs", told, "<= 5 s, <= 1,024 MiB", seconds <= 5 and peak <= 1024)
    )
    return figures


def _busy(running: Emulator, name: str) -> tuple[float, float]:
    """Return the seconds for a page of 100 and for a search of 200, with all properties, indices warm."""
    names = list(next(running.admin.truth(SPEC.portal_id, name))["properties"])
    body = _window(200) | {"properties": names}
    _call(running, f"{name}/search", body)
    path = f"{name}?limit=100&properties={','.join(names)}"
    return _seconds(running, path, None), _seconds(running, f"{name}/search", body)


def _links(running: Emulator) -> float:
    inputs = [{"id": crm_id} for crm_id in running.admin.truth_ids(SPEC.portal_id)[:1_000]]
    return _seconds(running, "/crm/v4/associations/deals/emails/batch/read", {"inputs": inputs})


def _figure(name: str, page: float, search: float) -> Figure:
    second = PAGES * page + SEARCHES * search
    told = f"{second:.2f} s busy ({1000 * page:.1f} ms a page of 100, {1000 * search:.1f} ms a search of 200)"
    return Figure(f"the emulator: a second of {name} at the limits", told, "<= 0.35 s", second <= 0.35)


def _seconds(running: Emulator, path: str, body: object) -> float:
    running.admin.reset_stats()
    for _ in range(EACH):
        _call(running, path, body)
    return float(running.admin.stats(SPEC.portal_id)["busy_seconds"]) / EACH


def _window(limit: int) -> dict[str, object]:
    filters = [{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "0"}]
    return {"filterGroups": [{"filters": filters}], "sorts": ["hs_object_id"], "limit": limit}


def _call(running: Emulator, path: str, body: object) -> None:
    url = running.url + (path if path.startswith("/") else f"/crm/v3/objects/{path}")
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers={"Authorization": f"Bearer {SPEC.token}"})
    with urlopen(request, timeout=120) as answer:
        answer.read()


def _peak_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
