"""The Store's contract: `Commit`, in which changes travel, leases, and the protocol `Store`.

Not here: the tables (`trees.tables`), or how they are kept (`store/`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol, TypeVar

import polars as pl

from syncline.errors import Stale
from syncline.trees.tables import Table

_Decided = TypeVar("_Decided")


@dataclass(kw_only=True)
class Commit:
    """Changes that become durable together or not at all.

    `put` rows replace rows of the same key (all columns given); `add` rows must be new and raise `AlreadyThere` if one
    is not (in-flight rows: two writers of one record); `drop` rows name keys to delete (key columns only);
    `clean` drops dirty marks whose stored `seq` is not newer than the given one. `touch` sets dirty marks with a fresh
    store sequence (columns of DIRTY without `seq`); a mark that is there becomes due sooner by it, never later.
    `amend` updates some columns by key; a key that is not there is passed over. `wipe` deletes every row that equals
    some row of a frame in the frame's columns, whatever the table's key: for what must not stay anywhere. `fences` are
    leases, name to fence, that must still be held as they were taken: else `Fenced`, and nothing is stored.

    They act in the order wipe, drop, clean, put, amend, add, touch: one commit may free a key or an in-flight slot and
    take it again. A put or amend into a taken in-flight slot raises `AlreadyThere` as well.
    """

    put: dict[Table, pl.DataFrame] = field(default_factory=dict)
    add: dict[Table, pl.DataFrame] = field(default_factory=dict)
    amend: dict[Table, list[pl.DataFrame]] = field(default_factory=dict)
    drop: dict[Table, pl.DataFrame] = field(default_factory=dict)
    touch: list[pl.DataFrame] = field(default_factory=list)
    clean: pl.DataFrame | None = None
    wipe: dict[Table, list[pl.DataFrame]] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether it holds no row at all; such a commit touches no disk."""
        frames = [
            *self.put.values(),
            *self.add.values(),
            *self.drop.values(),
            *chain(*self.amend.values()),
            *chain(*self.wipe.values()),
            *self.touch,
        ]
        return not any(frame.height for frame in frames) and (self.clean is None or not self.clean.height)


class AlreadyThere(Stale):
    """An `add` met a row with the same key or in-flight slot; nothing of the commit was stored. Where nobody expects
    that, another worker was faster: the next turn goes on from what it stored."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to work on the unit *name*, for *holder*, until `expires_us` of the store's clock.

    `fence` is greater than that of every lease taken before, of whatever unit: it names this tenure for ever.
    """

    name: str
    holder: str
    fence: int
    taken_us: int
    expires_us: int


class Fenced(Exception):
    """The lease under which the commit was made has passed to another holder; nothing of the commit was stored.

    Whoever meets it stops at once: what it was doing is being done by its successor.
    """


