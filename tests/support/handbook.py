"""The documentation's pages as tests read them: links, anchors, tables, and what stands in code blocks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
_NOT_OURS = {"build", "dist"}
_IN_HTML = re.compile(r"""\b(?:src|srcset|href)=["']([^"']+)["']""")


@dataclass(frozen=True)
class Block:
    """What stands between two fences, and where."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One file of Markdown."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt("commonmark", {"html": True}).enable("table").parse(self.path.read_text(encoding="utf-8"))

    def blocks(self, *languages: str) -> Iterator[Block]:
        for token in self._tokens:
            if token.type == "fence" and token.info in languages:
                yield Block(self.name, token.map[0] + 2, token.info, token.content)
            elif token.type == "code_block" and "" in languages:
                yield Block(self.name, token.map[0] + 1, "", token.content)

    def spans(self) -> Iterator[str]:
        """Yield what stands between backticks in running text."""
        for token in self._tokens:
            for child in token.children or ():
                if child.type == "code_inline":
                    yield child.content

    def sections(self, level: int) -> dict[str, str]:
        """Return what stands below each heading of a level."""
        marks = "#" * level
        parts = re.split(rf"^{marks} +(.+)$", self.path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        return dict(zip((name.replace("`", "") for name in parts[1::2]), parts[2::2], strict=True))

    def anchors(self) -> set[str]:
        """Return the fragments that GitHub gives the headings."""
        seen: Counter[str] = Counter()
        found = set()
        for _, text in self._headings():
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return found

    def links(self) -> Iterator[str]:
        """Yield every address that the page leads to or shows."""
        for token in self._tokens:
            if token.type == "html_block":
                yield from _IN_HTML.findall(token.content)
            for child in token.children or ():
                if child.type in {"link_open", "image"}:
                    yield str(child.attrs.get("href") or child.attrs.get("src"))
                elif child.type == "html_inline":
                    yield from _IN_HTML.findall(child.content)

    def rows(self) -> list[list[str]]:
        """Return the cells of every row of every table, as they are written."""
        rows: list[list[str]] = []
        for before, token in zip(self._tokens, self._tokens[1:], strict=False):
            if before.type == "tr_open":
                rows.append([])
            if before.type == "td_open" and token.type == "inline":
                rows[-1].append(token.content)
        return [row for row in rows if row]

    def _headings(self) -> Iterator[tuple[str, str]]:
        for before, token in zip(self._tokens, self._tokens[1:], strict=False):
            if before.type == "heading_open":
                yield before.tag, "".join(child.content for child in token.children or ())


def page(name: str) -> Page:
    return Page(ROOT / name)


@cache
def every_page() -> tuple[Page, ...]:
    """Return all pages of the project."""
    return tuple(Page(path) for path in sorted(_markdown(ROOT)))


def _markdown(directory: Path) -> Iterator[Path]:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".") and entry.name not in _NOT_OURS:
            yield from _markdown(entry)
        elif entry.suffix == ".md":
            yield entry
