"""The params forms of the DAGs."""

from __future__ import annotations

from airflow.sdk import Param

from commission_sync.streams.request import Mode


def sync_params() -> dict[str, Param]:
    """Return the form: for whom, what, and the window of a manual window run."""
    return {
        "companies": companies_param(),
        "mode": Param(
            default=Mode.INCREMENTAL.value,
            type="string",
            enum=[mode.value for mode in Mode],
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


def companies_param() -> Param:
    """Return the field that narrows a run down to some companies."""
    return Param(
        default=[],
        type="array",
        items={"type": "string"},
        title="Companies",
        description="One company_id per line, as in crm_integrations. Empty: all active ones.",
    )
