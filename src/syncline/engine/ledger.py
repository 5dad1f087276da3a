"""The account of one connection in the store: `ports.Ledger` over the tables BUDGET and ALLOWANCE.

Lives here: rows to account and back. What may be granted is decided by whoever spends; here only one change at a time
is let through.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import polars as pl

from syncline.ports import Account, Allowance
from syncline.trees import TABLES, Commit, Store, Table

_Told = TypeVar("_Told")

_ALLOWANCE = TABLES[Table.ALLOWANCE][0]


class StoreLedger:
    """Implements `ports.Ledger` for the connection of this name."""

    def __init__(self, store: Store, connection: str, *, may_write: bool = True) -> None:
        self._store = store
        self._connection = connection
        self._may_write = may_write

    async def revise(self, change: Callable[[Account, int], _Told]) -> _Told:
        """As `ports.Ledger`; beside a running process, where nothing may be written, *change* stays without effect."""
        where = {"connection": self._connection}
        reads: dict[Table, Mapping[str, Any] | None] = {Table.BUDGET: where, Table.ALLOWANCE: where}
        if not self._may_write:
            found = [await self._store.rows(table, where) for table in reads]
            return change(account_of(*found), await self._store.clock_us())

        def decide(now_us: int, found: Mapping[Table, pl.DataFrame]) -> tuple[Commit, _Told]:
            account = account_of(found[Table.BUDGET], found[Table.ALLOWANCE])
            before = asdict(account)
            told = change(account, now_us)
            return self._difference(before, account), told

        return await self._store.revise(f"budget:{self._connection}", reads, decide)

    def _difference(self, before: Mapping[str, Any], account: Account) -> Commit:
        commit = Commit()
        after = asdict(account)
        had, has = before["allowances"], after["allowances"]
        if {**after, "allowances": None} != {**before, "allowances": None}:
            columns = TABLES[Table.BUDGET][0]
            row = {name: after.get(name) for name in columns}
            row |= {"connection": self._connection, "seen": json.dumps(account.seen)}
            commit.put[Table.BUDGET] = pl.DataFrame([row], schema=dict(columns))
        if gone := [self._id(name) for name in had if name not in has]:
            commit.drop[Table.ALLOWANCE] = pl.DataFrame({"allowance_id": gone})
        rows = [
            {"allowance_id": self._id(name), "connection": self._connection, **one}
            for name, one in has.items()
            if one != had.get(name)
        ]
        if rows:
            commit.put[Table.ALLOWANCE] = pl.DataFrame(rows, schema=dict(_ALLOWANCE))
        return commit

    def _id(self, name: str) -> str:
        return f"{self._connection}/{name}"


def account_of(budget: pl.DataFrame, allowances: pl.DataFrame) -> Account:
    """The account in a connection's row of BUDGET, if there is one, and its rows of ALLOWANCE."""
    account = Account()
    for row in budget.iter_rows(named=True):
        seen = json.loads(row.pop("seen") or "{}")
        known = {name: value for name, value in row.items() if name != "connection" and value is not None}
        account = Account(**known, seen=seen)
    for row in allowances.iter_rows(named=True):
        name = row.pop("allowance_id").removeprefix(f"{row.pop('connection')}/")
        account.allowances[name] = Allowance(**row)
    return account