class Store(Protocol):
    """Keeps the trees. Every method is one transaction; reads see the last commit.

    Raises StateError when the state cannot be read or written (damage, disk full, another process holds it): nothing
    of the commit was stored.
    """

    async def commit(self, commit: Commit) -> None: ...

    async def rows(
        self,
        table: Table,
        where: Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> pl.DataFrame:
        """Rows whose columns equal the given values (a list: any of them; None: is null), in key order.

        A table without key keeps the order of appending. *newest_first* goes by the table's instant (`at_us`,
        `started_us`, …), then by key backwards.
        Always has all columns of the table with their types, also when there is no row.
        """
        ...

    def slices(self, table: Table, where: Mapping[str, Any] | None = None, *, size: int) -> AsyncIterator[pl.DataFrame]:
        """What `rows` gives of a table whose key is never null, *size* rows at a time, none twice.

        Each is read when it is asked for: what was committed meanwhile behind the last one is in it.
        """
        ...

    async def by_keys(self, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
        """Rows whose columns equal those of some row of *keys* (a subset of the table's columns): bulk look-up.

        Null equals null; each row comes once, in key order.
        """
        ...

    async def count(self, table: Table, where: Mapping[str, Any] | None = None) -> int: ...

    async def take_dirty(
        self, sync: str, *, now_us: int, linked: bool, limit: int, bucket: tuple[int, int] | None = None
    ) -> pl.DataFrame:
        """Up to *limit* due dirty marks of a sync in order of `seq`: of links, or of unlinked records.

        *bucket* (k, n) restricts those of links to the ones whose `link_id` leaves k when divided by n.
        """
        ...

    async def links_of(self, connection: str, object_type: str, record_ids: Sequence[str]) -> pl.DataFrame:
        """LINK_END rows (aliases too) of these records in every sync whose side is bound to that connection.

        The binding of (sync, side) to a connection is told by `bind`.
        """
        ...

    async def unlinked(self, sync: str, side: str, connection: str, object_types: Sequence[str]) -> pl.DataFrame:
        """MIRROR rows of a side that are in no link of the sync (deleted ones included)."""
        ...

    async def bind(self, sync: str, side: str, connection: str) -> None:
        """Remember which connection a sync's side uses; needed by `links_of`."""
        ...

    async def next_link_ids(self, count: int) -> int:
        """Reserve *count* link ids; the first of them."""
        ...

    async def next_numbers(self, counter: str, count: int) -> int:
        """Take the next *count* numbers of a counter of that name, which starts at 1; the first of them."""
        ...

    async def revise(
        self,
        name: str,
        reads: Mapping[Table, Mapping[str, Any] | None],
        decide: Callable[[int, Mapping[Table, pl.DataFrame]], tuple[Commit, _Decided]],
    ) -> _Decided:
        """Read, decide and store as one: what *decide* answers beside its commit.

        *decide* is given now (as `clock_us`, taken inside) and of each table in *reads* the rows that `rows` would
        give. Its commit is stored in the same transaction; an empty one stores nothing. Of calls with the same *name*
        none begins before the one under way has ended, whatever process they come from: two that decide on the same
        rows never both see them as they were. *decide* only computes: it may run on another thread, and once more if
        the transaction has to be repeated. What it raises undoes everything and is raised here.

        A store of several processes holds a lock of that name for the length of the transaction (PostgreSQL:
        `pg_advisory_xact_lock`, taken before anything is read, at read committed).
        """
        ...

    async def clock_us(self) -> int:
        """Now, by the clock that leases are measured by: the server's, or the given Clock where there is no server."""
        ...

    async def take_lease(self, name: str, holder: str, *, seconds: float) -> Lease | None:
        """Take the unit *name* for *seconds*; None while another holder's lease on it lasts.

        Whoever holds it already takes it anew, with a new fence.
        """
        ...

    async def keep_lease(self, lease: Lease, *, seconds: float) -> Lease | None:
        """The same lease lasting *seconds* from now; None if it has passed to another holder or was given back.

        One that ran out and that nobody took meanwhile is still ours.
        """
        ...

    async def give_back(self, lease: Lease) -> None:
        """End a lease so that the next may take it at once. Nothing happens if it has passed on already."""
        ...

    async def installation_key(self) -> bytes:
        """The key of this installation's fingerprints, 32 bytes, made at first use."""
        ...

    async def copy(self) -> Store:
        """A private copy of everything, discarded on close: a plan runs on it and writes nothing."""
        ...

    async def scrub(self) -> bool:
        """Rewrite what is stored so that no byte of deleted or replaced rows is left in any file of it.

        False if a reader beside us kept the old bytes in place: the same again, once it is gone, removes them.
        """
        ...

    async def notify(self, topic: str) -> None:
        """Wake whoever waits for *topic*, in any process that uses this state."""
        ...

    async def wait(self, topic: str, seconds: float) -> bool:
        """Until *topic* is woken or *seconds* have passed, by the Clock; whether it was woken.

        A wake is a hint to look, never the news: it may come twice, and one may be missed (a file's other processes, a
        server that was away), so whoever waits looks anyway when the time is over. One that came while nobody of this
        store waited is kept for the next who does, from the store's first wait on.
        """
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """A section between whose reads and commits no other section comes, of this process or of another.

        Short, and never around a call of a vendor; a section inside one of the same task is part of it.
        """
        ...

    def in_share(self) -> AbstractAsyncContextManager[None]:
        """As `alone`, but for what belongs to one share of a sync's links and to nothing else, by whoever has the lease
        of that share: such sections of other processes, for other shares, may go on beside it.

        OurBug if `alone` is asked for inside it.
        """
        ...

    def ahead(self) -> AbstractAsyncContextManager[None]:
        """While it lasts, sections of the present task, and of tasks made in it, go before everybody else's, of this
        process or of another.

        Others stand back for two seconds at most, then take their turns in between. A section in hand is not broken
        off.
        """
        ...

    async def close(self) -> None: ...
