"""Strict YAML: one document of plain mappings, lists and scalars, and where each of them stands in the file.

Lives here: what may be written at all. Refused are aliases (a few lines of them can mean gigabytes), a key written
twice, tags, more than one document, and what is too large or too deep. Dates stay text. Not here: what keys mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from syncline.errors import ConfigError

MOST_CHARACTERS = 1_000_000
MOST_LEVELS = 20
Path = tuple[str | int, ...]


class _Refused(yaml.MarkedYAMLError):
    """Well-formed YAML that we do not take."""


class _Loader(yaml.SafeLoader):
    """As the safe loader, without aliases, tags, doubled keys and dates."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(problem="aliases (*name) are not used in this file", problem_mark=mark)
        if getattr(event, "tag", None):
            raise _Refused(problem="tags (!name) are not used in this file", problem_mark=mark)
        self._depth += 1
        if self._depth > MOST_LEVELS:
            raise _Refused(problem=f"more than {MOST_LEVELS} levels deep", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(problem="a key must be a plain word", problem_mark=key.start_mark)
            if key.value in seen:
                first = seen[key.value].start_mark.line + 1
                problem = f"the key {key.value!r} is there twice, first on line {first}"
                raise _Refused(problem=problem, problem_mark=key.start_mark)
            seen[key.value] = key
        return {str(key.value): self.construct_object(value, deep=True) for key, value in node.value}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Document:
    """One YAML text as plain data, with the line of every key."""

    def __init__(self, text: str, source: str) -> None:
        """Raises ConfigError SYN-111 with line and column, and never with the text itself: it may hold a secret."""
        if len(text) > MOST_CHARACTERS:
            raise ConfigError(f"{source} is longer than {MOST_CHARACTERS:,} characters.", code="SYN-111")
        self._root: yaml.Node | None = None
        try:
            loader = _Loader(text)
            try:
                self._root = loader.get_single_node()
                self.content: Any = None if self._root is None else loader.construct_document(self._root)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            raise ConfigError(f"{source}{_place(error)}: {error.problem}.", code="SYN-111") from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            what = f"{source}, line {line}: the character #x{ord(text[error.position]):04x} may not stand here."
            raise ConfigError(what, code="SYN-111") from None
        except ValueError as error:  # a number that Python refuses, such as one of ten thousand digits
            raise ConfigError(f"{source}: a value cannot be read ({type(error).__name__}).", code="SYN-111") from None

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of the key (or item) at *path*, counted from 1; None if there is none."""
        found = None
        for mark in self._marks(path):
            found = mark.line + 1
        return found

    def _marks(self, path: Sequence[str | int]) -> Iterator[yaml.Mark]:
        node = self._root
        for step in path:
            if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                yield node.start_mark
                continue
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            pair = next(((key, value) for key, value in pairs if key.value == step), None)
            if pair is None:
                return
            yield pair[0].start_mark
            node = pair[1]


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
