"""Roll-up summaries: what parents know of their children, kept as the children change.

"Roll-Up Summary Field" (Salesforce Help), RollupSummary types of the Metadata API: COUNT, SUM, MIN, MAX over the
details of a master-detail, and the standard ones of a campaign. Triggers in the database note which parents a row
touches, whatever wrote it; before the transaction commits their roll-ups are reckoned anew. A changed one moves the
parent's `SystemModstamp` and no other stamp, and runs none of its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .schema import Schema, SObject
from .storage import Storage

_DUE_TABLE = "CREATE TABLE IF NOT EXISTS _rollups_due (parent TEXT, id TEXT, PRIMARY KEY (parent, id)) WITHOUT ROWID"
OPERATIONS = {"count": "count(*)", "sum": "coalesce(sum({0}), 0)", "min": "min({0})", "max": "max({0})"}


@dataclass(frozen=True, kw_only=True)
class Rollup:
    """One roll-up: `expression` over the live children whose `condition` holds, both with `{child}` for their row."""

    parent: str
    column: str
    child: str
    reference: str
    expression: str
    condition: str = "1"


class Rollups:
    """The roll-ups of one org. `settle` belongs at the end of every transaction."""

    def __init__(
        self, schema: Schema, storage: Storage, stamp: Callable[[], str | None], touched: list[tuple[SObject, str]]
    ) -> None:
        self._schema = schema
        self._storage = storage
        self._stamp = stamp
        self._touched = touched
        self._by_parent: dict[str, list[Rollup]] = {}

    def install(self, rollup: Rollup) -> None:
        """Keep this roll-up from now on, and the triggers that tell which parents are due."""
        self._by_parent.setdefault(rollup.parent, []).append(rollup)
        self.prepare()

    def prepare(self) -> None:
        """Make the triggers, in a database that has just been emptied or opened."""
        self._storage.db.execute(_DUE_TABLE)
        for rollup in self._all():
            for event, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
                notes = "".join(_note(rollup, row) for row in rows)
                name = f"{rollup.child}.{rollup.reference} {rollup.parent} {event}"
                self._storage.db.execute(
                    f'CREATE TRIGGER IF NOT EXISTS "{name}" AFTER {event} ON "{rollup.child}" BEGIN {notes} END'
                )

    def reckon_all(self, rollup: Rollup) -> None:
        """Fill a new roll-up for the parents there are; moves no stamp."""
        value = _value(rollup, f'"{rollup.parent}"."Id"')
        self._storage.db.execute(f'UPDATE "{rollup.parent}" SET "{rollup.column}" = {value}')

    def settle(self) -> None:
        """Reckon the roll-ups of all parents whose children changed; those of a detail's parent thereafter."""
        while due := self._storage.db.execute("SELECT parent, id FROM _rollups_due").fetchall():
            self._storage.db.execute("DELETE FROM _rollups_due")
            for parent, record_id in due:
                self._settle(parent, record_id)

    def _settle(self, parent: str, record_id: str) -> None:
        rollups = self._by_parent[parent]
        sobject = self._schema.sobject(parent)
        assert sobject is not None
        columns = ", ".join(f'"{rollup.column}", {_value(rollup, "?1")}' for rollup in rollups)
        sql = f'SELECT {columns} FROM "{parent}" WHERE "Id" = ?1'
        row = self._storage.db.execute(sql, (record_id,)).fetchone()
        if row is None:
            return
        pairs = zip(rollups, row[::2], row[1::2], strict=True)
        changed: dict[str, Any] = {rollup.column: new for rollup, old, new in pairs if new != old}
        if changed:
            stamp = self._stamp()
            if stamp is not None:
                changed["SystemModstamp"] = stamp
            self._storage.update(sobject, record_id, changed)
            self._touched.append((sobject, record_id))

    def _all(self) -> list[Rollup]:
        return [rollup for rollups in self._by_parent.values() for rollup in rollups]


def _note(rollup: Rollup, row: str) -> str:
    return (
        f"INSERT OR IGNORE INTO _rollups_due SELECT '{rollup.parent}', {row}.\"{rollup.reference}\" "
        f'WHERE {row}."{rollup.reference}" IS NOT NULL;'
    )


def _value(rollup: Rollup, parent_id: str) -> str:
    expression, condition = (text.replace("{child}", "c") for text in (rollup.expression, rollup.condition))
    return (
        f'(SELECT {expression} FROM "{rollup.child}" AS c WHERE c."{rollup.reference}" = {parent_id} '
        f'AND c."IsDeleted" = 0 AND {condition})'
    )
