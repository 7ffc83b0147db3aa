"""JSON lines in files and object storage: written whole or not at all, read one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import orjson
from airflow.sdk import ObjectStoragePath


def write_json_lines(path: ObjectStoragePath, documents: Iterable[Any]) -> int:
    """Write one document per line and return how many they were; `path` is there only once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place: only within one directory is a rename one step.
    draft = path.parent / f".{path.name}.{uuid4().hex}"
    count = 0
    try:
        with draft.open("wb") as file:  # type: ignore[no-untyped-call]
            for document in documents:
                file.write(orjson.dumps(document) + b"\n")
                count += 1
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count


def read_json_lines(path: ObjectStoragePath) -> Iterator[dict[str, Any]]:
    """Yield the documents of a file.

    :raises ValueError: naming the line that is no JSON object
    """
    with path.open("rb") as file:  # type: ignore[no-untyped-call]
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError:
                document = None
            if not isinstance(document, dict):
                raise ValueError(f"line {number} of {path} is not a JSON object")
            yield document
