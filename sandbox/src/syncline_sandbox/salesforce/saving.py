"""A row about to be saved, as the platform's own rules about standard objects see it.

Lives here: the value `dml.py` hands to the rules of `sales_rules.py`, `campaign_rules.py` and `event_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .storage import Storage


@dataclass(frozen=True, kw_only=True)
class Saving:
    """`values` are the columns about to be saved over `before`, None for a new record; a rule completes them.

    `touch` notes that a rule changed another record, named by object and id: readers of changes must hear of it.
    """

    storage: Storage
    values: dict[str, Any]
    before: Mapping[str, Any] | None
    stamp: str
    touch: Callable[[str, str], None]

    @property
    def row(self) -> dict[str, Any]:
        """The whole row as it will be."""
        return {**(self.before or {}), **self.values}

    @property
    def record_id(self) -> str:
        """The id of the record, empty for a new one."""
        return str((self.before or {}).get("Id", ""))

    def one(self, sql: str, *bound: object) -> Any:
        """The first row of a query, or None."""
        return self.storage.db.execute(sql, bound).fetchone()

    def change(self, table: str, changes: Mapping[str, object], where: str, *bound: object) -> None:
        """Set columns of other records of *table*, with the stamp of this save."""
        ids = [one for (one,) in self.storage.db.execute(f'SELECT "Id" FROM "{table}" WHERE {where}', bound)]
        named = ", ".join(f'"{column}" = ?' for column in (*changes, "SystemModstamp"))
        for record_id in ids:
            values = (*changes.values(), self.stamp, record_id)
            self.storage.db.execute(f'UPDATE "{table}" SET {named} WHERE "Id" = ?', values)
            self.touch(table, record_id)


Rule = Callable[[Saving], None]
