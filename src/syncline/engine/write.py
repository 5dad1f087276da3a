"""Writing: prepare (journal, in-flight rows) → send → settle the outcomes. The only writes to connectors.

Lives here: one batch's way through the three steps, each step durable before the next. Not here: what to write
(`reconcile.plan`), or what a later reading of it means (`settlement`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

import polars as pl

from syncline.engine import outcomes
from syncline.engine.awaited import awaiting
from syncline.engine.batches import Batch, Row, batches_of, prepared
from syncline.engine.contended import guard
from syncline.engine.erased import ERASED_MEANWHILE, erased_rows
from syncline.engine.intake import take_alone
from syncline.engine.journal import DEED, IN_FLIGHT
from syncline.engine.lost_creates import found_creates
from syncline.engine.lost_updates import give_up_unfound
from syncline.engine.moved import moved
from syncline.engine.observe import read_again
from syncline.engine.shares import section
from syncline.engine.sheets import Sheets
from syncline.engine.tenure import in_other_hands
from syncline.engine.world import Progress, World
from syncline.errors import AccessError, Later, NotUnderstood, SynclineError
from syncline.ports import Lane
from syncline.records import NewField, Operation, Outcome, Problem, Status, Write, WriteAnswer
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


@dataclass(kw_only=True)
class Written:
    """What became of actions: `classes` maps an action to its conservation class, with the reason beside it.

    `stopped` is the first error that ended the writing of a connection early; that connection's unsent actions are
    deferred, the others' go on.
    """

    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    new_links: list[int] = field(default_factory=list)
    stopped: SynclineError | None = None
    silent: set[str] = field(default_factory=set)  # connections that take no more writes in this run
    taken_seq: int = 0  # dirty marks up to it are what is being written

    def stop(self, connection: str, error: SynclineError) -> None:
        self.silent.add(connection)
        self.stopped = self.stopped or error


async def write_actions(
    world: World,
    sync: Sync,
    run_id: str,
    sheets: Sheets,
    conflicts: pl.DataFrame,
    *,
    lane: Lane = Lane.LIVE,
    owner: str | None = None,
    taken_seq: int = 0,
) -> Written:
    """Carry out planned actions, batch by batch. *conflicts* are logged with the batch that decides them; *owner* is as
    in `batches_of`; *taken_seq* is the newest dirty mark they were planned from.

    A record with a write in flight is deferred. Raises nothing once something was sent: what a vendor refuses, loses
    or cannot take now is in the classes.
    """
    report = Written(taken_seq=taken_seq)
    done = 0
    total = sheets.count()
    for batch in batches_of(world, sync, sheets, owner):
        if batch.connection in report.silent:
            await _defer(world, sync, batch.rows, "not sent", report)
            continue
        await _write_batch(world, sync, run_id, batch, conflicts, report, lane)
        done += len(batch.rows)
        world.report(Progress("write", f"{batch.connection}.{batch.object_type}", done, total))
    return report


async def _write_batch(
    world: World, sync: Sync, run_id: str, batch: Batch, conflicts: pl.DataFrame, report: Written, lane: Lane
) -> None:
    batch = await _without_erased(world, sync, batch, report)
    if not batch.rows:
        return
    try:
        guarded = await guard(world, sync, batch, run_id)
    except (Later, AccessError, NotUnderstood) as error:
        report.stop(batch.connection, error)
        await _defer(world, sync, batch.rows, str(error), report)
        return
    late = await _without_erased(world, sync, replace(batch, rows=guarded.moved), report)
    await _defer(world, sync, late.rows, "it changed while it was planned; planned again next", report)
    batch = await _prepare(world, sync, run_id, guarded.batch, conflicts, report)
    if not batch.rows:
        return
    await world.before_sending()
    connector = world.connectors[batch.connection]
    try:
        answer = await connector.write([row.sent for row in batch.rows], lane=lane)
    except (Later, AccessError, NotUnderstood) as error:
        report.stop(batch.connection, error)
        await _withdraw(world, sync, batch, error, report)
        return
    await _settle(world, sync, run_id, batch, answer, report)
    second = [row.without(_with_groups(sync, row, out.fields)) for row, out in _field_refusals(batch, answer)]
    if second := [row for row in second if row.count]:
        again = Batch.like(batch, second, world)
        await _write_batch(world, sync, run_id, again, conflicts.clear(), report, lane)


async def _without_erased(world: World, sync: Sync, batch: Batch, report: Written) -> Batch:
    """*batch* less the rows about persons who were erased meanwhile."""
    erased = await erased_rows(world, sync, batch)
    if not erased:
        return batch
    report.classes.update(dict.fromkeys(erased, ERASED_MEANWHILE))
    return Batch.like(batch, [row for row in batch.rows if row.action not in erased], world)


def _field_refusals(batch: Batch, answer: WriteAnswer) -> list[tuple[Row, Outcome]]:
    """Rows refused for named fields, once: they are tried again without them."""
    return [
        (row, out)
        for row, out in zip(batch.rows, answer.outcomes, strict=True)
        if out.status is Status.REJECTED and out.fields and out.is_permanent and not row.is_second_try
    ]


def _with_groups(sync: Sync, row: Row, refused: Sequence[str]) -> set[str]:
    """The *refused* fields and what is decided together with them: an atomic group is refused as one."""
    maps = {name: sync.field_map(str(cell["mapping"])) for name, cell in row.cells.items()}
    groups = {maps[name].group_key for name in refused if name in maps and maps[name].is_atomic}
    return {*refused, *(name for name, mapping in maps.items() if mapping.is_atomic and mapping.group_key in groups)}


async def _prepare(
    world: World, sync: Sync, run_id: str, batch: Batch, conflicts: pl.DataFrame, report: Written
) -> Batch:
    """Store the journal entry and the in-flight rows. Rows that rest on something that moved since they were planned,
    and rows that have to wait for a write in flight, are deferred."""
    if not batch.rows:
        return batch
    async with _section(world, sync, batch):
        batch = await _without_erased(world, sync, batch, report)
        gone = await moved(world, sync, batch) if batch.rows else frozenset()
        late = [row for row in batch.rows if row.action in gone]
        await _defer(world, sync, late, "it changed while it was planned; planned again next", report)
        if late:
            batch = Batch.like(batch, [row for row in batch.rows if row.action not in gone], world)
        waiting = await awaiting(world, sync, batch)
        losers = [row for row in batch.rows if row.action in waiting]
        await _defer(world, sync, losers, "a write to it, or to what it is made from, is in flight", report)
        if losers:
            batch = Batch.like(batch, [row for row in batch.rows if row.action not in waiting], world)
        if batch.rows:
            await world.store.commit(prepared(world, sync, run_id, batch, conflicts))
    return batch


def _section(world: World, sync: Sync, batch: Batch) -> AbstractAsyncContextManager[None]:
    """Updates are their links' affair alone; a create makes links, and is asked for by keys that others use too."""
    links = [row.link_id for row in batch.rows] if batch.operation is Operation.UPDATE else [0]
    return section(world, sync, links)


