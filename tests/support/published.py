"""Holds recorded exchanges to what HubSpot publishes about its API: each path, query, body, status and answer.

What differs for a known reason is data: `published_deviations.json`. Everything else that differs is a fault of ours, of
the emulator's, or of the documents, and has to be looked at.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jsonschema

DOCUMENTS = Path(__file__).parents[3] / "shared" / "hubspot-openapi"
DEVIATIONS = Path(__file__).with_name("published_deviations.json")
# Merges of deals are documented under the type's number only.
_BY_NUMBER = re.compile(r"/deals(?=/merge)")


@dataclass(frozen=True)
class Operation:
    """A method and path that a document has, with what it says of them."""

    version: str
    method: str
    template: str
    document: dict
    item: dict

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


@dataclass(frozen=True)
class Deviation:
    """Where an exchange differs from the documents."""

    operation: str
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.operation} | {self.place} | {self.what}"


def operations() -> dict[tuple[str, str], list[tuple[re.Pattern, Operation]]]:
    """Return the operations by version and method, the paths with the fewest parameters first."""
    found: dict[tuple[str, str], list] = {}
    for file in sorted(DOCUMENTS.rglob("*.json")):
        document = json.loads(file.read_text())
        for template, items in document["paths"].items():
            for method, item in items.items():
                operation = Operation(file.parent.name, method.upper(), template, document, item)
                pattern = re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template) + "/?")
                found.setdefault((method.upper(),), []).append((pattern, operation))
    for known in found.values():
        known.sort(key=lambda pair: pair[1].template.count("{"))
    return found


class Documents:
    """All of HubSpot's documents."""

    def __init__(self) -> None:
        self._by_method = operations()

    def find(self, method: str, path: str) -> list[Operation]:
        """Return the operations that a call may be, of which it has to satisfy one."""
        path = _BY_NUMBER.sub("/0-3", path)
        found = [o for pattern, o in self._by_method.get((method,), ()) if pattern.fullmatch(path)]
        fewest = min((o.template.count("{") for o in found), default=0)
        return [o for o in found if o.template.count("{") == fewest]

    def deviations(self, exchange: dict) -> list[Deviation]:
        """Return where an exchange differs from every operation that it may be."""
        candidates = self.find(exchange["method"], exchange["path"])
        if not candidates and exchange["status"] != 404:
            path = re.sub(r"(?<=/)\d{5,}", "0", exchange["path"])
            return [Deviation(f"{exchange['method']} {path}", "path", "is in no document")]
        if not candidates:
            return []
        return min((list(_differences(o, exchange)) for o in candidates), key=len)


def _differences(operation: Operation, exchange: dict) -> Iterator[Deviation]:
    said = ((place, what) for part in (_query, _body, _answer) for place, what in part(operation, exchange))
    yield from (Deviation(operation.name, place, what) for place, what in said)


def _query(operation: Operation, exchange: dict) -> Iterator[tuple[str, str]]:
    known = {p["name"] for p in operation.item.get("parameters", ()) if p["in"] == "query"}
    yield from (("query", f"{name} is not documented") for name in sorted(set(exchange["query"]) - known))


def _body(operation: Operation, exchange: dict) -> Iterator[tuple[str, str]]:
    content = operation.item.get("requestBody", {}).get("content", {})
    if 400 <= exchange["status"] < 500:
        # What is refused was wrong on purpose.
        return
    if "application/x-www-form-urlencoded" in content:
        schema = _resolved(operation.document, content["application/x-www-form-urlencoded"]["schema"])
        known = set(schema.get("properties", ()))
        yield from (
            ("form", f"{n} is not documented") for n in (exchange["body"] or {}).get("form", ()) if n not in known
        )
    elif content:
        (one,) = content.values()
        yield from _mismatches("body", operation.document, one["schema"], exchange["body"])
    elif exchange["body"] is not None:
        yield "body", "is not documented"


def _answer(operation: Operation, exchange: dict) -> Iterator[tuple[str, str]]:
    responses, status = operation.item["responses"], str(exchange["status"])
    if status not in responses and exchange["status"] < 300:
        yield "status", f"{status} is not documented"
        return
    response = responses.get(status) or responses["default"]
    response = _resolved(operation.document, response)
    content = response.get("content", {})
    if not content:
        if exchange["answer"] is not None:
            yield f"answer {status}", "has a body, and none is documented"
        return
    if exchange["answer"] == {"text": "text/html"}:
        return
    (one, *_) = content.values()
    yield from _mismatches(f"answer {status}", operation.document, one["schema"], exchange["answer"])


