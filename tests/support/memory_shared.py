"""A system in memory that keeps some fields once per owner: records with the same owner share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from syncline.connectors.memory import MemoryConnector, MemorySystem
from syncline.connectors.memory.connector import RICH
from syncline.connectors.memory.system import Row
from syncline.ports import Capabilities


class SharingSystem(MemorySystem):
    """`shared`: field -> owner field. A written value spreads; a record that comes to an owner takes the owner's."""

    shared: Mapping[str, str] = {}

    def _store(self, row: Row, cells: Mapping[str, str], actor: str, stamp_us: int) -> None:
        before = dict(row.now.cells) if row.versions else {}
        super()._store(row, cells, actor, stamp_us)
        for name, owner in self.shared.items():
            of = row.now.cells[owner]
            others = [one for one in self.rows.values() if one is not row and one.versions and of]
            others = [one for one in others if one.now.cells[owner] == of]
            came = before.get(owner) != of
            if came and others and others[0].now.cells[name] and cells.get(name) != "true":
                self._follow(row, name, others[0].now.cells[name])
            elif name in cells and (came or cells[name] != before.get(name)):
                for one in others:
                    self._follow(one, name, row.now.cells[name])

    def _follow(self, row: Row, name: str, value: str) -> None:
        if row.now.cells[name] != value:
            super()._store(row, {name: value}, "flow", self.stamp_us())


def sharing(system: MemorySystem, shared: Mapping[str, str], capabilities: Capabilities = RICH) -> MemoryConnector:
    """Turn *system* into one that shares these fields, and its connector."""
    system.__class__ = SharingSystem
    assert isinstance(system, SharingSystem)
    system.shared = shared
    return MemoryConnector(system, capabilities=replace(capabilities, shared_fields=dict(shared)))
