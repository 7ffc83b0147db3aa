"""Sends webhooks at a steady rate, whatever the answers: `webhook_load.py URL SECRET RATE EVENTS SECONDS FILE`.

Prints one line of figures. FILE holds the ids of the deals that the events speak of, as a JSON list, and gets those of
the events that were acknowledged. A delay is counted from when a
request was due, so that a server that stands still cannot hide it.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp


@dataclass(frozen=True)
class Target:
    """Where webhooks go, how they are signed, and which deals they speak of."""

    url: str
    secret: str
    deals: list[str]


@dataclass
class Tally:
    """What came of the requests."""

    milliseconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    acknowledged: list[int] = field(default_factory=list)


async def main(target: Target, rate: float, events: int, seconds: float, file: str) -> None:
    tally = Tally()
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        began, tasks = time.perf_counter(), []
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            ids = range(number * events + 1, (number + 1) * events + 1)
            tasks.append(asyncio.create_task(send(session, target, ids, due, tally)))
        await asyncio.gather(*tasks)
    Path(file).write_text(json.dumps(tally.acknowledged))
    ordered = sorted(tally.milliseconds)
    print(
        json.dumps(
            {
                "requests": len(ordered),
                "answers": dict(tally.answers),
                "p50": round(ordered[len(ordered) // 2], 1),
                "p95": round(ordered[int(len(ordered) * 0.95)], 1),
                "p99": round(ordered[int(len(ordered) * 0.99)], 1),
                "slowest": round(ordered[-1], 1),
            }
        )
    )


async def send(session: aiohttp.ClientSession, target: Target, ids: range, due: float, tally: Tally) -> None:
    body, stamp = body_of(ids, target.deals), str(time.time_ns() // 1_000_000)
    source = b"POST" + target.url.encode() + body + stamp.encode()
    digest = hmac.digest(target.secret.encode(), source, "sha256")
    headers = {"X-HubSpot-Request-Timestamp": stamp, "X-HubSpot-Signature-v3": base64.b64encode(digest).decode()}
    try:
        async with session.post(target.url, data=body, headers=headers) as answer:
            await answer.read()
            status = str(answer.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        status = type(error).__name__
    tally.milliseconds.append((time.perf_counter() - due) * 1000)
    tally.answers[status] += 1
    if status == "200":
        tally.acknowledged.extend(ids)


def body_of(ids: range, deals: list[str]) -> bytes:
    now = time.time_ns() // 1_000_000
    return json.dumps(
        [
            {
                "eventId": i,
                "subscriptionId": 4711,
                "portalId": 77,
                "appId": 99,
                "occurredAt": now,
                "subscriptionType": "deal.propertyChange",
                "attemptNumber": 0,
                "objectId": int(deals[i * 7919 % len(deals)]),
                "changeSource": "CRM_UI",
                "propertyName": "amount",
                "propertyValue": "4711.50",
            }
            for i in ids
        ]
    ).encode()


if __name__ == "__main__":
    url, secret, *numbers, path = sys.argv[1:]
    known = json.loads(Path(path).read_text())
    asyncio.run(main(Target(url, secret, known), float(numbers[0]), int(numbers[1]), float(numbers[2]), path))
