"""Leases and fences as statements on one connection, inside a transaction the caller holds. The clock is the server's.

Whoever commits under a fence holds a share of its lease's row until the end of the commit: nobody takes the lease
meanwhile, and whoever takes it afterwards sees all of the commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncline.store.postgres.reading import clock_us
from syncline.store.postgres.text import stored
from syncline.store.postgres.writing import Connection, reserve
from syncline.trees import Fenced, Lease


def take(connection: Connection, name: str, holder: str, lasts_us: int) -> Lease | None:
    held = connection.execute("SELECT holder, expires_us FROM lease WHERE name = %s", (stored(name),)).fetchone()
    if held is not None and held[0] not in ("", stored(holder)) and held[1] > clock_us(connection):
        return None  # without taking a number: whoever waits asks often
    fence, now_us = reserve(connection, "fence", 1), clock_us(connection)
    row = connection.execute(
        "INSERT INTO lease AS l (name, holder, fence, taken_us, expires_us) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence,"
        " taken_us = excluded.taken_us, expires_us = excluded.expires_us"
        " WHERE l.holder IN ('', excluded.holder) OR l.expires_us <= excluded.taken_us RETURNING fence",
        (stored(name), stored(holder), fence, now_us, now_us + lasts_us),
    ).fetchone()
    if row is None:
        return None
    return Lease(name=name, holder=holder, fence=fence, taken_us=now_us, expires_us=now_us + lasts_us)


def keep(connection: Connection, lease: Lease, lasts_us: int) -> Lease | None:
    row = connection.execute(
        "UPDATE lease SET expires_us = %s WHERE name = %s AND fence = %s AND holder = %s"
        " RETURNING taken_us, expires_us",
        (clock_us(connection) + lasts_us, stored(lease.name), lease.fence, stored(lease.holder)),
    ).fetchone()
    if row is None:
        return None
    return Lease(name=lease.name, holder=lease.holder, fence=lease.fence, taken_us=row[0], expires_us=row[1])


def give_back(connection: Connection, lease: Lease) -> None:
    connection.execute(
        "UPDATE lease SET holder = '', expires_us = %s WHERE name = %s AND fence = %s",
        (clock_us(connection), stored(lease.name), lease.fence),
    )


def require(connection: Connection, fences: Mapping[str, int]) -> None:
    """Fenced unless every lease is still the one that was taken. One that ran out, untaken, is still held: nobody else
    began its work. One that was given back is not."""
    if not fences:
        return
    names = sorted(stored(name) for name in fences)
    found = connection.execute(
        "SELECT name, fence, holder FROM lease WHERE name = ANY(%s) ORDER BY name FOR SHARE", (names,)
    ).fetchall()
    held = {name: fence for name, fence, holder in found if holder}
    for name, fence in fences.items():
        if held.get(stored(name)) != fence:
            now = held.get(stored(name), "none")
            raise Fenced(f"The lease {name} has passed on (fence {fence}, now {now}).")
