"""Whether a condition in the words of SOQL holds for a row that is about to be saved.

Lives here: the conditions of validation rules, assignment entries and automations. The vendor writes some of them as
formulas; this org takes what may stand in the WHERE of a query, parents included (`Owner.Name = 'Inbound'`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.core.clock import SandboxClock

from .rights import UserRights
from .schema import TEXT_TYPES, Schema, SObject
from .soql import SoqlError, compile_query
from .storage import Storage

_EVERYTHING = UserRights(user_id="")


class RecordConditions:
    """Judges rows of one org."""

    def __init__(self, schema: Schema, storage: Storage, clock: SandboxClock) -> None:
        self._schema = schema
        self._storage = storage
        self._clock = clock

    def check(self, sobject_name: str, condition: str | None) -> SObject:
        """The object of this name. LookupError when there is none, ValueError for a condition SOQL does not take."""
        sobject = self._schema.sobject(sobject_name)
        if sobject is None:
            raise LookupError(f"no object {sobject_name!r}")
        if condition is not None:
            self._compiled(sobject, condition)
        return sobject

    def holds(self, sobject: SObject, row: Mapping[str, Any], condition: str | None) -> bool:
        """True when *condition* holds for *row*, the columns as they will be stored; None always does."""
        if condition is None:
            return True
        sql, parameters = self._compiled(sobject, condition)
        columns = sobject.stored_fields()
        named = ", ".join(f'{_marked(field.type)} AS "{field.column}"' for field in columns)
        values = [row.get(str(field.column)) for field in columns]
        name = sobject.field("Name")
        if name is not None and name.column is None:
            named += ', ? COLLATE NOCASE AS "Name"'
            values.append(f"{row.get('FirstName') or ''} {row.get('LastName') or ''}".strip())
        # The one row stands in for the table of its object.
        statement = f'WITH "{sobject.table}" AS (SELECT {named}) {sql}'
        return bool(self._storage.db.execute(statement, (*values, *parameters)).fetchone()[0])

    def _compiled(self, sobject: SObject, condition: str) -> tuple[str, tuple[object, ...]]:
        text = f"SELECT COUNT() FROM {sobject.name} WHERE {condition}"
        try:
            compiled = compile_query(text, self._schema, _EVERYTHING, self._clock.now(), include_deleted=True)
        except SoqlError as refused:
            raise ValueError(
                f"not a condition on {sobject.name}: {condition!r}: conditions are what may stand in a SOQL WHERE, "
                f"as in Phone = null, not formulas: {refused.message}"
            ) from refused
        return compiled.count_sql, tuple(compiled.parameters)


def _marked(kind: str) -> str:
    return "? COLLATE NOCASE" if kind in TEXT_TYPES else "?"
