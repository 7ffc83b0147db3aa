"""The params forms of the DAGs."""

from __future__ import annotations

from airflow.sdk import Param

from commission_sync.streams.request import ASKED_MODES, Mode
from commission_sync.webhooks.letters import REPLAYABLE


def companies_param() -> Param:
    """Return the field that narrows a run down to some companies."""
    return Param(
        default=[],
        type="array",
        items={"type": "string"},
        title="Companies",
        description="One company_id per line, as in crm_integrations. Empty: all active ones.",
    )


def sync_params() -> dict[str, Param]:
    """Return the form: for whom, what, and the window of a manual window run."""
    return {
        "companies": companies_param(),
        "mode": Param(
            default=Mode.INCREMENTAL.value,
            type="string",
            enum=[mode.value for mode in ASKED_MODES],
            title="Mode",
            description="incremental: what changed since the cursor. window: what was modified between the two times "
            "below; the cursor stays. full: everything. A backfill run always reads its own data interval.",
        ),
        "window_from": Param(
            default=None,
            type=["null", "string"],
            format="date-time",
            title="Window from",
            description="Mode window only: the first modified time to read, inclusive.",
        ),
        "window_to": Param(
            default=None,
            type=["null", "string"],
            format="date-time",
            title="Window to",
            description="Mode window only: the end, exclusive.",
        ),
    }


def lane_params() -> dict[str, Param]:
    """Return the form: whose events, and what to replay before."""
    return {
        "companies": companies_param(),
        "replay": Param(
            default=[],
            type="array",
            items={"type": "string", "enum": list(REPLAYABLE)},
            title="Replay events in state",
            description="dead, ignored, done or retry, one per line. Empty: replay nothing, unless ids are given.",
        ),
        "replay_ids": Param(
            default=[],
            type="array",
            items={"type": "integer"},
            title="Replay these events",
            description="ids of webhook_events, one per line, in whatever of the four states they are.",
        ),
        "replay_types": Param(
            default=[],
            type="array",
            items={"type": "string"},
            title="Replay only these types",
            description="Subscription types such as deal.deletion, one per line. Empty: all.",
        ),
        "replay_from": Param(
            default=None,
            type=["null", "string"],
            format="date-time",
            title="Replay from",
            description="The first time of receipt, inclusive.",
        ),
        "replay_to": Param(
            default=None,
            type=["null", "string"],
            format="date-time",
            title="Replay to",
            description="The end, exclusive.",
        ),
    }


def writeback_params() -> dict[str, Param]:
    """Return the form of the write-back: for whom, and what else than the scheduled work."""
    return {
        "companies": companies_param(),
        "undo_run_id": Param(
            default=None,
            type=["null", "string"],
            title="Undo run",
            description="The run id of an earlier run of this DAG: takes back what it wrote, instead of writing.",
        ),
        "verify_now": Param(
            default=False,
            type="boolean",
            title="Verify now",
            description="Read everything that was written and not read again yet, without waiting for the sync.",
        ),
    }
