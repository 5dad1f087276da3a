"""A proven delete makes its link a tombstone; an undelete lifts it.

Lives here: what follows from a record's end – the policy of its side, or a person where the counterpart was changed
before the delete – and what an undelete brings back. Not here: doing what follows (`afterlife`), heirs (`successions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.dirty import dirty_links
from syncline.engine.holds import hold_row
from syncline.engine.life.marks import Ended, Then, close_holds, ended_of, mark_rows
from syncline.engine.life.successions import close_entries, revive
from syncline.engine.pairs import Slice, slices
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.plan import held_digest
from syncline.reconcile.succession import Name
from syncline.records import Side, other
from syncline.spec.model import Direction, FieldMap, LeavesFilter, OnDelete, Sync
from syncline.trees import TABLES, Commit, Table
from syncline.values import EMPTY

_THEN: Mapping[OnDelete, Then] = {
    OnDelete.FLAG: Then.FLAG,
    OnDelete.DELETE: Then.DELETE,
    OnDelete.UNLINK: Then.NOTHING,
    OnDelete.HOLD: Then.HELD,
    OnDelete.RECREATE: Then.RECREATE,
}

_EDITED = "edited_and_deleted"
"""The kind of a hold about a record that was changed before its counterpart was deleted."""


@dataclass(frozen=True, kw_only=True)
class Grave:
    """A link whose current record on the side looked at has ended without an heir that this sync knows."""

    link_id: int
    name: Name
    why: str
    at_us: int | None


async def bury_links(
    world: World, sync: Sync, side: Side, graves: Sequence[Grave], run_id: str, commit: Commit
) -> None:
    """Make these links tombstones and say what follows; open holds where a person decides."""
    if not graves:
        return
    ids = pl.DataFrame({"link_id": [grave.link_id for grave in graves]}, schema={"link_id": pl.Int64})
    changed = await _changed_before(world, sync, side, graves)
    counterparts = await _counterparts(world, sync, side, ids)
    links = {row["link_id"]: row for row in (await world.store.by_keys(Table.LINK, ids)).iter_rows(named=True)}
    ended: dict[int, Ended] = {}
    for grave in graves:
        counterpart = counterparts.get(grave.link_id)
        then, why = _what_follows(sync, side, grave, links[grave.link_id], counterpart, changed)
        stamp = counterpart["stamp_us"] if counterpart is not None else None
        ended[grave.link_id] = Ended(
            side=side,
            object_type=grave.name[0],
            record_id=grave.name[1],
            why=why,
            then=then,
            at_us=grave.at_us,
            counterpart_us=stamp if isinstance(stamp, int) else None,
        )
    held = [grave for grave in graves if ended[grave.link_id].then is Then.HELD]
    if held:
        rows = [_hold(world, sync, side, g, counterparts.get(g.link_id), changed.get(g.link_id), run_id) for g in held]
        add_rows(commit, Table.HOLD, pl.DataFrame(rows, schema=dict(TABLES[Table.HOLD][0])))
    commit.amend.setdefault(Table.LINK, []).append(ids.with_columns(pl.lit("tombstone").alias("state")))
    add_rows(commit, Table.MARK, mark_rows(ended, world.now_us()))
    commit.touch.append(dirty_links(sync.name, ids["link_id"].to_list()))
    await close_entries(world, sync, side, [grave.name for grave in graves], commit)


def _what_follows(
    sync: Sync,
    side: Side,
    grave: Grave,
    link: Mapping[str, object],
    counterpart: Mapping[str, object] | None,
    changed: Mapping[int, Sequence[object]],
) -> tuple[Then, str]:
    """What follows for the counterpart, and why the record ended."""
    if counterpart is None or counterpart["is_deleted"] or counterpart["fate"] is not None:
        return Then.NOTHING, grave.why
    if sync.leaves_filter is LeavesFilter.DELETE and link[f"member_{other(side)}"] is False:
        return Then.BACK_IN_FILTER, "left_filter"
    if grave.why != "deleted":
        return Then.NOTHING, grave.why
    if changed.get(grave.link_id):
        return Then.HELD, grave.why
    return _THEN[sync.on_delete.get(side, OnDelete.UNLINK)], grave.why


async def _counterparts(world: World, sync: Sync, side: Side, ids: pl.DataFrame) -> dict[int, dict[str, object]]:
    """By link, the MIRROR row of the current record on the other side."""
    ends = (await world.store.by_keys(Table.LINK_END, ids)).filter(
        (pl.col("role") == "current") & (pl.col("side") == other(side))
    )
    keys = ends.select("object_type", "record_id").with_columns(connection=pl.lit(sync.side(other(side)).connection))
    rows = await world.store.by_keys(Table.MIRROR, keys)
    joined = ends.select("link_id", "object_type", "record_id").join(rows, on=["object_type", "record_id"])
    return {row["link_id"]: row for row in joined.iter_rows(named=True)}


async def ask_about_edits(
    world: World, sync: Sync, side: Side, ended: Mapping[int, Ended], run_id: str
) -> frozenset[int]:
    """Of these tombstones (by link) whose counterpart is to be deleted, those of which an edit made before the delete
    has come to light since: a person decides about them now, once."""
    graves = [
        Grave(link_id=link_id, name=(one.object_type, one.record_id), why=one.why, at_us=one.at_us)
        for link_id, one in ended.items()
    ]
    changed = await _changed_before(world, sync, side, graves, state="tombstone") if graves else {}
    ids = {_hold_id(sync, _EDITED, grave): grave for grave in graves if grave.link_id in changed}
    if not ids:
        return frozenset()
    decided = await world.store.rows(Table.HOLD, {"hold_id": list(ids)})
    late = [grave for hold_id, grave in ids.items() if hold_id not in set(decided["hold_id"])]
    keys = pl.DataFrame({"link_id": [grave.link_id for grave in late]}, schema={"link_id": pl.Int64})
    counterparts = await _counterparts(world, sync, side, keys)
    rows = [_hold(world, sync, side, g, counterparts.get(g.link_id), changed[g.link_id], run_id) for g in late]
    held = {grave.link_id: replace(ended[grave.link_id], then=Then.HELD) for grave in late}
    holds = pl.DataFrame(rows, schema=dict(TABLES[Table.HOLD][0]))
    await world.store.commit(Commit(add={Table.HOLD: holds}, put={Table.MARK: mark_rows(held, world.now_us())}))
    return frozenset(held)


async def _changed_before(
    world: World, sync: Sync, side: Side, graves: Sequence[Grave], *, state: str = "live"
) -> dict[int, list[dict[str, str | None]]]:
    """By link, the fields that the counterpart changed since both agreed and before the delete: edits that would be
    lost with it. An edit after it is the tombstone's case."""
    deleted = {grave.link_id: grave.at_us for grave in graves if grave.why == "deleted"}
    out: dict[int, list[dict[str, str | None]]] = {}
    async for part in slices(world, sync, list(deleted), state=state):
        for mapping in part.maps:
            if mapping.direction is Direction.BOTH or mapping.direction.value.startswith(other(side)):
                for link_id, value in _edits(part, mapping, other(side), deleted):
                    out.setdefault(link_id, []).append({"mapping": mapping.key, "value": value})
    return out


