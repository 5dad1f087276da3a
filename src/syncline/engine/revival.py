"""Deleted records brought back: out of the recycle bin, or made anew through the same link.

Lives here: which deletes of ours can be taken back and how, and doing it. What made the delete follow is settled first,
in a commit of its own, so that the next run does not delete it again. A record that is made anew gets what the old one
held, as far as we ever saw it; nothing is agreed about it yet, so the next run compares both sides. Not here: values
that were overwritten (`reversal`), or the run of an undo (`undo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import polars as pl

from syncline import records
from syncline.engine.batches import GENERATION
from syncline.engine.deeds import perform
from syncline.engine.dirty import dirty_links
from syncline.engine.journal import DEED
from syncline.engine.life.marks import Ended, Then, ended_of, mark_rows
from syncline.engine.life.step import settle_endings
from syncline.engine.observe import read_again
from syncline.engine.pairs import mirror_of
from syncline.engine.reversal import DONE
from syncline.engine.settlement import add_rows
from syncline.engine.sides import writable
from syncline.engine.world import Progress, World
from syncline.engine.write import Written
from syncline.errors import AccessError, Later, NotUnderstood
from syncline.ports import Lane
from syncline.reconcile.cells import decode_objects
from syncline.reconcile.plan import ACTIONS, UNDO
from syncline.records import SIDES, Operation, Page, Side, Status, Write, other
from syncline.spec.model import LeavesFilter, Sync
from syncline.trees import Commit, Table


@dataclass(frozen=True, kw_only=True)
class Revival:
    """One record that we deleted. `how`: undelete | create; `reason`: why it stays deleted, None if it comes back.
    `cells`: what one that is made anew gets, by field; `source`: the record of its link on the other side."""

    side: Side
    object_type: str
    record_id: str
    link_id: int
    how: str
    reason: str | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    source: tuple[str, str] = ("", "")
    number: int = 1

    @property
    def action(self) -> str:
        """Its name among the actions of a run."""
        if self.how == "create":
            return f"c{self.side}:{self.source[0]}:{self.source[1]}{GENERATION}{self.number}"
        return f"n{self.side}:{self.object_type}:{self.record_id}"


async def revivals_of(
    world: World, sync: Sync, entries: pl.DataFrame, held: pl.DataFrame, run_id: str
) -> list[Revival]:
    """Every record that the batches of these ENTRY rows deleted, after reading it afresh. *held*: (reversal.WROTE) what
    else was written to them in the same time. One that was created in the same time stays as it was before: away."""
    batches = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    done = entries.filter(pl.col("state").is_in(list(DONE)) & pl.col("record_id").is_not_null())
    known = done.join(batches.select("batch_id", "side", "operation"), on="batch_id")
    name = ["side", "object_type", "record_id"]
    made = known.filter(pl.col("operation") == Operation.CREATE.value)
    gone = known.filter(pl.col("operation") == DEED + Operation.DELETE.value)
    gone = gone.join(made, on=name, how="anti").unique(name, keep="last", maintain_order=True)
    out: list[Revival] = []
    for side in SIDES:
        for (object_type,), own in gone.filter(pl.col("side") == side).group_by("object_type", maintain_order=True):
            if object_type in sync.side(side).object_types:
                out += await _judged(world, sync, side, str(object_type), own, held, run_id)
    return out


async def _judged(
    world: World, sync: Sync, side: Side, object_type: str, own: pl.DataFrame, held: pl.DataFrame, run_id: str
) -> list[Revival]:
    connection, ids = sync.side(side).connection, own["record_id"].to_list()
    page = await read_again(world, connection, object_type, ids, run_id, lane=Lane.URGENT)
    mirror = await mirror_of(world, connection, object_type, own["record_id"])
    cells = dict(zip(mirror["record_id"], decode_objects(mirror["cells"]), strict=True))
    ends = await world.store.by_keys(Table.LINK_END, own.filter(pl.col("link_id") > 0).select("link_id").unique())
    links = await world.store.by_keys(Table.LINK, ends.select("link_id").unique())
    leaves = set(links.filter(~pl.col(f"member_{other(side)}"))["link_id"])
    out = []
    for record_id, link_id in own.select("record_id", "link_id").iter_rows():
        family = ends.filter(pl.col("link_id") == link_id)
        revival = _revival(side, object_type, record_id, link_id, family, page)
        before = held.filter((pl.col("side") == side) & (pl.col("record_id") == record_id))
        kept = {**cells.get(record_id, {}), **dict(before.drop_nulls("held").select("field", "held").iter_rows())}
        reason = _obstacle(world, sync, revival, family, page, is_known=record_id in cells, is_leaver=link_id in leaves)
        given = _creatable(world, sync, revival, kept)
        if revival.how == "create" and not given:
            reason = reason or "nothing it held may be written into a new record"
        out.append(replace(revival, reason=reason, cells=given))
    return out


def _revival(
    side: Side, object_type: str, record_id: str, link_id: int, family: pl.DataFrame, page: Page | None
) -> Revival:
    far = family.filter((pl.col("side") == other(side)) & (pl.col("role") == "current"))
    source = next(far.select("object_type", "record_id").iter_rows(), ("", ""))
    is_gone = page is None or record_id not in page.rows[records.ID]
    return Revival(
        side=side,
        object_type=object_type,
        record_id=record_id,
        link_id=link_id,
        how="create" if is_gone else "undelete",
        source=source,
        number=len(family.filter(pl.col("side") == side)) + 1,
    )


def _obstacle(
    world: World,
    sync: Sync,
    revival: Revival,
    family: pl.DataFrame,
    page: Page | None,
    *,
    is_known: bool,
    is_leaver: bool,
) -> str | None:
    """Why the record stays deleted; the first of these that stands."""
    side, connection = revival.side, sync.side(revival.side).connection
    able = world.capabilities(connection, revival.object_type)
    own = family.filter((pl.col("side") == side) & (pl.col("role") == "current"))["record_id"].to_list()
    makes = revival.how == "create"
    obstacles = [
        (_is_there(page, revival.record_id), ALREADY_THERE),
        (_has_heir(page, revival.record_id), "it ended in another record"),
        (bool(own) and own != [revival.record_id], "another record stands for the person now"),
        (not is_known, "nothing is known of it any more"),
        (is_leaver and sync.leaves_filter is LeavesFilter.DELETE, "the sync deletes who is outside its filter"),
        (makes and not revival.source[1], "it belongs to no pair, so nothing says for whom to make it anew"),
        (makes and revival.object_type not in sync.side(side).key_fields, "there is no key field to make it anew with"),
        (not makes and Operation.UNDELETE not in able.operations, "the system has no way to take it back"),
    ]
    return next((words for stands, words in obstacles if stands), None)


ALREADY_THERE = "it is there already"


def _is_there(page: Page | None, record_id: str) -> bool:
    rows = page.rows.filter(pl.col(records.ID) == record_id) if page is not None else None
    return rows is not None and rows[records.DELETED].to_list() == [False]


def _has_heir(page: Page | None, record_id: str) -> bool:
    return page is not None and page.fates is not None and record_id in page.fates[records.ID]


def _creatable(world: World, sync: Sync, revival: Revival, held: Mapping[str, str | None]) -> dict[str, str]:
    """What of the cells *held* a new record may be given, of the fields that the sync maps."""
    if revival.how != "create" or not revival.source[0]:
        return {}
    schema = world.schema(sync.side(revival.side).connection, revival.object_type)
    out = {}
    for mapping in _maps(sync, revival):
        end = mapping.ends(revival.side)[revival.object_type]
        if end.field and (value := held.get(end.field)) and writable(schema, mapping, end, creating=True):
            out[end.field] = value
    return out


def _maps(sync: Sync, revival: Revival) -> Sequence[Any]:
    types = {revival.side: revival.object_type, other(revival.side): revival.source[0]}
    return sync.maps_for(types["a"], types["b"])


def creates_of(sync: Sync, revivals: Sequence[Revival]) -> pl.DataFrame:
    """ACTIONS of those that are made anew. They leave both bases unknown: what the two sides hold is compared anew."""
    rows = [
        {
            "action": one.action,
            "kind": "create",
            "side": one.side,
            "object_type": one.object_type,
            "link_id": one.link_id,
            "source_type": one.source[0],
            "source_id": one.source[1],
            "mapping": mapping.key,
            "field": name,
            "after": one.cells[name],
            "verdict": UNDO,
            "reason": "it held that before it was deleted",
            "print_a": 0,
            "print_b": 0,
            "base_a_before": 0,
            "base_b_before": 0,
            "is_default": False,
        }
        for one in revivals
        if one.how == "create" and one.reason is None
        for mapping in _maps(sync, one)
        if (name := mapping.ends(one.side)[one.object_type].field) in one.cells
    ]
    return pl.DataFrame(rows, schema=ACTIONS)


def counted(revivals: Sequence[Revival]) -> pl.DataFrame:
    """ACTIONS rows by which the ceiling on creates counts records taken out of the bin; they are never sent."""
    rows = [
        {
            "action": one.action,
            "kind": "create",
            "side": one.side,
            "object_type": one.object_type,
            "link_id": one.link_id,
            "source_type": one.source[0],
            "source_id": one.source[1],
        }
        for one in revivals
        if one.how == "undelete" and one.reason is None
    ]
    return pl.DataFrame(rows, schema=ACTIONS)


async def settle_before(world: World, sync: Sync, revivals: Sequence[Revival]) -> None:
    """Nothing is to follow any more from what made us delete these; a link whose record is made anew is a tombstone,
    also if the vendor has not told us of the delete yet."""
    ids = pl.DataFrame({"link_id": [one.link_id for one in revivals if one.link_id]}, schema={"link_id": pl.Int64})
    marks = await ended_of(world.store, ids)
    quiet: dict[int, Ended] = {}
    buried = []
    for one in revivals:
        ended = marks.get(one.link_id)
        if one.how == "create":
            buried.append(one.link_id)
            own = Ended(
                side=one.side, object_type=one.object_type, record_id=one.record_id, why="deleted", then=Then.NOTHING
            )
            quiet[one.link_id] = replace(ended or own, then=Then.NOTHING)
        elif ended is not None and ended.side != one.side:
            quiet[one.link_id] = replace(ended, then=Then.NOTHING)
    commit = Commit()
    if quiet:
        add_rows(commit, Table.MARK, mark_rows(quiet, world.now_us()))
    if buried:
        state = pl.lit("tombstone").alias("state")
        commit.amend[Table.LINK] = [pl.DataFrame({"link_id": buried}).with_columns(state)]
    await world.store.commit(commit)


async def undelete_all(world: World, sync: Sync, revivals: Sequence[Revival], run_id: str, report: Written) -> None:
    """Take records out of the bin, one by one; what became of each is added to *report*. Their links live again."""
    for one in revivals:
        await act_alone(world, sync, run_id, one, Operation.UNDELETE, "brought back", report)
    back = [one for one in revivals if report.classes[one.action][0] == "written"]
    if back:
        rows = [(sync.name, one.side, one.object_type, one.record_id) for one in back]
        names = ["sync", "side", "object_type", "record_id"]
        only = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        await settle_endings(world, sync, run_id, writes=False, only=only, lane=Lane.URGENT)
        await world.store.commit(Commit(touch=[dirty_links(sync.name, [one.link_id for one in back if one.link_id])]))


class OneRecord(Protocol):
    """A record that one act of an undo is about; `action` names the act among those of the run."""

    @property
    def action(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def object_type(self) -> str: ...
    @property
    def record_id(self) -> str: ...
    @property
    def link_id(self) -> int: ...


async def act_alone(
    world: World, sync: Sync, run_id: str, one: OneRecord, operation: Operation, words: str, report: Written
) -> None:
    """Delete or undelete one record; what became of it is added to *report*, *words* if it was done. A stop that was
    asked for ends the undo here, before anything is sent."""
    world.report(Progress(operation.value, sync.name, len(report.classes)))
    connection = sync.side(one.side).connection
    if connection in report.silent:
        report.classes[one.action] = ("deferred", "not sent")
        return
    write = Write(operation=operation, object_type=one.object_type, cells={}, record_id=one.record_id)
    try:
        outcome = await perform(world, sync, run_id, one.side, write, link_id=one.link_id)
    except (Later, AccessError, NotUnderstood) as error:
        report.stop(connection, error)
        report.classes[one.action] = ("deferred", str(error))
        return
    if outcome.status in (Status.WRITTEN, Status.UNCHANGED):
        report.classes[one.action] = ("written", words)
    elif outcome.status is Status.UNKNOWN:
        report.classes[one.action] = ("unknown", outcome.message or "the answer was lost; it will be read back")
    else:
        name = "dead" if outcome.is_permanent else "deferred"
        report.classes[one.action] = (name, f"{outcome.code}: {outcome.message}")
