"""Leases and fences as statements on one connection, inside a transaction the caller holds.

Lives here: taking, keeping and giving back, and the check that a commit's leases are still held. The clock is the
caller's: the instant comes as an argument.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from syncline.store.writing import reserve
from syncline.trees import Fenced, Lease

_COLUMNS = "name, holder, fence, taken_us, expires_us"


def take(connection: sqlite3.Connection, name: str, holder: str, now_us: int, lasts_us: int) -> Lease | None:
    held = _held(connection, name)
    if held is not None and held.holder not in ("", holder) and held.expires_us > now_us:
        return None
    fence = reserve(connection, "fence", 1)
    lease = Lease(name=name, holder=holder, fence=fence, taken_us=now_us, expires_us=now_us + lasts_us)
    connection.execute(
        f"INSERT INTO lease ({_COLUMNS}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " holder = excluded.holder, fence = excluded.fence, taken_us = excluded.taken_us,"
        " expires_us = excluded.expires_us",
        (lease.name, lease.holder, lease.fence, lease.taken_us, lease.expires_us),
    )
    return lease


def keep(connection: sqlite3.Connection, lease: Lease, now_us: int, lasts_us: int) -> Lease | None:
    held = _held(connection, lease.name)
    if held is None or held.fence != lease.fence or held.holder != lease.holder:
        return None
    expires_us = now_us + lasts_us
    connection.execute("UPDATE lease SET expires_us = ? WHERE name = ?", (expires_us, lease.name))
    return Lease(name=held.name, holder=held.holder, fence=held.fence, taken_us=held.taken_us, expires_us=expires_us)


def give_back(connection: sqlite3.Connection, lease: Lease, now_us: int) -> None:
    connection.execute(
        "UPDATE lease SET holder = '', expires_us = ? WHERE name = ? AND fence = ?",
        (now_us, lease.name, lease.fence),
    )


def require(connection: sqlite3.Connection, fences: Mapping[str, int]) -> None:
    """Fenced unless every lease is still the one that was taken. One that ran out, untaken, is still held: nobody else
    began its work. One that was given back is not."""
    for name, fence in fences.items():
        held = _held(connection, name)
        if held is None or held.fence != fence or not held.holder:
            raise Fenced(f"The lease {name} has passed on (fence {fence}, now {held.fence if held else 'none'}).")


def _held(connection: sqlite3.Connection, name: str) -> Lease | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM lease WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    return Lease(name=row[0], holder=row[1], fence=row[2], taken_us=row[3], expires_us=row[4])