async def _defer(world: World, sync: Sync, rows: Sequence[Row], reason: str, report: Written) -> None:
    """Leave *rows* for the next run."""
    report.classes.update({row.action: ("deferred", reason) for row in rows})
    await world.store.commit(Commit(touch=[outcomes.again(sync, row) for row in rows]))


async def _withdraw(world: World, sync: Sync, batch: Batch, error: SynclineError, report: Written) -> None:
    """Nothing of the batch was sent: take it back."""
    report.classes.update({row.action: ("deferred", str(error)) for row in batch.rows})
    entries = batch.entry_states(["rejected"] * len(batch.rows))
    await world.store.commit(
        Commit(
            amend={Table.ENTRY: [entries], Table.JOURNAL: [batch.answered(world, None)]},
            touch=[outcomes.again(sync, row) for row in batch.rows],
        )
    )


async def _settle(world: World, sync: Sync, run_id: str, batch: Batch, answer: WriteAnswer, report: Written) -> None:
    """Outcomes, mirror, bases, links and journal in one commit; then what the same call read back."""
    async with _section(world, sync, batch):
        settled = await outcomes.settled(world, sync, batch, answer, taken_seq=report.taken_seq)
        await world.store.commit(settled.commit)
    report.classes.update(settled.classes)
    report.new_links += settled.new_links
    if answer.confirmed is not None and len(answer.confirmed.rows):
        await take_alone(world, batch.connection, answer.confirmed, run_id, same_call=True)
    gone = [
        out.record_id or row.write.record_id
        for row, out in zip(batch.rows, answer.outcomes, strict=True)
        if out.is_gone or out.is_stale
    ]
    await read_again(world, batch.connection, batch.object_type, [g for g in gone if g], run_id)


async def resolve_unknown(world: World, sync: Sync, run_id: str) -> int:
    """Settle entries whose outcome is unknown by reading: updates by id, creates by our key. How many stay unknown.

    Entries of a process that died are unknown too; those of a worker whose lease lasts are not. A create that is not
    found is given up only after the late-commit time (`lost_creates`).
    """
    entries = await world.store.rows(Table.ENTRY, {"state": list(IN_FLIGHT)})
    if entries.is_empty():
        return 0
    journals = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    own = journals.filter((pl.col("sync") == sync.name) & ~pl.col("operation").str.starts_with(DEED))
    own = own.join(await in_other_hands(world, own), on="batch_id", how="anti")
    for (connection, object_type), part in entries.join(own.select("batch_id"), on="batch_id").group_by(
        "connection", "object_type", maintain_order=True
    ):
        ids = part.filter(pl.col("record_id").is_not_null())["record_id"].unique().to_list()
        page = await read_again(world, str(connection), str(object_type), ids, run_id)
        if page is not None and page.missing:
            await give_up_unfound(world, sync, str(connection), str(object_type), part, page.missing)
        lost = part.filter(pl.col("record_id").is_null())
        await _find_creates(world, sync, run_id, str(connection), str(object_type), lost)
    left = await world.store.rows(Table.ENTRY, {"state": list(IN_FLIGHT)})
    return len(left.join(own.select("batch_id"), on="batch_id"))


async def _find_creates(
    world: World, sync: Sync, run_id: str, connection: str, object_type: str, lost: pl.DataFrame
) -> None:
    """Look creates of unknown outcome up by our key; found in any state is written."""
    if lost.is_empty():
        return
    # The two sides of a sync are two connections.
    key_field = (sync.a if sync.a.connection == connection else sync.b).key_fields[object_type]
    fields = world.fields_read(connection, object_type)
    keys = lost["match_key"].unique().to_list()
    page = await world.connectors[connection].find(object_type, fields, key_field, keys)
    async with world.store.alone():
        commit = Commit()
        await found_creates(world, sync, connection, object_type, lost, page, key_field, commit)
        await world.store.commit(commit)
    if len(page.rows):
        await take_alone(world, connection, page, run_id)


async def send(world: World, connection: str, write: Write, *, lane: Lane) -> Outcome:
    """Send one write and return its outcome. Nothing is journalled here: that is the caller's, before and after."""
    answer = await world.connectors[connection].write([write], lane=lane)
    return answer.outcomes[0]


async def make_fields(world: World, connection: str, wanted: Sequence[NewField]) -> list[Problem]:
    """Create custom fields on a connection; what could not be made comes back as problems."""
    return await world.connectors[connection].create_fields(wanted)
