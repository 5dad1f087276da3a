"""New records stored many at once, column by column, where nothing but their fields decides what is stored.

Lives here: the quick way of a CSV load. What it stores, and the ids and the order in which it does, are those of
`Dml.create`; a row it has any doubt about goes the long way, in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.schema import TEXT_TYPES, Field
from syncline_sandbox.salesforce.values import stored_value

from .platform import Platform
from .rows import NULL_CELL, Column, Outcome
from .target import Target

_OPERATIONS = frozenset({"insert", "upsert"})
_CHECKED_TEXTS = frozenset({"email", "multipicklist"})
_REMEMBERED = 20_000
_DOUBTFUL = object()
"""Stands for a value that is to be looked at on the long way."""


class SwiftInsert:
    """Inserts the rows of one load. *slowly* writes a single row, told with its place, the long way."""

    def __init__(
        self,
        platform: Platform,
        target: Target,
        columns: Sequence[Column],
        slowly: Callable[[int, Sequence[str]], Outcome],
    ) -> None:
        self._platform = platform
        self._target = target
        self._slowly = slowly
        found = [target.sobject.field(column.name) if column.relation is None else None for column in columns]
        self._fields = [field for field in found if field is not None and field.column is not None]
        self._possible = len(self._fields) == len(columns) and target.operation in _OPERATIONS and self._writable()
        self._remembered: list[dict[str, Any]] = [{} for _ in self._fields]
        self._fixed = self._fixed_values()

    @property
    def usable(self) -> bool:
        """Whether this way is open now; rules that were made meanwhile close it."""
        return self._possible and self._platform.dml.creates_plainly(self._target.caller, self._target.sobject)

    def write(self, rows: Sequence[Sequence[str]], doubtful: set[int]) -> list[Outcome]:
        """Store a chunk inside the running transaction, the *doubtful* places the long way; the outcomes in order."""
        self._platform.dml.events.acting(self._target.caller)
        pairs = zip(self._fields, zip(*rows, strict=True), self._remembered, strict=True)
        columns = [self._stored(field, cells, known, doubtful) for field, cells, known in pairs]
        for field, values in zip(self._fields, columns, strict=True):
            if field.never_null:
                doubtful.update(place for place, value in enumerate(values) if value is None)
            if field.unique or field is self._target.key:
                doubtful.update(self._taken(field, values))
        outcomes: list[Outcome] = []
        start = 0
        for place in [*sorted(doubtful), len(rows)]:
            if place > start:
                outcomes += self._insert([values[start:place] for values in columns], place - start)
            if place < len(rows):
                outcomes.append(self._slowly(place, rows[place]))
            start = place + 1
        return outcomes

    def _insert(self, columns: list[list[Any]], count: int) -> list[Outcome]:
        sobject, dml = self._target.sobject, self._platform.dml
        stamp, user_id = dml.stamp(), self._target.caller.user_id
        made = self._platform.ids.new_many(sobject.key_prefix, count)
        given: dict[str, Iterable[Any]] = {name: repeat(value, count) for name, value in self._fixed.items()}
        given |= {str(field.column): values for field, values in zip(self._fields, columns, strict=True)}
        given |= {name: repeat(stamp, count) for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")}
        given |= {name: repeat(user_id, count) for name in ("CreatedById", "LastModifiedById")}
        given["Id"] = made
        self._platform.storage.insert_many(sobject, list(given), zip(*given.values(), strict=True))
        dml.touched.extend((sobject, record_id) for record_id in made)
        return [Outcome(record_id, True) for record_id in made]

    def _stored(self, field: Field, cells: Sequence[str], known: dict[str, Any], doubtful: set[int]) -> list[Any]:
        """What the column holds for these cells; places that need a second look are added to *doubtful*."""
        empty = self._empty(field)
        if _plain_text(field) and not (field.length and max(map(len, cells)) > field.length) and NULL_CELL not in cells:
            return [cell or empty for cell in cells]
        if field.type == "reference" or len(known) > _REMEMBERED:
            known.clear()  # the parent may be gone by the next chunk
        values = []
        for place, cell in enumerate(cells):
            if cell not in known:
                known[cell] = self._look_at(field, cell, empty)
            value = known[cell]
            if value is _DOUBTFUL:
                doubtful.add(place)
            values.append(value)
        return values

    def _look_at(self, field: Field, cell: str, empty: Any) -> Any:
        if cell == "":
            return empty
        given = None if cell == NULL_CELL else cell
        if field.type == "boolean" and cell in ("0", "1"):
            return int(cell)
        try:
            if field.type != "reference":
                value = stored_value(field, given)
            else:
                target, look = self._target, self._platform.dml.input.columns
                value = look(target.caller, target.sobject, {field.name: given}, creating=True)[str(field.column)]
        except OrgError:
            return _DOUBTFUL
        return self._target.caller.user_id if value is None and field.name == "OwnerId" else value

    def _taken(self, field: Field, values: Sequence[Any]) -> Iterable[int]:
        """The places whose value another record has, or another row of the chunk, or that lack the key."""
        seen: set[Any] = set()
        for place, value in enumerate(values):
            folded = value.casefold() if isinstance(value, str) else value
            if value is None or value is _DOUBTFUL:
                if field is self._target.key:
                    yield place
            elif folded in seen or self._platform.dml.input.find(self._target.sobject, field, value):
                yield place
            seen.add(folded)

    def _empty(self, field: Field) -> Any:
        """What is stored for an empty cell."""
        if field.name == "OwnerId":
            return self._target.caller.user_id
        return int(field.default) if isinstance(field.default, bool) else field.default

    def _fixed_values(self) -> dict[str, Any]:
        """What every row gets in columns the upload does not have."""
        given = {field.column for field in self._fields}
        stored = [field for field in self._target.sobject.stored_fields() if field.column not in given]
        fixed = {str(field.column): self._empty(field) for field in stored}
        if any(field.never_null and fixed[str(field.column)] is None for field in stored):
            self._possible = False
        return {name: value for name, value in fixed.items() if value is not None}

    def _writable(self) -> bool:
        """True when the caller may write all fields of the upload."""
        target, empty = self._target, dict.fromkeys(field.name for field in self._fields)
        try:
            self._platform.dml.input.columns(target.caller, target.sobject, empty, creating=True)
        except OrgError:
            return False
        return True


def _plain_text(field: Field) -> bool:
    return field.type in TEXT_TYPES - _CHECKED_TEXTS and not field.restricted_picklist
