"""Words that must not stand in the sources. Run as ``python -m tests.house.forbidden_words``; prints every place.

Two rules: the engine and the pure core name no vendor, docstrings included; and nothing names a developer's machine or
a package registry. What imports what is not judged here (import_contract.py).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

# Directories that tools make; everything else below the root is read, hidden folders of ours included.
MADE_BY_TOOLS = re.compile(
    r"\.git|\.venv.*|\..*cache|\.cache|\.hypothesis|__pycache__|build|dist|node_modules|.*\.egg-info"
)
TEXT = re.compile(r"(\.(py|pyi|md|toml|txt|in|lock|ya?ml|json|cfg|ini|sh|sql|csv|html|mako))?")


class Rule(NamedTuple):
    """*pattern* may not match in files whose path (from the root, with slashes) *where* matches."""

    where: re.Pattern[str]
    pattern: re.Pattern[str]
    because: str


class Breach(NamedTuple):
    path: str
    line_number: int
    found: str
    because: str


# A letter in brackets keeps a pattern from matching its own line.
RULES = (
    Rule(
        re.compile(r"src/syncline/(engine|reconcile)/"),
        re.compile(r"salesforce|sfdc|marketo|mkto|soql|sobject|pardot|hubspot", re.IGNORECASE),
        "the engine and the pure core ask for facts, never for a brand",
    ),
    Rule(
        re.compile(r""),
        re.compile(r"(?<![\w.)}\]])/(?:wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+)/|\b[A-Z]:\\User[s]\\"),
        "a path of one machine means nothing on another",
    ),
    Rule(
        re.compile(r""),
        re.compile(r"\bpyp[i]\.org|pythonhoste[d]\.org|npmj[s]\.(?:org|com)|--(?:extra-)?inde[x]-url|file:///op[t]"),
        "the registry is the installer's choice, made outside the project",
    ),
    Rule(
        re.compile(r""),
        re.compile(r"\breferenc[e]/(?:native-sync|salesforce-api|marketo-rest|other-syncs|stack|style)\b"),
        "cite the vendor's own page, which a reader can find",
    ),
)


def text_files(root: Path) -> Iterator[Path]:
    """Every text file below *root* that a person writes, in a stable order."""
    for path in sorted(root.iterdir()):
        if MADE_BY_TOOLS.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from text_files(path)
        elif TEXT.fullmatch(path.suffix):
            yield path


def breaches(root: Path, rules: Iterable[Rule] = RULES) -> Iterator[Breach]:
    for path in text_files(root):
        name = path.relative_to(root).as_posix()
        applying = [rule for rule in rules if rule.where.match(name)]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for rule in applying:
                if match := rule.pattern.search(line):
                    yield Breach(name, number, match[0], rule.because)


def main() -> int:
    found = list(breaches(ROOT))
    for breach in found:
        print(f"{breach.path}:{breach.line_number}: {breach.found!r}: {breach.because}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
