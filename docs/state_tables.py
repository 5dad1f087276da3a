"""The page docs/reference/state.md: the stored tables, read from the source of `syncline.trees` with its comments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TREES = Path(__file__).resolve().parents[1] / "src/syncline/trees"
FILES = ("observed.py", "agreed.py", "written.py", "running.py")

OPENING = """# What is stored

The trees and the journal are tables of one state: an SQLite file named by `sqlite:///path`. Beside it, `<file>.claim`
says which process is writing and holds the seal of the last clean close; `<file>-wal` and `<file>-shm` exist while
somebody works. Copy the file and its claim while nobody works. Besides the tables below the file has `counter`,
`binding` and `keyring` (the store's own) and `alembic_version`.

Every `*_us` is an instant in microseconds since 1970 UTC. A column may be null unless it is in the key.
"""
_TYPES = {"TEXT": "text", "INT": "integer", "BYTES": "bytes", "pl.Boolean()": "boolean"}


def _comment_above(lines: list[str], line_number: int) -> str:
    """The comment lines directly above a line (counted from 1), joined."""
    above: list[str] = []
    for line in reversed(lines[: line_number - 1]):
        if not line.startswith("# "):
            break
        above.insert(0, line.removeprefix("# "))
    return " ".join(above)


def _comment_beside(line: str) -> str:
    return line.partition("  # ")[2].replace("|", "\\|")


def _tables(tree: ast.Module) -> Iterator[tuple[str, ast.Dict, int]]:
    for node in tree.body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.value, ast.Dict)
            and ast.unparse(node.annotation) == "Columns"
        ):
            yield ast.unparse(node.target), node.value, node.lineno


def state_page(head: str) -> str:
    parts = [_described((TREES / name).read_text(encoding="utf-8")) for name in FILES]
    return re.sub(r"\n{3,}", "\n\n", "\n".join([head, OPENING, *parts]))


def _described(source: str) -> str:
    """The tables of one file."""
    lines = source.splitlines()
    written: list[str] = []
    for name, columns, line_number in _tables(ast.parse(source)):
        written += [
            f"## {name.lower()}",
            "",
            _comment_above(lines, line_number),
            "",
            "| column | type | |",
            "|---|---|---|",
        ]
        for key, dtype in zip(columns.keys, columns.values, strict=True):
            assert isinstance(key, ast.Constant)
            beside = "" if key.lineno == line_number else _comment_beside(lines[key.lineno - 1])
            written.append(f"| `{key.value!s}` | {_TYPES[ast.unparse(dtype)]} | {beside} |")
        written.append("")
    return "\n".join(written)
