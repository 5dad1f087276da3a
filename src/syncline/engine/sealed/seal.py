"""Sealing: what a run would do now, written down with the evidence it rests on. Runs on a copy of the state.

Lives here: gathering a plan and what it would take. Not here: how it is written down (`content`, `paper`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from syncline.engine.batches import calls_to_write
from syncline.engine.bounds import Bounds
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.prints import Name, prints_of
from syncline.engine.sealed.content import action_line, actions_in, link_line, records_of
from syncline.engine.sealed.paper import Body, Estimate, Header
from syncline.engine.sheets import Sheets
from syncline.engine.terms import spec_print
from syncline.engine.world import World
from syncline.reconcile.match import LINKS
from syncline.reconcile.plan import Held
from syncline.records import SIDES
from syncline.spec.model import Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A plan just made: its header, its bytes, and the report of the preview it comes from."""

    header: Header
    content: bytes
    report: RunReport


class _Noting(Bounds):
    """Lets everything through and remembers the links."""

    def __init__(self) -> None:
        self.found = pl.DataFrame(schema=LINKS)

    def links(self, found: pl.DataFrame) -> pl.DataFrame:
        self.found = pl.concat([self.found, found.select(list(LINKS))])
        return found


async def seal(world: World, sync: Sync, *, with_held: bool = False) -> Sealed:
    """Plan on *world*, whose store is a copy, and write the plan down. *with_held*: with what the ceilings hold, so
    that whoever approves it approves that too.

    Raises what a run raises before it writes.
    """
    noting, spec = _Noting(), spec_print(sync)
    began_us = world.now_us()
    report = await run_cycle(world, sync, writes=False, bounds=noting)
    seconds = (world.now_us() - began_us) / 1e6
    sync = world.syncs[sync.name]
    going = report.sheets if with_held else report.sheets.without(report.held)
    body, counts = Body(), dict.fromkeys(_COUNTED, 0)
    names = await _write_links(world, sync, noting.found, body, counts)
    names |= await _write_actions(world, sync, going, body, counts)
    header = Header(
        digest="",
        sync=sync.name,
        sides={side: sync.side(side).connection for side in SIDES},
        spec=spec,
        installation=installation_print(world.key),
        sealed_us=world.now_us(),
        counts=counts,
        estimate=estimate(world, sync, going, names, report.calls, seconds),
        beyond_ceilings=tuple(_held_words(report.held)) if with_held else (),
        left_out=tuple(await _left_out(world, sync, () if with_held else report.held)),
    )
    header = replace(header, digest=body.digest(header))
    return Sealed(header=header, content=body.under(header), report=report)


_COUNTED = (
    "links",
    *(f"{kind}s_on_{s}" for kind in ("create", "update", "delete") for s in SIDES),
    "fields",
    "blank_outs",
)


def installation_print(key: bytes) -> str:
    """Tells one installation from another without telling its key."""
    return hashlib.blake2b(b"installation", key=key, digest_size=8).hexdigest()


async def _write_links(world: World, sync: Sync, found: pl.DataFrame, body: Body, counts: dict[str, int]) -> set[Name]:
    ends: set[Name] = {
        (side, object_type, record_id)
        for side in SIDES
        for object_type, record_id in found.select(f"{side}_type", f"{side}_id").iter_rows()
    }
    prints = await prints_of(world, sync, ends)
    for link in found.sort("a_type", "a_id", "b_type", "b_id").iter_rows(named=True):
        body.add(link_line(link, prints))
    counts["links"] = len(found)
    return ends


async def _write_actions(world: World, sync: Sync, going: Sheets, body: Body, counts: dict[str, int]) -> set[Name]:
    names: set[Name] = set()
    for (kind, side, _), sheets in going.by_kind():
        for sheet in sheets:
            told = list(actions_in(sheet))
            prints = await prints_of(world, sync, {name for _, action, _ in told for name in records_of(action)})
            for _, action, rows in told:
                body.add(action_line(action, rows, prints))
            names |= prints.keys()
            counts[f"{kind.value}s_on_{side}"] += len(told)
            counts["fields"] += sum(row[1] is not None for _, _, rows in told for row in rows)
            counts["blank_outs"] += sum(row[3] == "" and bool(row[2]) for _, _, rows in told for row in rows)
    return names


def _held_words(held: Sequence[Held]) -> list[str]:
    return [f"{len(one.actions)} of kind {one.kind}, above the ceiling of {one.allowed}" for one in held]


async def _left_out(world: World, sync: Sync, held: Sequence[Held]) -> list[str]:
    """What a run would do or ask besides, in words."""
    out = [f"held: {words}" for words in _held_words(held)]
    if mergers := await world.store.count(Table.MERGER, {"sync": sync.name, "state": "due"}):
        out.append(f"{mergers} merges of two records that are one person: a run does those, a sealed plan does not")
    return out


_SECONDS_PER_CALL = 0.5
_FEW_CALLS = 5


def estimate(
    world: World, sync: Sync, going: Sheets, names: set[Name], sent: dict[str, int], seconds: float
) -> Estimate:
    """Calls by the connectors' batch sizes; minutes by the pace of the calls that made this plan (*sent* in *seconds*)
    and by what each connection's window of calls allows."""
    write = calls_to_write(world, sync, going)
    read = dict.fromkeys(write, 0)
    for side in SIDES:
        connection = sync.side(side).connection
        for object_type in sync.side(side).object_types:
            count = sum((s, o) == (side, object_type) for s, o, _ in names)
            read[connection] += -(-count // world.capabilities(connection, object_type).read_ids_per_call)
    made = sum(sent.values())
    is_measured = made >= _FEW_CALLS and seconds > 0
    pace = seconds / made if is_measured else _SECONDS_PER_CALL
    minutes = sum(_minutes(world, name, read[name] + write[name], pace) for name in write)
    how = "at the pace of the calls that made this plan" if is_measured else "assumed, too few calls were made to tell"
    return Estimate(
        read=read,
        write=write,
        minutes=round(minutes, 1),
        how=f"one call after the other, {pace:.2f} s each ({how}), within each connection's window of calls; at most "
        "that many calls, bulk jobs take fewer; retries, waits for limits and reading what changed meanwhile add to it",
    )


def _minutes(world: World, connection: str, calls: int, pace_seconds: float) -> float:
    allowed = world.connectors[connection].usage().calls_per_minute
    by_pace = calls * pace_seconds / 60
    return max(by_pace, calls / allowed) if allowed else by_pace
