"""What rules and hooks are told about a save.

Lives here: the value handed around between `dml.py` and the rules, no decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(kw_only=True)
class SaveEvent:
    """One row on its way into the database. `values` are the columns to be stored; a flow may change them.

    `before` is the stored row of an update, None for a new record. Ids are given before a new record is stored.
    """

    sobject: str
    operation: str  # "create" or "update"
    record_id: str
    user_id: str
    values: dict[str, Any]
    before: Mapping[str, Any] | None

    @property
    def row(self) -> dict[str, Any]:
        """The whole row as it will be; a column nobody gave is None."""
        return _Row({**(self.before or {}), **self.values, "Id": self.record_id})

    def changes(self, columns: tuple[str, ...]) -> bool:
        """True when the save makes one of these columns another value than it was; of a new record, gives it one."""
        before = self.before or {}
        return any(column in self.values and self.values[column] != before.get(column) for column in columns)


class _Row(dict[str, Any]):
    def __missing__(self, column: str) -> None:
        return None


Flow = Callable[[SaveEvent], None]
AfterWrite = Callable[[SaveEvent], Mapping[str, Any] | None]
"""A hook that runs when a row is stored: what it returns is set on the record, by another hand than the caller's."""
