"""What follows from the outcomes of a batch: mirror, bases, links, dead letters and journal, as one commit.

Lives here: the consequences of an answer. Not here: sending (`write`), creates whose answer was lost
(`lost_creates`), or what a later reading means (`settlement`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import polars as pl

from syncline.engine.bases import PATCHES, patch_bases
from syncline.engine.batches import Batch, Row
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.erased import ERASED_MEANWHILE, erased_rows
from syncline.engine.journal import IN_FLIGHT
from syncline.engine.letters import bury, close_letters
from syncline.engine.links import mark_ended, put_links, stand_in
from syncline.engine.lost_creates import given_up_creates
from syncline.engine.match_index import keep_keys
from syncline.engine.owners import keep_owners
from syncline.engine.retrying import MOST_ATTEMPTS, attempts_before, count_attempt, delay_us, passes, postpone
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.reconcile.cells import decode_objects, encode_object
from syncline.records import How, Outcome, Status, WriteAnswer, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Table


@dataclass(kw_only=True)
class Settlement:
    commit: Commit = field(default_factory=Commit)
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    new_links: list[int] = field(default_factory=list)


async def settled(world: World, sync: Sync, batch: Batch, answer: WriteAnswer, *, taken_seq: int = 0) -> Settlement:
    """The commit that stores *answer*. Written rows move mirror and bases; refused ones leave both as they were.

    *taken_seq*: dirty marks up to it are what the batch was planned from.
    """
    out = Settlement()
    erased = await erased_rows(world, sync, batch)
    out.classes.update(dict.fromkeys(erased, ERASED_MEANWHILE))
    answered = zip(batch.rows, answer.outcomes, strict=True)
    pairs = [(row, outcome) for row, outcome in answered if row.action not in erased]
    done = [(row, o) for row, o in pairs if o.status in (Status.WRITTEN, Status.UNCHANGED) and o.record_id]
    stale = await _settled_meanwhile(world, batch, {row.action for row, _ in done})
    out.commit.touch += [again(sync, row) for row, _ in done if row.action in stale]
    done = [(row, o) for row, o in done if row.action not in stale]
    await _store_written(world, sync, batch, done, out)
    await close_letters(world, sync, [row for row, _ in done], out.commit)
    passing = [row for row, outcome in pairs if passes(outcome)]
    before = await attempts_before(world, sync, batch, passing)
    for row, outcome in pairs:
        if passes(outcome):
            _try_again(world, sync, batch, row, outcome, before.get(row.action, 0) + 1, taken_seq, out)
        else:
            _classify(world, sync, batch, row, outcome, out)
    states = [_entry_state(outcome) for outcome in answer.outcomes]
    ids = [o.record_id or row.write.record_id for row, o in zip(batch.rows, answer.outcomes, strict=True)]
    entries = batch.entry_states(states, ids)
    linked = {row.action: link_id for (row, _), link_id in zip(_new(done), out.new_links, strict=True)}
    links = pl.Series("link_id", [row.link_id or linked.get(row.action, 0) for row in batch.rows], dtype=pl.Int64)
    is_stale = pl.Series([row.action in stale for row in batch.rows])
    out.commit.amend[Table.ENTRY] = [entries.with_columns(links).filter(~is_stale)]
    out.commit.amend[Table.JOURNAL] = [batch.answered(world, answer.origin)]
    await _adopt_abandoned(world, batch, ids, links, out.commit)
    return out


async def _settled_meanwhile(world: World, batch: Batch, written: Set[str]) -> frozenset[str]:
    """Those of the *written* actions that somebody's look has settled while the answer was on its way: what the answer
    says is older than that look, and than what was written since."""
    waiting = await world.store.rows(Table.ENTRY, {"batch_id": batch.batch_id, "state": list(IN_FLIGHT)})
    on_their_way = set(waiting["position"])
    return frozenset(row.action for at, row in enumerate(batch.rows) if at not in on_their_way) & written


async def _adopt_abandoned(
    world: World, batch: Batch, ids: Sequence[str | None], links: pl.Series, commit: Commit
) -> None:
    """Earlier creates of the same key that were given up may still arrive, as updates of the record that is there now:
    from now on they are entries of that record."""
    keys = [row.write.key for row in batch.rows]
    if not any(keys):
        return
    given_up = await given_up_creates(world, batch.connection, batch.object_type)
    made = pl.DataFrame(
        {"match_key": keys, "record_id": list(ids), "link_id": links},
        schema={"match_key": pl.String, "record_id": pl.String, "link_id": pl.Int64},
    ).drop_nulls()
    late = given_up.select("batch_id", "position", "match_key")
    adopted = late.join(made, on="match_key", how="inner").drop("match_key")
    if len(adopted):
        commit.amend[Table.ENTRY].append(adopted)


def _new(done: Sequence[tuple[Row, Outcome]]) -> list[tuple[Row, Outcome]]:
    """Creates of what was in no link."""
    return [(row, outcome) for row, outcome in done if row.write.record_id is None and not row.link_id]


def _anew(done: Sequence[tuple[Row, Outcome]]) -> list[tuple[int, str]]:
    """Link and new id of creates through a tombstone."""
    return [(row.link_id, str(o.record_id)) for row, o in done if row.write.record_id is None and row.link_id]


def _entry_state(outcome: Outcome) -> str:
    states = {Status.WRITTEN: "written", Status.UNCHANGED: "written", Status.UNKNOWN: "unknown"}
    return states.get(outcome.status, "rejected")


async def _store_written(
    world: World, sync: Sync, batch: Batch, done: Sequence[tuple[Row, Outcome]], out: Settlement
) -> None:
    made, anew = _new(done), _anew(done)
    first = await world.store.next_link_ids(len(made)) if made else 0
    out.new_links = list(range(first, first + len(made)))
    ids = {row.action: link_id for (row, _), link_id in zip(made, out.new_links, strict=True)}
    if made:
        ends = [(ids[row.action], row, str(o.record_id)) for row, o in made]
        put_links(world, sync, batch.side, batch.object_type, ends, out.commit)
        sources = [(row.source_type, row.source_id) for row, _ in made]
        await mark_ended(world, sync, other(batch.side), sources, out.commit)
    await stand_in(world, sync, batch.side, batch.object_type, anew, out.commit)
    await _assume(world, sync, batch, done, out.commit)
    links = pl.DataFrame(
        [(at, ids.get(row.action, row.link_id)) for at, row in _positions(batch, done)],
        schema={"position": pl.Int64, "link_id": pl.Int64},
        orient="row",
    )
    prints = batch.lines().drop("link_id").join(links, on="position", how="inner", maintain_order="left")
    await patch_bases(
        world,
        prints.with_columns(pl.lit(sync.name).alias("sync")).select(list(PATCHES)),
        out.commit,
        anew=frozenset(i for i, _ in anew),
    )


def _positions(batch: Batch, done: Sequence[tuple[Row, Outcome]]) -> list[tuple[int, Row]]:
    written = {row.action for row, _ in done}
    return [(at, row) for at, row in enumerate(batch.rows) if row.action in written]


async def _assume(world: World, sync: Sync, batch: Batch, done: Sequence[tuple[Row, Outcome]], commit: Commit) -> None:
    """Mirror := sent, flagged as assumed until it is read."""
    place = {"connection": pl.lit(batch.connection), "object_type": pl.lit(batch.object_type)}
    ids = pl.DataFrame({"record_id": [str(o.record_id) for _, o in done]}, schema={"record_id": pl.String})
    if ids.is_empty():
        return
    known = await world.store.by_keys(Table.MIRROR, ids.with_columns(**place))
    rows = ids.join(known.drop(*place), on="record_id", how="left", maintain_order="left").with_columns(**place)
    cells, flags = [], []
    held = zip(done, decode_objects(rows["cells"]), decode_objects(rows["flags"]), strict=True)
    for (row, _), before, assumed in held:
        key = {row.write.key_field: row.write.key} if row.write.key_field and row.write.key else {}
        sent = {**row.write.cells, **key}
        cells.append(encode_object({name: value for name, value in {**before, **sent}.items() if value is not None}))
        earlier = {name: by for name, by in assumed.items() if by is not None}
        flags.append(encode_object(earlier | dict.fromkeys(sent, sync.name)))
    is_new = pl.col("as_of_us").is_null()
    assumed_now = rows.with_columns(
        pl.Series("cells", cells, dtype=pl.String),
        pl.Series("flags", flags, dtype=pl.String),
        pl.when(is_new).then(world.now_us()).otherwise("created_us").alias("created_us"),
        pl.col("is_deleted").fill_null(False),
        pl.col("how").fill_null(How.WRITE.value),
        pl.col("as_of_us").fill_null(0),  # anything that is read is newer than a row we only assume
    )
    add_rows(commit, Table.MIRROR, assumed_now)
    await keep_keys(world, batch.connection, batch.object_type, assumed_now, commit)
    keep_owners(world, batch.connection, batch.object_type, assumed_now, commit)


def _classify(world: World, sync: Sync, batch: Batch, row: Row, outcome: Outcome, out: Settlement) -> None:
    if outcome.status in (Status.WRITTEN, Status.UNCHANGED):
        out.classes[row.action] = ("written", "created" if row.write.record_id is None else "updated")
        return
    if outcome.status is Status.UNKNOWN:
        out.classes[row.action] = ("unknown", outcome.message or "the answer was lost; it will be read back")
        out.commit.touch.append(again(sync, row, due_us=0))
        return
    words = f"{outcome.code}: {outcome.message}"
    if outcome.is_gone or outcome.is_stale or not outcome.is_permanent:
        out.classes[row.action] = ("deferred", words)
        out.commit.touch.append(again(sync, row, due_us=0 if outcome.is_stale else world.now_us() + delay_us(1)))
        return
    out.classes[row.action] = ("dead", words)
    bury(world, sync, batch, row, outcome, out.commit)


def _try_again(
    world: World, sync: Sync, batch: Batch, row: Row, outcome: Outcome, attempts: int, taken_seq: int, out: Settlement
) -> None:
    """A refusal that may pass: later, each time after twice as long; at last a dead letter."""
    words = f"{outcome.code}: {outcome.message}"
    count_attempt(world, sync, batch, row, outcome, attempts, out.commit)
    if attempts >= MOST_ATTEMPTS:
        out.classes[row.action] = ("dead", words)
        bury(world, sync, batch, row, outcome, out.commit, attempts=attempts)
        return
    out.classes[row.action] = ("deferred", words)
    postpone(again(sync, row, due_us=world.now_us() + delay_us(attempts)), taken_seq, out.commit)


def again(sync: Sync, row: Row, *, due_us: int = 0) -> pl.DataFrame:
    """The dirty mark that makes a row planned again."""
    if row.link_id:
        return dirty_links(sync.name, [row.link_id], due_us=due_us)
    return dirty_records(sync.name, row.source_side, row.source_type, [row.source_id], due_us=due_us)
