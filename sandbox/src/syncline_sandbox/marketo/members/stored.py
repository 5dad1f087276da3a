"""The table of program members: reading and writing whole rows. What a change means is the roll's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from syncline_sandbox.marketo.members.fields import MemberFields
from syncline_sandbox.marketo.store import Row, Store, marks


class MemberTable:
    """Rows of program_members by column name, or by REST name of the fields."""

    def __init__(self, store: Store, fields: MemberFields) -> None:
        self._store = store
        self._fields = fields

    def told(self, names: Sequence[str], condition: str, parameters: Sequence[Any]) -> Iterator[Row]:
        """Members as dicts over REST field names; *condition* is SQL over `program_members m`, with its order."""
        selected = ", ".join(self._fields.expression(name) for name in names)
        sql = f"SELECT {selected} FROM program_members m WHERE {condition}"
        for row in self._store.connection.execute(sql, parameters):
            yield dict(zip(names, row, strict=True))

    def whole(self, condition: str, parameters: Sequence[Any]) -> Iterator[Row]:
        cursor = self._store.connection.execute(f"SELECT * FROM program_members m WHERE {condition}", parameters)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    def of_program(self, program_id: int, lead_ids: Sequence[Any]) -> dict[int, Row]:
        """The members among these people, by lead id. What is no id is nobody's."""
        wanted = [value for value in lead_ids if isinstance(value, int) and abs(value) < 2**63]
        rows = self.whole(f"m.program_id = ? AND m.lead_id IN {marks(wanted)}", (program_id, *wanted))
        return {row["lead_id"]: row for row in rows}

    def people(self, lead_ids: Sequence[Any]) -> set[int]:
        """Those of the ids that are somebody's."""
        wanted = [value for value in lead_ids if isinstance(value, int) and abs(value) < 2**63]
        return {number for (number,) in self._store.all(f"SELECT id FROM leads WHERE id IN {marks(wanted)}", wanted)}

    def save(self, row: Row) -> int:
        """Write a row, new without an id; its id."""
        if "id" in row:
            assignments = ", ".join(f'"{name}" = ?' for name in row)
            sql = f"UPDATE program_members SET {assignments} WHERE id = ?"
            self._store.connection.execute(sql, (*row.values(), row["id"]))
            return int(row["id"])
        names = ", ".join(f'"{name}"' for name in row)
        sql = f"INSERT INTO program_members ({names}) VALUES {marks([*row])}"
        number = self._store.connection.execute(sql, tuple(row.values())).lastrowid
        assert number is not None
        return number

    def remove(self, member_id: int) -> None:
        self._store.connection.execute("DELETE FROM program_members WHERE id = ?", (member_id,))

    def hand_over(self, lead_ids: Sequence[int], winner_id: int) -> None:
        """A winner's own memberships stand, with their blanks filled by those of *lead_ids*; the others become its."""
        for row in list(self.whole(f"m.lead_id IN {marks(lead_ids)} ORDER BY m.id", lead_ids)):
            own = self.of_program(row["program_id"], [winner_id]).get(winner_id)
            if own is None:
                self.save({**row, "lead_id": winner_id})
            else:
                self.save({name: row[name] if value is None else value for name, value in own.items()})

    def forget(self, lead_ids: Sequence[int]) -> None:
        """End all memberships of people who are gone."""
        self._store.connection.execute(f"DELETE FROM program_members WHERE lead_id IN {marks(lead_ids)}", [*lead_ids])