def _edits(
    part: Slice, mapping: FieldMap, far: Side, deleted: Mapping[int, int | None]
) -> list[tuple[int, str | None]]:
    """Links and values where *far* differs from its base by an edit that is not certainly later than the delete: the
    record's stamp is that of its last edit, and says nothing of this one. Where there is no base, since nothing was
    agreed on yet, or the record took another one's place, an edit is what is told as one, and whatever is known not to
    be on the other side."""
    key = mapping.key
    base, now, near = pl.col(f"x{far}.{key}"), pl.col(f"f{far}.{key}"), pl.col(f"f{other(far)}.{key}")
    told = part.moments.filter((pl.col("side") == far) & (pl.col("mapping") == key)).select("link_id", "at_us")
    is_told = pl.col("at_us").is_not_null() | pl.col(f"x{other(far)}.{key}").is_not_null()
    is_told |= near.is_not_null() & (mapping.direction is Direction.BOTH)
    is_new = base.is_null() & is_told & (pl.col(f"{far}.{key}") != EMPTY) & now.ne_missing(near)
    moved = part.pairs.join(told, on="link_id", how="left").filter((now != base).fill_null(False) | is_new)
    return [
        (link_id, value)
        for link_id, value, at_us in moved.select("link_id", f"{far}.{key}", "at_us").iter_rows()
        if (gone_us := deleted[link_id]) is None or at_us is None or at_us <= gone_us
    ]


def _hold(
    world: World,
    sync: Sync,
    side: Side,
    grave: Grave,
    counterpart: Mapping[str, object] | None,
    changed: Sequence[Mapping[str, str | None]] | None,
    run_id: str,
) -> dict[str, object]:
    kind = _EDITED if changed else "delete"
    members = [{"side": side, "object_type": grave.name[0], "record_id": grave.name[1]}]
    if counterpart is not None:
        named = {"object_type": counterpart["object_type"], "record_id": counterpart["record_id"]}
        members.append({"side": other(side), **named})  # type: ignore[dict-item]
    hold_id = _hold_id(sync, kind, grave)
    evidence = {"link_id": grave.link_id, "deleted_on": side, "at_us": grave.at_us, "changed": list(changed or ())}
    return hold_row(
        world,
        sync.name,
        run_id,
        hold_id=hold_id,
        kind=kind,
        subject=members,
        evidence=evidence,
        digest=held_digest(kind, [hold_id]),
    )


def _hold_id(sync: Sync, kind: str, grave: Grave) -> str:
    return f"{kind}:{sync.name}:{grave.link_id}:{grave.at_us or 0}"


async def note_counterparts(world: World, sync: Sync, side: Side, links: Sequence[int], commit: Commit) -> None:
    """Tombstones whose other record ended as well: nothing is to follow any more."""
    marks = await ended_of(world.store, pl.DataFrame({"link_id": list(links)}, schema={"link_id": pl.Int64}))
    over = {
        link_id: replace(one, then=Then.NOTHING)
        for link_id, one in marks.items()
        if one.side != side and one.then is not Then.NOTHING
    }
    if over:
        add_rows(commit, Table.MARK, mark_rows(over, world.now_us()))
        await close_holds(world.store, sync.name, list(over), commit)


async def lift(world: World, sync: Sync, side: Side, links: Mapping[int, Name], commit: Commit) -> None:
    """Records of these tombstones on *side* are there again: live with the old bases; where the counterpart was deleted
    meanwhile, the tombstone is now its own, and only a person makes a new one."""
    if not links:
        return
    ids = pl.DataFrame({"link_id": list(links)}, schema={"link_id": pl.Int64})
    counterparts = await _counterparts(world, sync, side, ids)
    back, still = [], {}
    for link_id in links:
        row = counterparts.get(link_id)
        if row is None or row["is_deleted"] or row["fate"] is not None:
            name = ("", "") if row is None else (str(row["object_type"]), str(row["record_id"]))
            still[link_id] = Ended(
                side=other(side), object_type=name[0], record_id=name[1], why="deleted", then=Then.NOTHING
            )
        else:
            back.append(link_id)
    if back:
        await revive(world, sync, side, back, commit)
    if still:
        add_rows(commit, Table.MARK, mark_rows(still, world.now_us()))
        await close_holds(world.store, sync.name, list(still), commit)
