"""What a person decides about holds: who is whom, whether two are merged, what becomes of a deleted record's twin.

Lives here: the choices of each kind of hold and what they store; the next run acts on it. Not here: ceilings, which are
approved as a set (`inbox`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import polars as pl

from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.inbox import SHORTEST_DIGEST
from syncline.engine.life.chains import NAME
from syncline.engine.life.marks import Ended, Then, ended_of, mark_rows
from syncline.engine.life.tombstones import Grave, bury_links
from syncline.engine.links import put_link_rows, stand_in
from syncline.engine.settlement import add_rows, drop_rows
from syncline.engine.world import World
from syncline.errors import ConfigError
from syncline.records import Side, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Table

_RUN = "resolve"
"""In place of a run's id: a person did it."""


class Choice(StrEnum):
    """What can be decided."""

    LINK = "link"  # these two are the same person
    DIFFERENT = "different"  # the members of this group are different persons; remembered
    MERGE = "merge"  # merge the two counterparts as well
    APART = "apart"  # leave them two; the one without a counterpart is never made again by itself
    RESTORE = "restore"  # make the deleted record anew from its twin
    DELETE = "delete"  # delete the twin too
    KEEP = "keep"  # the twin stays as it is, alone


CHOICES: Mapping[str, tuple[Choice, ...]] = {
    "ambiguous": (Choice.LINK, Choice.DIFFERENT),
    "linked": (Choice.LINK, Choice.DIFFERENT),
    "merge": (Choice.MERGE, Choice.APART),
    "delete": (Choice.RESTORE, Choice.DELETE, Choice.KEEP),
    "edited_and_deleted": (Choice.RESTORE, Choice.DELETE, Choice.KEEP),
    "gone": (Choice.RESTORE, Choice.DELETE, Choice.KEEP),
}
"""By kind of hold."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The hold that was decided, and how."""

    hold_id: str
    kind: str
    choice: Choice


async def resolve(world: World, sync: Sync, hold: str, choice: Choice, pair: Sequence[str] = ()) -> Resolved:
    """Decide an open hold, named by its id or by the first characters of its digest. *pair*: ids of the two records to
    link.

    Raises ConfigError: SYN-167 there is no such open hold, SYN-168 that cannot be decided about it.
    """
    row = await _hold(world, sync, hold)
    if choice not in CHOICES.get(row["kind"], ()):
        allowed = ", ".join(CHOICES.get(row["kind"], ())) or "nothing here; `syncline approve` lets a held set through"
        raise ConfigError(
            f"A hold of the kind {row['kind'].replace('_', ' ')} is not decided by {choice.value!r}.",
            code="SYN-168",
            remedy=f"Possible: {allowed}.",
        )
    commit = Commit()
    state = "approved" if choice is Choice.DIFFERENT else "resolved"
    commit.amend[Table.HOLD] = [pl.DataFrame({"hold_id": [row["hold_id"]], "state": [state]})]
    async with world.store.alone():
        await _ACTS[choice](world, sync, row, choice, pair, commit)
        await world.store.commit(commit)
    return Resolved(hold_id=row["hold_id"], kind=row["kind"], choice=choice)


async def _hold(world: World, sync: Sync, text: str) -> dict[str, Any]:
    rows = await world.store.rows(Table.HOLD, {"sync": sync.name, "state": "open"})
    is_named = pl.col("hold_id") == text
    if len(text) >= SHORTEST_DIGEST:
        is_named |= pl.col("digest").str.starts_with(text)
    found = rows.filter(is_named)
    if len(found) != 1:
        raise ConfigError(
            f"{'No' if found.is_empty() else 'More than one'} open hold is named {text!r}.",
            code="SYN-167",
            remedy="`syncline holds` lists them with their digests.",
        )
    return found.row(0, named=True)


_Member = tuple[Side, str, str]


def _members(row: Mapping[str, Any]) -> list[_Member]:
    return [
        ("a" if m["side"] == "a" else "b", str(m["object_type"]), str(m["record_id"]))
        for m in json.loads(row["subject"])
    ]


async def _link(
    world: World, sync: Sync, row: Mapping[str, Any], _: Choice, pair: Sequence[str], commit: Commit
) -> None:
    """Link the two records of *pair*; the rest of the group is looked at again."""
    members = _members(row)
    chosen = [member for member in members if member[2] in pair]
    if len(pair) != 2 or {member[0] for member in chosen} != {"a", "b"} or len(chosen) != 2:
        raise ConfigError(
            "To link, name one record of each side of this hold.",
            code="SYN-168",
            remedy=f"Its members: {_names(members)}.",
        )
    ends = await _ends_of(world, sync, chosen)
    states = await _states_of(world, ends)
    if any(states[link_id] == "live" for link_id in ends.values()) or len(ends) == 2:
        raise ConfigError(
            f"{_names(list(ends))} is linked already.",
            code="SYN-168",
            remedy="Link somebody who is not, or say different.",
        )
    if ends:
        ((bereft, link_id),) = ends.items()
        (fresh,) = [member for member in chosen if member != bereft]
        await stand_in(world, sync, fresh[0], fresh[1], [(link_id, fresh[2])], commit)
        commit.amend[Table.LINK].append(pl.DataFrame({"link_id": [link_id], "rule": ["by a person"]}))
    else:
        link_id = await world.store.next_link_ids(1)
        rows = [(sync.name, *member, link_id, "current") for member in chosen]
        put_link_rows(world, sync, [(link_id, "by a person")], rows, commit, evidence=[row["evidence"]])
    _forget(sync, chosen, commit)
    await _look_again(world, sync, [m for m in members if m not in chosen], commit)


