"""What the documents contain, as values: pages, fenced blocks, links, commands. No judgement."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SANDBOX_PAGES = (ROOT / "sandbox" / "README.md", *sorted((ROOT / "sandbox" / "docs").glob("*.md")))
PAGES = (*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md")), *SANDBOX_PAGES)
EXAMPLES = tuple(sorted((ROOT / "examples").glob("*.yaml")))

_FENCE = re.compile(r"^```(\w*)[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`(syncline [^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


class Block(NamedTuple):
    page: str
    language: str
    text: str


class Shown(NamedTuple):
    """A command a reader could type: its words after `syncline`."""

    page: str
    words: tuple[str, ...]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(name_of(page), found[1], found[2]) for found in _FENCE.finditer(text)]


def blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.language == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _typed(page: Path) -> Iterator[str]:
    """Lines after a prompt, schedules and code spans; generated reference pages show usages, not commands."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if (found := re.match(r"\$ (syncline .*)", line)) or (found := re.search(r"/bin/(syncline [^>#\n]*)", line)):
            yield found[1]
    yield from (found[1] for found in _SPAN.finditer(prose(page)))


def commands() -> list[Shown]:
    shown = []
    for page in PAGES:
        if (ROOT / "docs" / "reference") not in page.parents:
            for text in _typed(page):
                words = tuple(shlex.split(text.split(" | ")[0].split(" #")[0].replace("…", "")))
                shown.append(Shown(name_of(page), words[1:]))
    return shown


def links(page: Path) -> list[str]:
    """Targets inside the repository."""
    return [to for to in _LINK.findall(prose(page)) if not re.match(r"[a-z]+:", to)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are commonly made: lower case, no punctuation, dashes for blanks."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in _HEADING.findall(text)}
