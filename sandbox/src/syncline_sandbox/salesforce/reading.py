"""Reading records: the live database or a lagging copy of it, what a caller may see, rows as JSON.

Lives here: which connection a read uses, and records by id. SOQL has its own compiler; the query resources are in
`query.py`.
"""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.faults import FaultPlan

from .archived import install_clock
from .caller import Caller
from .errors import OrgError, not_found
from .schema import Field, Schema, SObject
from .soql import install
from .storage import Storage

_Convert = Callable[[Any], Any]
_CONVERT: dict[str, _Convert] = {"boolean": bool, "address": orjson.loads, "location": orjson.loads}


class Reading:
    """Reads on behalf of callers. While a `replica_lag` fault stands, reads it matches see the past."""

    def __init__(self, schema: Schema, storage: Storage, clock: SandboxClock, faults: FaultPlan) -> None:
        self._schema = schema
        self._storage = storage
        self._clock = clock
        self._faults = faults
        self._replica: sqlite3.Connection | None = None
        self._behind: deque[tuple[datetime, str, str, dict[str, Any] | None]] = deque()
        install(storage.db)
        install_clock(storage.db, clock)

    def connection(self, caller: Caller) -> sqlite3.Connection:
        """Where this caller's read looks: the live database, or the copy that is behind."""
        fault = self._faults.standing("replica_lag")
        if fault is None or not re.search(fault.match, caller.request_line):
            return self._storage.db
        replica = self._replica_now()
        reached = self._clock.now() - timedelta(seconds=float(fault.parameters.get("delay_seconds", 60)))
        while self._behind and self._behind[0][0] <= reached:
            _, table, record_id, row = self._behind.popleft()
            _apply(replica, table, record_id, row)
        return replica

    def committed(self, touched: Iterable[tuple[SObject, str]]) -> None:
        """Note what a transaction changed, for the lagging copy."""
        if self._faults.standing("replica_lag") is None:
            self.forget_replica()
            return
        for sobject, record_id in touched:
            stored = self._storage.row(sobject, record_id)
            columns = {field.column for field in sobject.stored_fields()}
            row = None if stored is None else {name: value for name, value in stored.items() if name in columns}
            self._behind.append((self._clock.now(), sobject.table, record_id, row))

    def begin_lag(self) -> None:
        """Copy the database before the first write under a `replica_lag` fault."""
        if self._faults.standing("replica_lag") is not None:
            self._replica_now()

    def forget_replica(self) -> None:
        """Drop the lagging copy: a later fault starts from the state of its own time."""
        if self._replica is not None:
            self._replica.close()
            self._replica = None
            self._behind.clear()

    def _replica_now(self) -> sqlite3.Connection:
        if self._replica is None:
            self._replica = self._storage.copy()
            install(self._replica)
            install_clock(self._replica, self._clock)
        return self._replica

    def object(self, caller: Caller, name: str) -> SObject:
        """The object of this name as far as the caller may see it. OrgError NOT_FOUND otherwise."""
        sobject = self._schema.sobject(name)
        if sobject is None or not caller.rights.can_read_object(sobject.name):
            raise not_found()
        return sobject

    def fields(self, caller: Caller, sobject: SObject, names: Sequence[str] | None = None) -> list[Field]:
        """The fields of these names, or all, that the caller may read. OrgError INVALID_FIELD for another name."""
        rights = caller.rights
        if names is None:
            return [field for field in sobject.fields() if rights.can_read_field(sobject.name, field.name)]
        chosen: dict[str, Field] = {}
        for name in names:
            field = sobject.field(name.strip())
            if field is None or not rights.can_read_field(sobject.name, field.name):
                raise OrgError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
            chosen[field.name] = field
        return list(chosen.values())

    def records(
        self, caller: Caller, sobject: SObject, ids: Sequence[str], fields: Sequence[Field]
    ) -> dict[str, dict[str, Any]]:
        """The live, visible records among *ids* (18 characters), by id."""
        listed = [field.sql.replace("{row}", "r") for field in fields]
        condition, bound = caller.rights.visible_rows(sobject.name, "r") or ("1", ())
        live = 'AND r."IsDeleted" = 0' if sobject.soft_deletable else ""
        columns = ", ".join((*listed, 'r."Id"'))
        sql = (
            f'SELECT {columns} FROM "{sobject.table}" AS r '
            f'WHERE r."Id" IN (SELECT value FROM json_each(?)) {live} AND {condition}'
        )
        rows = self.connection(caller).execute(sql, (orjson.dumps(list(ids)).decode(), *bound)).fetchall()
        names = [field.name for field in fields]
        converts = [(place, _CONVERT[field.type]) for place, field in enumerate(fields) if field.type in _CONVERT]
        url = f"/services/data/v{caller.version}/sobjects/{sobject.name}/"
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            values = list(row)
            for place, convert in converts:
                if values[place] is not None:
                    values[place] = convert(values[place])
            attributes = {"type": sobject.name, "url": url + row[-1]}
            found[row[-1]] = {"attributes": attributes, **dict(zip(names, values, strict=False))}
        return found


def _apply(replica: sqlite3.Connection, table: str, record_id: str, row: dict[str, Any] | None) -> None:
    replica.execute(f'DELETE FROM "{table}" WHERE "Id" = ?', (record_id,))
    if row is not None:
        names = ", ".join(f'"{name}"' for name in row)
        replica.execute(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(row))})', tuple(row.values()))