def _resolved(document: dict, schema: dict) -> dict:
    while "$ref" in schema:
        for part in ("document", *schema["$ref"].split("/")[1:]):
            schema = document if part == "document" else schema[part]
    return schema


def _mismatches(place: str, document: dict, schema: dict, value: object) -> Iterator[tuple[str, str]]:
    seen = set()
    for error in jsonschema.Draft4Validator(_strict(document, schema)).iter_errors(value):
        where = ".".join("[]" if isinstance(p, int) else p for p in error.absolute_path)
        where = re.sub(r"^((?:.*\.)?(?:properties|propertiesWithHistory|context))\.[^.]+", r"\1.*", where)
        what = re.sub(r"'?\d{3,}'?", "0", error.message)
        if error.validator == "type":
            what = f"a {type(error.instance).__name__} in place of {error.validator_value}"
        elif error.validator == "additionalProperties":
            extra = sorted(set(error.instance) - set(error.schema.get("properties", ())))
            what = f"{', '.join(extra)} is not documented"
        elif error.validator == "required":
            what = f"{error.message.split(' ')[0]} is missing"
        elif error.validator in {"anyOf", "oneOf"}:
            what = "is none of the documented shapes"
        elif error.validator == "enum":
            what = f"{error.instance!r} is none of the documented values"
        if (where, what) not in seen:
            seen.add((where, what))
            yield f"{place} {where}".strip(), what


def _strict(document: dict, schema: dict) -> dict:
    """Return a schema with its references resolved that knows `nullable`, and refuses names that it does not have."""
    return _converted(schema, json.dumps(document["components"]["schemas"]), ())


@cache
def _components(text: str) -> dict:
    return json.loads(text)


def _converted(schema: object, components: str, above: tuple[str, ...]) -> object:
    if isinstance(schema, list):
        return [_converted(part, components, above) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return {} if name in above else _converted(_components(components)[name], components, (*above, name))
    made = {
        k: _converted(v, components, above)
        for k, v in schema.items()
        if k not in {"description", "example", "format", "nullable", "title", "default", "deprecated"}
        or k == "properties"
    }
    if isinstance(schema.get("properties"), dict):
        made["properties"] = {n: _converted(v, components, above) for n, v in schema["properties"].items()}
        if schema["properties"] and "additionalProperties" not in schema:
            made["additionalProperties"] = False
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


@dataclass(frozen=True)
class Verdict:
    """What came of holding recorded exchanges to the documents."""

    exchanges: int
    shapes: int
    operations: dict[str, set[str]]
    explained: dict[str, int]
    unexplained: list[Deviation]

    def lines(self) -> list[str]:
        """Return what a person is to read."""
        counted = ", ".join(f"{len(names)} in {version}" for version, names in sorted(self.operations.items()))
        lines = [
            f"{self.exchanges:,} calls and answers in {self.shapes:,} shapes were held to HubSpot's documents: "
            f"{counted} operations; {sum(self.explained.values()):,} known deviations of {len(self.explained)} kinds, "
            f"{len(self.unexplained):,} unexplained"
        ]
        return [*lines, *map(str, sorted(self.unexplained, key=str))]


def judge(folder: Path) -> Verdict:
    """Hold everything that was recorded in a folder to the documents."""
    documents, known = Documents(), json.loads(DEVIATIONS.read_text())
    exchanges, shapes, reached, explained, unexplained = 0, 0, {}, {}, set()
    for record in _records(folder):
        if "exchanges" in record:
            exchanges += record["exchanges"]
            continue
        shapes += 1
        for operation in documents.find(record["method"], record["path"]):
            reached.setdefault(operation.version, set()).add(operation.name)
        for deviation in documents.deviations(record):
            reason = next((one["reason"] for one in known if _covers(one, deviation)), None)
            if reason is None:
                unexplained.add(deviation)
            else:
                explained[reason] = explained.get(reason, 0) + 1
    return Verdict(exchanges, shapes, reached, explained, sorted(unexplained, key=str))


def _covers(known: dict, deviation: Deviation) -> bool:
    return all(re.search(known.get(part, ""), getattr(deviation, part)) for part in ("operation", "place", "what"))


def _records(folder: Path) -> Iterable[dict]:
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            yield json.loads(line)