async def _ends_of(world: World, sync: Sync, members: Sequence[_Member]) -> dict[_Member, int]:
    """Which of these records are in a link, and in which."""
    keys = pl.DataFrame(list(members), schema=dict.fromkeys(("side", *NAME), pl.String), orient="row")
    found = await world.store.by_keys(Table.LINK_END, keys.with_columns(sync=pl.lit(sync.name)))
    return {
        ("a" if side == "a" else "b", kind, record_id): link_id
        for side, kind, record_id, link_id in found.select("side", *NAME, "link_id").iter_rows()
    }


async def _states_of(world: World, ends: Mapping[_Member, int]) -> dict[int, str]:
    keys = pl.DataFrame({"link_id": list(ends.values())}, schema={"link_id": pl.Int64})
    return dict((await world.store.by_keys(Table.LINK, keys.unique())).select("link_id", "state").iter_rows())


def _names(members: Sequence[_Member]) -> str:
    return ", ".join(f"{kind} {record_id} on side {side}" for side, kind, record_id in members)


def _forget(sync: Sync, members: Sequence[_Member], commit: Commit) -> None:
    """Who is linked is no stranger."""
    rows = [(sync.name, 0, *member) for member in members]
    keys = {"sync": pl.String, "link_id": pl.Int64, "side": pl.String, "object_type": pl.String, "record_id": pl.String}
    drop_rows(commit, Table.DIRTY, pl.DataFrame(rows, schema=keys, orient="row"))


async def _look_again(world: World, sync: Sync, members: Sequence[_Member], commit: Commit) -> None:
    """Mark the members that are in no link."""
    bound = await _ends_of(world, sync, members) if members else {}
    commit.touch += [dirty_records(sync.name, m[0], m[1], [m[2]]) for m in members if m not in bound]


async def _different(
    world: World, sync: Sync, row: Mapping[str, Any], _: Choice, __: Sequence[str], commit: Commit
) -> None:
    """The hold itself remembers it: as long as the group is the same, its members are strangers to each other."""
    await _look_again(world, sync, _members(row), commit)


async def _decide_merger(
    world: World, sync: Sync, row: Mapping[str, Any], choice: Choice, _: Sequence[str], commit: Commit
) -> None:
    merger_id = json.loads(row["evidence"])["merger_id"]
    merger = (await world.store.rows(Table.MERGER, {"merger_id": merger_id})).row(0, named=True)
    state = {"merger_id": [merger_id], "state": ["due" if choice is Choice.MERGE else "apart"]}
    commit.amend[Table.MERGER] = [pl.DataFrame(state)]
    if choice is Choice.MERGE:
        return
    side = other("a" if merger["side"] == "a" else "b")
    where = {"link_id": merger["loser_link"], "side": side, "role": "current"}
    ends = await world.store.rows(Table.LINK_END, where)
    graves = [
        Grave(link_id=merger["loser_link"], name=name, why="merged", at_us=None)
        for name in ends.select(NAME).iter_rows()
    ]
    await bury_links(world, sync, side, graves, _RUN, commit)


_THEN = {Choice.RESTORE: Then.AT_ONCE, Choice.DELETE: Then.DELETE, Choice.KEEP: Then.NOTHING}


async def _decide_delete(
    world: World, sync: Sync, row: Mapping[str, Any], choice: Choice, _: Sequence[str], commit: Commit
) -> None:
    link_id = int(json.loads(row["evidence"])["link_id"])
    if row["kind"] == "gone":
        ((side, object_type, record_id),) = _members(row)
        gone = Ended(side=side, object_type=object_type, record_id=record_id, why="gone", then=_THEN[choice])
        commit.amend[Table.LINK] = [pl.DataFrame({"link_id": [link_id], "state": ["tombstone"]})]
        add_rows(commit, Table.MARK, mark_rows({link_id: gone}, world.now_us()))
        commit.touch.append(dirty_links(sync.name, [link_id]))
        return
    ended = (await ended_of(world.store, pl.DataFrame({"link_id": [link_id]}))).get(link_id)
    if ended is None:
        raise ConfigError(
            "What this hold asks about has been settled otherwise: nothing of it is deleted any more.",
            code="SYN-167",
            remedy="`syncline holds` lists what is still open after the next run.",
        )
    add_rows(commit, Table.MARK, mark_rows({link_id: replace(ended, then=_THEN[choice])}, world.now_us()))
    commit.touch.append(dirty_links(sync.name, [link_id]))


_ACTS = {
    Choice.LINK: _link,
    Choice.DIFFERENT: _different,
    Choice.MERGE: _decide_merger,
    Choice.APART: _decide_merger,
    Choice.RESTORE: _decide_delete,
    Choice.DELETE: _decide_delete,
    Choice.KEEP: _decide_delete,
}
