"""The contract types behind `[tool.importlinter]` in pyproject.toml.

The types that come with import-linter refuse to name a module that does not exist yet; these read a table of rows
("room: what it may import") and judge what is there. Only *direct* imports are judged: the rows are complete, so an
indirect path consists of permitted steps. What this file does not hold: the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def parse_rows(rows: list[str]) -> dict[str, frozenset[str]]:
    """Read ``"engine: ports spec"`` into ``{"engine": {"ports", "spec"}}``; a row given twice is an error."""
    table: dict[str, frozenset[str]] = {}
    for row in rows:
        name, colon, allowed = row.partition(":")
        if not colon or name in table:
            raise ValueError(f"a row reads 'name: name name' and comes once, not {row!r}")
        table[name] = frozenset(allowed.split())
    return table


def is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports_of(graph: ImportGraph, package: str) -> Iterator[tuple[str, str]]:
    """Every direct import (importer, imported) made by a module in *package*."""
    for importer in sorted(graph.modules):
        if is_inside(importer, package):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                yield importer, imported


class _TableContract(Contract):
    """Finds breaches as sentences and prints them; the subclasses say what a breach is."""

    def breaches(self, graph: ImportGraph) -> list[str]:
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = self.breaches(graph)
        return ContractCheck(kept=not found, metadata={"breaches": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for breach in check.metadata["breaches"]:
            output.print_error(f"- {breach}", bold=False)
        output.new_line()


class Rooms(_TableContract):
    """A room (a module or package directly under `root`) imports only the rooms its row names."""

    type_name = "rooms"
    root: Any = fields.StringField()
    rows: Any = fields.ListField(subfield=fields.StringField())

    def room_of(self, module: str) -> str | None:
        """The room *module* belongs to; None for the root package itself and for foreign modules."""
        prefix = self.root + "."
        return module.removeprefix(prefix).partition(".")[0] if module.startswith(prefix) else None

    def breaches(self, graph: ImportGraph) -> list[str]:
        table = parse_rows(self.rows)
        rooms = {room for module in graph.modules if (room := self.room_of(module))}
        found = [f"{self.root}.{room} has no row: say what it may import" for room in sorted(rooms - set(table))]
        for importer, imported in imports_of(graph, self.root):
            source, target = self.room_of(importer), self.room_of(imported)
            if target is None or source == target:
                continue
            if source is None:
                found.append(f"{importer} imports {imported}: the root package imports no room")
            elif target not in table.get(source, frozenset()):
                found.append(f"{importer} imports {imported}: {source} may not import {target}")
        return found


class Siblings(_TableContract):
    """The subpackages of `package` do not import each other. Its plain modules are common ground."""

    type_name = "siblings"
    package: Any = fields.StringField()

    def breaches(self, graph: ImportGraph) -> list[str]:
        if self.package not in graph.modules:
            return []
        siblings = {child for child in graph.find_children(self.package) if graph.find_children(child)}
        return [
            f"{importer} imports {imported}"
            for one in sorted(siblings)
            for importer, imported in imports_of(graph, one)
            for other in sorted(siblings - {one})
            if is_inside(imported, other)
        ]


class Owners(_TableContract):
    """A library is imported only inside the packages its row names."""

    type_name = "owners"
    rows: Any = fields.ListField(subfield=fields.StringField())

    def breaches(self, graph: ImportGraph) -> list[str]:
        return [
            f"{importer} imports {library}, which only {' and '.join(sorted(owners))} may"
            for library, owners in parse_rows(self.rows).items()
            if library in graph.modules
            for importer in sorted(self._importers(graph, library))
            if not is_inside(importer, library) and not any(is_inside(importer, owner) for owner in owners)
        ]

    @staticmethod
    def _importers(graph: ImportGraph, library: str) -> set[str]:
        inside = [module for module in graph.modules if is_inside(module, library)]
        return {importer for module in inside for importer in graph.find_modules_that_directly_import(module)}


class Banned(_TableContract):
    """A package does not import the libraries its row names."""

    type_name = "banned"
    rows: Any = fields.ListField(subfield=fields.StringField())

    def breaches(self, graph: ImportGraph) -> list[str]:
        return [
            f"{importer} imports {imported}"
            for package, libraries in parse_rows(self.rows).items()
            for importer, imported in imports_of(graph, package)
            if any(is_inside(imported, library) for library in libraries)
        ]
