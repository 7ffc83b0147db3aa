"""The limiter never lets more calls arrive in any rolling window than HubSpot allows, wherever they wait on the way."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from airflow_hubspot.client.limits import InMemoryLimiter, Policy


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def most_in_any(window: float, times: list[float]) -> int:
    return max(sum(1 for t in times if start <= t < start + window) for start in times)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.9), st.floats(0, 1)), min_size=1, max_size=80),
    st.integers(1, 12),
)
def test_no_rolling_window_holds_more_arrivals_than_the_limit(calls, limit):
    clock = Clock()
    limiter = InMemoryLimiter(burst_limit=limit, clock=clock)
    arrivals = []
    for pause, latency, share in calls:
        clock.wait(pause)
        permit = limiter.acquire(Policy.BURST, clock.wait)
        arrivals.append(clock.now + latency * share)
        clock.wait(latency)
        limiter.settle(permit, {})
    assert most_in_any(10.0, arrivals) <= limit


def test_the_whole_limit_may_be_used_at_once_and_then_the_window_is_waited_for():
    clock = Clock()
    limiter = InMemoryLimiter(burst_limit=100, clock=clock)
    waits = []
    for _ in range(101):
        permit = limiter.acquire(Policy.BURST, clock.wait)
        waits.append(permit.waited)
        limiter.settle(permit, {})
    assert waits[:100] == [0.0] * 100
    assert waits[100] == 10.0


def test_searches_do_not_fill_the_burst_limit():
    clock = Clock()
    limiter = InMemoryLimiter(burst_limit=1, search_limit=2, clock=clock)
    for policy in (Policy.SEARCH, Policy.SEARCH, Policy.BURST):
        limiter.settle(limiter.acquire(policy, clock.wait), {})
    assert clock.now == 0.0


def test_the_limit_is_what_hubspots_answers_say():
    clock = Clock()
    limiter = InMemoryLimiter(burst_limit=1, clock=clock)
    limiter.settle(limiter.acquire(Policy.BURST, clock.wait), {"x-hubspot-ratelimit-max": "190"})
    for _ in range(189):
        limiter.settle(limiter.acquire(Policy.BURST, clock.wait), {})
    assert clock.now == 0.0


def test_after_a_refusal_nobody_calls_for_as_long_as_was_asked():
    clock = Clock()
    limiter = InMemoryLimiter(clock=clock)
    limiter.penalise(Policy.SEARCH, 7.0, asked=True)
    assert limiter.acquire(Policy.BURST, clock.wait).waited == 0.0
    assert limiter.acquire(Policy.SEARCH, clock.wait).waited == 7.0


def test_threads_share_one_budget():
    limiter = InMemoryLimiter(search_limit=5)
    sent, lock = [], threading.Lock()

    def work() -> None:
        for _ in range(3):
            permit = limiter.acquire(Policy.SEARCH)
            with lock:
                sent.append(time.monotonic())
            limiter.settle(permit, {})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 12
    assert most_in_any(0.99, sent) <= 5
