"""Decides when Airflow tries a failed task again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

from airflow_hubspot.client.errors import HubSpotError, RateLimited, Unavailable

if TYPE_CHECKING:
    from airflow.sdk import Context


class HubSpotRetryPolicy(RetryPolicy):
    """Waits as long as HubSpot asks, and does not repeat what only a person can mend.

    A limit, a used-up day, an open breaker or an outage that tells when it ends is tried again then; a refused token, a
    missing scope or a request that HubSpot will never accept fails at once; anything else keeps the task's own delays.
    How often is the task's choice.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - Airflow's signature
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Return what to do about an exception that a task raised."""
        if isinstance(exception, HubSpotError) and exception.is_final:
            return RetryDecision.fail(f"trying again cannot help: {exception}")
        if isinstance(exception, RateLimited | Unavailable) and exception.retry_after:
            delay = timedelta(seconds=exception.retry_after)
            return RetryDecision.retry(
                delay, f"there is no point in trying for {exception.retry_after:.0f} s: {exception.message}"
            )
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return the policy's settings; it has none."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> HubSpotRetryPolicy:  # noqa: ARG003 - Airflow's signature
        """Return the policy that was serialized."""
        return cls()
