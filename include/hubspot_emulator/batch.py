"""What the batch endpoints have in common: their inputs, and answers in which only a part went well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import ApiError, invalid
from hubspot_emulator.times import iso

MOST_INPUTS, MOST_INPUTS_WITH_HISTORY = 100, 50
TRACE = "objectWriteTraceId"

Input = Mapping[str, Any]
Document = dict[str, Any]


def inputs_of(call: Call, *, with_history: bool = False, most: int = MOST_INPUTS) -> list[Input]:
    """Return the inputs of a batch.

    :raises ApiError: 400 when there are none or too many: by default 100, or 50 with property histories
    """
    inputs = call.body.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(i, dict) for i in inputs):
        raise invalid("Invalid input JSON: inputs must be a list of objects that is not empty")
    most, kind = (MOST_INPUTS_WITH_HISTORY, " for property histories") if with_history else (most, "")
    if len(inputs) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request{kind} is {most}.")
    return inputs


def write_inputs_of(call: Call) -> list[Input]:
    """Return the inputs of a batch that writes: each id once.

    :raises ApiError: 400
    """
    inputs = inputs_of(call)
    ids = [str(i["id"]) for i in inputs if "id" in i]
    if len(ids) != len(set(ids)):
        raise invalid("Duplicate IDs found in batch input")
    return inputs


def all_traced(inputs: Sequence[Input]) -> bool:
    """Whether every input has a trace id of its own, which is what lets a batch create go well in parts."""
    traces = [i.get(TRACE) for i in inputs]
    return all(traces) and len(set(map(str, traces))) == len(traces)


def traced(result: Document, given: Input) -> Document:
    """Return a result with the trace id that its input had."""
    return result | {TRACE: str(given[TRACE])} if given.get(TRACE) else result


def missing(call: Call, given: Sequence[Input]) -> list[Document]:
    """Return the one error entry that lists the records that are not there; none when there are none."""
    if not given:
        return []
    context = {"ids": [str(i.get("id")) for i in given]}
    traces = [str(i[TRACE]) for i in given if i.get(TRACE)]
    what = call.collection.kind.singular.upper()
    message = f"Could not get some {what} objects, they may be deleted or not exist. Check that ids are valid."
    return [_entry("OBJECT_NOT_FOUND", message, context | ({TRACE: traces} if traces else {}))]


def failed(given: Input, error: ApiError) -> Document:
    """Return the error entry of one input that was refused."""
    return _entry(error.body["category"], error.body["message"], {TRACE: [str(given[TRACE])]})


def answer(call: Call, results: list[Document], errors: list[Document], status: int = 200) -> Answer:
    """Return the answer of a batch: 207 when a part of it failed."""
    now = iso(call.portal.clock.now())
    body: Document = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Answer(body, 207 if errors else status)


def _entry(category: str, message: str, context: Mapping[str, list[str]]) -> Document:
    return {"status": "error", "category": category, "message": message, "context": dict(context)}
