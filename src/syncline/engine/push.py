"""Push: an explicit sync of one record now, whatever the schedule says and also while the sync is disabled.

Lives here: reading the record and its possible twin freshly, then the ordinary plan for that record alone. An explicit
push may create on the other side where background runs would not.
"""

from __future__ import annotations

import polars as pl

from syncline.engine.batches import our_key
from syncline.engine.cycle import RunReport, close_run, open_run, plan_and_write
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.erased import erased_us
from syncline.engine.explain import Subject, find_subjects
from syncline.engine.observe import look_up, meet, read_again
from syncline.engine.terms import adopt_terms
from syncline.engine.world import Progress, World
from syncline.errors import ConfigError, StopRequested, SynclineError
from syncline.ports import Lane
from syncline.reconcile.cells import CELL, widen
from syncline.records import SIDES, Side, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Table
from syncline.values import EMPTY


async def push(world: World, sync: Sync, text: str, *, owner: str | None = None) -> RunReport:
    """Bring the record whose id or e-mail is *text* into agreement now; *owner* gets what is created for it.

    What was created is looked at once more, so that its maker learns its id at once. Whatever else goes on stands back
    meanwhile. Raises ConfigError SYN-150 if neither side has such a record.
    """
    async with world.store.ahead():
        return await _push(world, sync, text, owner)


async def _push(world: World, sync: Sync, text: str, owner: str | None) -> RunReport:
    sync = await meet(world, sync)
    report = RunReport(run_id=world.random.token(8), sync=sync.name, kind="push")
    await open_run(world, report)
    try:
        await adopt_terms(world, sync)
        subjects = await look_afresh(world, sync, text, report.run_id)
        only = await _mark(world, sync, subjects)
        await plan_and_write(world, sync, report, writes=True, lane=Lane.URGENT, forced=True, only=only, owner=owner)
    except (SynclineError, StopRequested) as error:
        await close_run(world, report, "failed", str(error) or "stopped by a signal")
        raise
    await close_run(world, report, "failed" if report.stopped else "succeeded")
    if report.stopped is None and report.sheets.outline()["kind"].is_in(["create"]).any():
        await _second_look(world, sync, report, only)
    return report


async def _second_look(world: World, sync: Sync, report: RunReport, only: frozenset[tuple[str, str, str]]) -> None:
    """Plan the new links in a run of their own; *report* tells of both."""
    after = RunReport(run_id=world.random.token(8), sync=sync.name, kind="push")
    await open_run(world, after)
    try:
        await plan_and_write(world, sync, after, writes=True, lane=Lane.URGENT, only=only)
    except SynclineError as error:
        await close_run(world, after, "failed", str(error))
        raise
    await close_run(world, after, "failed" if after.stopped else "succeeded")
    report.sheets.extend(after.sheets)
    report.held += after.held
    report.conflicts += after.conflicts
    report.unknown += after.unknown
    report.stopped = after.stopped


async def look_afresh(world: World, sync: Sync, text: str, run_id: str) -> list[Subject]:
    """Read what *text* names, on both sides, and whatever those records are linked to or could match.

    Raises ConfigError SYN-150 if neither side has such a record.
    """
    world.report(Progress("look up", text, 0))
    if "@" in text:
        for side in SIDES:
            await _look_up_email(world, sync, side, text, run_id)
    subjects = await find_subjects(world, sync, text)
    if not subjects and "@" not in text:
        for side in SIDES:
            for object_type in sync.side(side).object_types:
                await read_again(world, sync.side(side).connection, object_type, [text], run_id, lane=Lane.URGENT)
        subjects = await find_subjects(world, sync, text)
    if not subjects and await erased_us(world, sync, text) is not None:
        raise ConfigError("This person was erased: nothing of him is taken in or written.", code="SYN-153")
    if not subjects:
        raise ConfigError(
            f"Neither side has a record {text!r}.", code="SYN-150", remedy="Give an e-mail address or a record id."
        )
    for subject in subjects:
        await read_again(world, subject.connection, subject.object_type, [subject.record_id], run_id, lane=Lane.URGENT)
        await _look_up_twin(world, sync, subject, run_id)
    world.report(Progress("look up", text, 1, 1))
    return subjects


async def _look_up_email(world: World, sync: Sync, side: Side, text: str, run_id: str) -> None:
    for object_type in sync.side(side).object_types:
        end = sync.email_end(side, object_type)
        if end is not None:
            await look_up(world, sync.side(side).connection, object_type, end.inputs[0], [text], run_id)


async def _look_up_twin(world: World, sync: Sync, subject: Subject, run_id: str) -> None:
    """Read the other side of a link. Look an unlinked record up there by our key, so that nothing is made twice, and on
    both sides by its e-mail address: whoever else has it may not have been read yet, and is a rival."""
    ends = await world.store.links_of(subject.connection, subject.object_type, [subject.record_id])
    links = ends.filter(pl.col("sync") == sync.name)["link_id"].unique().to_list()
    far = sync.side(other(subject.side))
    if links:
        members = await world.store.rows(Table.LINK_END, {"link_id": links, "side": other(subject.side)})
        for object_type, record_id in members.select("object_type", "record_id").iter_rows():
            await read_again(world, far.connection, object_type, [record_id], run_id, lane=Lane.URGENT)
        return
    key = our_key(sync, subject.side, subject.object_type, subject.record_id)
    for object_type, key_field in far.key_fields.items():
        if object_type in far.object_types and world.schema(far.connection, object_type).field(key_field):
            await look_up(world, far.connection, object_type, key_field, [key], run_id)
    if (email := await _email_of(world, sync, subject)) is not None:
        for side in SIDES:
            await _look_up_email(world, sync, side, email, run_id)


async def _email_of(world: World, sync: Sync, subject: Subject) -> str | None:
    """The e-mail address of a record as it was last read; None if it has none."""
    end = sync.email_end(subject.side, subject.object_type)
    if end is None:
        return None
    key = {"object_type": subject.object_type, "record_id": subject.record_id, "connection": subject.connection}
    rows = await world.store.by_keys(Table.MIRROR, pl.DataFrame([key]))
    emails = widen(rows, [end.inputs[0]])[CELL + end.inputs[0]].drop_nulls()
    return str(emails[0]) if len(emails) and emails[0] != EMPTY else None


async def _mark(world: World, sync: Sync, subjects: list[Subject]) -> frozenset[tuple[str, str, str]]:
    """Mark the subjects dirty; what the plan is restricted to: (side, object type, record id)."""
    commit = Commit()
    for subject in subjects:
        ends = await world.store.links_of(subject.connection, subject.object_type, [subject.record_id])
        links = ends.filter(pl.col("sync") == sync.name)["link_id"].unique().to_list()
        if links:
            commit.touch.append(dirty_links(sync.name, links))
        else:
            commit.touch.append(dirty_records(sync.name, subject.side, subject.object_type, [subject.record_id]))
    await world.store.commit(commit)
    return frozenset((s.side, s.object_type, s.record_id) for s in subjects)
