"""What our processes are shown, and what they send: told to the stage as it passes through a connector or a commit.

Lives here: a connector that tells, and what one process was shown and has not stored yet. Not here: the stage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from syncline import records
from syncline.engine.bases import base_columns
from syncline.errors import SynclineError
from syncline.records import Page, Side, Write, WriteAnswer
from syncline.spec.model import Sync
from syncline.trees import Commit, Table
from tests.simulation.chronicle import COLUMNS
from tests.simulation.leases import Leases
from tests.simulation.ports import Process
from tests.simulation.sending import Sending


class Watched(Protocol):
    """Who is told (`stage.Stage`)."""

    sync: Sync
    shown: dict[tuple[Side, str, str, str], int]
    based_us: dict[tuple[int, str], int]
    sending: Sending
    writes_sent: int
    leases: Leases

    def now_us(self) -> int: ...

    def tell(self, text: str) -> None: ...


@dataclass(kw_only=True)
class Watch:
    """What one process was shown and has not stored yet: a death forgets it."""

    stage: Watched
    process: Process
    pending: dict[tuple[Side, str, str, str], int] = field(default_factory=dict)
    held: set[tuple[Side, str, str, str]] = field(default_factory=set)  # of these, what a record held as it was read

    def showed(self, side: Side, page: Page) -> None:
        names = {column: key for key, column in COLUMNS.get(page.object_type, {}).items()}
        now_us = self.stage.now_us()
        self.stage.sending.showed(side, page)
        fields = [name for name in page.fields if name in names]
        for row in page.rows.iter_rows(named=True):
            for name in fields:
                if row[name] is not None:
                    self.pending[side, row[records.ID], names[name], row[name]] = (
                        _true_us(row[records.AS_OF], self.process) or now_us
                    )
                    self.held.add((side, row[records.ID], names[name], row[name]))
        if page.moments is not None:
            for record_id, name, old, new in page.moments.select(records.ID, "field", "old", "new").iter_rows():
                if name in names:
                    for value in (old, new):
                        self.pending[side, record_id, names[name], value or ""] = now_us

    def failed(self, commit: Commit) -> None:
        """A page that could not be stored was shown to nobody: it is read again."""
        if Table.RECEIPT in commit.put or Table.RECEIPT in commit.add:
            self.pending.clear()
            self.held.clear()

    def committed(self, commit: Commit) -> None:
        now_us = self.stage.now_us()
        if self.process.ends_reading and Table.CURSOR in commit.put and self.pending.keys() - self.stage.shown.keys():
            self.process.last_commit = self.process.commits + 1
        self.stage.sending.known(self.held, now_us)
        self.held.clear()
        if Table.ENTRY in commit.add or Table.ENTRY in commit.put:
            self.process.prepared_us = now_us
        for what, at_us in self.pending.items():
            self.stage.shown[what] = max(self.stage.shown.get(what, 0), at_us)
        self.pending.clear()
        if (bases := commit.put.get(Table.BASE)) is not None:
            self._bases_known(bases)

    def _bases_known(self, bases: pl.DataFrame) -> None:
        keys = [m.key for m in self.stage.sync.fields]
        if bases["revision"].unique().to_list() != [self.stage.sync.revision()]:
            return
        for row in base_columns(bases, keys).iter_rows(named=True):
            for key in keys:
                if row[f"xa.{key}"] is None or row[f"xb.{key}"] is None:
                    self.stage.based_us.pop((row["link_id"], key), None)
                else:
                    self.stage.based_us.setdefault((row["link_id"], key), self.stage.now_us())


def _true_us(at_us: int | None, process: Process) -> int | None:
    """When something was by the one true clock, of which a process has its own idea."""
    return None if at_us is None else at_us - int(process.skew_seconds * 1e6)


class WatchedConnector:
    """A connector that tells of every page it showed and of every write it was asked for."""

    def __init__(self, connector: Any, side: Any, watch: Watch) -> None:
        self._connector, self._side, self._watch = connector, side, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    async def _watched(self, pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
        async for page in pages:
            self._watch.showed(self._side, page)
            yield page

    def read_all(self, *args: Any, **options: Any) -> AsyncIterator[Page]:
        return self._watched(self._connector.read_all(*args, **options))

    def read_changes(self, *args: Any, **options: Any) -> AsyncIterator[Page]:
        return self._watched(self._connector.read_changes(*args, **options))

    async def read_by_ids(self, *args: Any, **options: Any) -> Page:
        return self._shown(await self._connector.read_by_ids(*args, **options))

    async def find(self, *args: Any, **options: Any) -> Page:
        return self._shown(await self._connector.find(*args, **options))

    def _shown(self, page: Page) -> Page:
        self._watch.showed(self._side, page)
        return page

    async def write(self, writes: Sequence[Write], **options: Any) -> WriteAnswer:
        self._watch.stage.writes_sent += len(writes)
        self._watch.stage.sending.sends(self._watch.process, self._side, writes, self._watch.stage.now_us())
        for one in writes:
            text = f"{one.operation} {one.object_type} {one.record_id or one.key} {dict(one.cells)}"
            self._watch.stage.tell(f"  {self._watch.process.name} sends {self._side} {text}")
        self._watch.stage.leases.sends(self._watch.process)
        self._watch.process.is_sending, self._watch.process.rows_sent = True, len(writes)
        try:
            answer: WriteAnswer = await self._connector.write(writes, **options)
        except SynclineError:
            self._watch.stage.sending.came_to_nothing(self._side, writes)
            raise
        finally:
            self._watch.process.is_sending = False
        self._watch.stage.sending.answered(
            self._watch.process, self._side, writes, answer.outcomes, self._watch.stage.now_us()
        )
        for one, outcome in zip(writes, answer.outcomes, strict=True):
            if outcome.code or outcome.status not in ("written", "unchanged"):
                self._watch.stage.tell(
                    f"  … {one.record_id or one.key}: {outcome.status} {outcome.code} {outcome.message}"
                )
        if answer.confirmed is not None:
            self._watch.showed(self._side, answer.confirmed)
        return answer
