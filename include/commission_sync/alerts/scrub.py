"""Takes secrets out of what leaves for an error tracker."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

_HIDDEN = "***"
_PATTERNS = (
    re.compile(r"(?i)(bearer\s+)[^\s\"',]+"),
    re.compile(
        r"(?i)((?:access_token|refresh_token|client_secret|password|authorization|api_?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',&}]+"
    ),
    re.compile(r"(\w://[^\s:/@]+:)[^\s@/]+(?=@)"),
)
# Tokens of private apps and service keys say what they are.
_TOKEN = re.compile(r"\bpat-[a-z0-9]+-[\w-]+")


def scrubbed(value: Any, secrets: Collection[str] = ()) -> Any:
    """Return a copy of a JSON-like value in which nothing looks like a secret or is one of `secrets`."""
    match value:
        case str():
            return _scrubbed_text(value, secrets)
        case dict():
            return {key: scrubbed(item, secrets) for key, item in value.items()}
        case list() | tuple():
            return [scrubbed(item, secrets) for item in value]
        case _:
            return value


def _scrubbed_text(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{_HIDDEN}", text)
    return _TOKEN.sub(_HIDDEN, text)
