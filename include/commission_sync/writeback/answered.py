"""What HubSpot's answer to a batch of changes says of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from airflow_hubspot.client import BatchWrite, Record
from commission_sync.store.writebacks import Outcome
from commission_sync.writeback.sending import Sent
from commission_sync.writeback.target import Target, outcome


def answered(sent: Sent, by_record: Mapping[str, Target], conflicts: Mapping[UUID, Outcome]) -> list[Outcome]:
    """Return the outcome of each row that the answer tells of; `conflicts` are those that ours won over."""
    answer = sent.answer
    written = {r["id"]: _written(by_record[r["id"]], r, answer, conflicts) for r in answer.results}
    rest = [change["id"] for change in sent.changes if change["id"] not in written]
    failed = {
        crm_id: Outcome(
            by_record[crm_id].row.id,
            "failed",
            crm_id,
            error=failure.message,
            correlation_id=answer.correlation_id,
            is_known=not by_record[crm_id].row.was_tried,
        )
        for failure in answer.failures
        # A failure that names no record is that of every one that was not written.
        for crm_id in failure.ids or rest
        if crm_id in rest
    }
    return [*written.values(), *failed.values()]


def _written(target: Target, record: Record, answer: BatchWrite, conflicts: Mapping[UUID, Outcome]) -> Outcome:
    overridden = conflicts.get(target.row.id)
    # What the answer tells of is what HubSpot keeps; of a property that it leaves out, verifying has to find out.
    told = all(name in record["properties"] for name in target.comparison.to_write)
    return replace(
        outcome(target, "sent", record=record),
        stored=dict(target.now) | {n: record["properties"][n] for n in target.comparison.to_write} if told else None,
        correlation_id=answer.correlation_id,
        conflict=overridden.conflict if overridden else None,
        error=overridden.error if overridden else None,
        is_fact=True,
        is_known=True,
    )
