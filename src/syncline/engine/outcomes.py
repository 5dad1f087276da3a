"""What follows from the outcomes of a batch: mirror, bases, links, dead letters and journal, as one commit.

Lives here: the consequences of an answer. Not here: sending (`write`), or what a later reading means (`settlement`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from syncline import records
from syncline.engine.bases import PATCHES, patch_bases
from syncline.engine.batches import Batch, Row
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.journal import with_segments
from syncline.engine.letters import close_letters
from syncline.engine.match_index import keep_keys
from syncline.engine.settlement import add_rows, conflict_id
from syncline.engine.world import World
from syncline.reconcile.cells import decode_objects, encode_object
from syncline.records import How, Outcome, Page, Side, Status, WriteAnswer, other
from syncline.spec.model import Sync
from syncline.trees import TABLES, Commit, Table
from syncline.values import fingerprint

RETRY_AFTER_US = 60_000_000
"""A refusal that may pass (a locked row) is planned again after this long."""


@dataclass(kw_only=True)
class Settlement:
    commit: Commit = field(default_factory=Commit)
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    new_links: list[int] = field(default_factory=list)


async def settled(world: World, sync: Sync, run_id: str, batch: Batch, answer: WriteAnswer) -> Settlement:
    """The commit that stores *answer*. Written rows move mirror and bases; refused ones leave both as they were."""
    out = Settlement()
    pairs = list(zip(batch.rows, answer.outcomes, strict=True))
    done = [(row, o) for row, o in pairs if o.status in (Status.WRITTEN, Status.UNCHANGED) and o.record_id]
    await _store_written(world, sync, batch, done, out)
    await close_letters(world, sync, [row for row, _ in done], out.commit)
    for row, outcome in pairs:
        _classify(world, sync, run_id, batch, row, outcome, out)
    states = [_entry_state(outcome) for _, outcome in pairs]
    ids = [outcome.record_id or row.write.record_id for row, outcome in pairs]
    entries = batch.entry_states(states, ids)
    linked = {row.action: link_id for (row, _), link_id in zip(_creates(done), out.new_links, strict=True)}
    links = pl.Series("link_id", [row.link_id or linked.get(row.action, 0) for row in batch.rows], dtype=pl.Int64)
    out.commit.amend[Table.ENTRY] = [entries.with_columns(links)]
    out.commit.amend[Table.JOURNAL] = [batch.answered(world, answer.origin)]
    await _adopt_abandoned(world, batch, ids, links, out.commit)
    return out


async def _adopt_abandoned(
    world: World, batch: Batch, ids: Sequence[str | None], links: pl.Series, commit: Commit
) -> None:
    """Earlier creates of the same key that were given up may still arrive, as updates of the record that is there now:
    from now on they are entries of that record."""
    keys = [row.write.key for row in batch.rows]
    if not any(keys):
        return
    given_up = await world.store.rows(
        Table.ENTRY, {"state": "abandoned", "connection": batch.connection, "object_type": batch.object_type}
    )
    made = pl.DataFrame(
        {"match_key": keys, "record_id": list(ids), "link_id": links},
        schema={"match_key": pl.String, "record_id": pl.String, "link_id": pl.Int64},
    ).drop_nulls()
    late = given_up.filter(pl.col("record_id").is_null()).select("batch_id", "position", "match_key")
    adopted = late.join(made, on="match_key", how="inner").drop("match_key")
    if len(adopted):
        commit.amend[Table.ENTRY].append(adopted)


def _creates(done: Sequence[tuple[Row, Outcome]]) -> list[tuple[Row, Outcome]]:
    return [(row, outcome) for row, outcome in done if row.write.record_id is None]


def _entry_state(outcome: Outcome) -> str:
    states = {Status.WRITTEN: "written", Status.UNCHANGED: "written", Status.UNKNOWN: "unknown"}
    return states.get(outcome.status, "rejected")


async def _store_written(
    world: World, sync: Sync, batch: Batch, done: Sequence[tuple[Row, Outcome]], out: Settlement
) -> None:
    made = _creates(done)
    first = await world.store.next_link_ids(len(made)) if made else 0
    out.new_links = list(range(first, first + len(made)))
    ids = {row.action: link_id for (row, _), link_id in zip(made, out.new_links, strict=True)}
    if made:
        ends = [(ids[row.action], row, str(o.record_id)) for row, o in made]
        put_links(world, sync, batch.side, batch.object_type, ends, out.commit)
    await _assume(world, sync, batch, done, out.commit)
    links = pl.DataFrame(
        [(at, ids.get(row.action, row.link_id)) for at, row in _positions(batch, done)],
        schema={"position": pl.Int64, "link_id": pl.Int64},
        orient="row",
    )
    prints = batch.lines().drop("link_id").join(links, on="position", how="inner", maintain_order="left")
    await patch_bases(world, prints.with_columns(pl.lit(sync.name).alias("sync")).select(list(PATCHES)), out.commit)


def _positions(batch: Batch, done: Sequence[tuple[Row, Outcome]]) -> list[tuple[int, Row]]:
    written = {row.action for row, _ in done}
    return [(at, row) for at, row in enumerate(batch.rows) if row.action in written]


def put_links(
    world: World,
    sync: Sync,
    side: Side,
    object_type: str,
    made: Sequence[tuple[int, Row, str]],
    commit: Commit,
) -> None:
    """Links between created records on *side* and the records they were made from."""
    ends = [
        end
        for link_id, row, record_id in made
        for end in (
            (sync.name, side, object_type, record_id, link_id, "current"),
            (sync.name, row.source_side, row.source_type, row.source_id, link_id, "current"),
        )
    ]
    rows = [(link_id, f"created on {side}") for link_id, _, _ in made]
    put_link_rows(world, sync, rows, ends, commit)


def put_link_rows(
    world: World,
    sync: Sync,
    rows: Sequence[tuple[int, str]],
    ends: Sequence[tuple[str, str, str, str, int, str]],
    commit: Commit,
    evidence: Sequence[str] | None = None,
) -> None:
    """LINK and LINK_END rows of new links (id, rule), marked dirty so that they are planned."""
    now_us = world.now_us()
    links = {
        "link_id": [link_id for link_id, _ in rows],
        "sync": [sync.name] * len(rows),
        "state": ["live"] * len(rows),
        "rule": [rule for _, rule in rows],
        "decided_us": [now_us] * len(rows),
        "evidence": list(evidence) if evidence is not None else ["{}"] * len(rows),
        "member_a": [True] * len(rows),
        "member_b": [True] * len(rows),
        "visible_a": [True] * len(rows),
        "visible_b": [True] * len(rows),
    }
    add_rows(commit, Table.LINK, pl.DataFrame(links))
    commit.add[Table.LINK_END] = pl.DataFrame(list(ends), schema=dict(TABLES[Table.LINK_END][0]), orient="row")
    commit.touch.append(dirty_links(sync.name, [link_id for link_id, _ in rows]))


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


def _classify(world: World, sync: Sync, run_id: str, batch: Batch, row: Row, outcome: Outcome, out: Settlement) -> None:
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
        due_us = 0 if outcome.is_stale else world.now_us() + RETRY_AFTER_US
        out.commit.touch.append(again(sync, row, due_us=due_us))
        return
    out.classes[row.action] = ("dead", words)
    _bury(world, sync, run_id, batch, row, outcome, out.commit)


def again(sync: Sync, row: Row, *, due_us: int = 0) -> pl.DataFrame:
    """The dirty mark that makes a row planned again."""
    if row.link_id:
        return dirty_links(sync.name, [row.link_id], due_us=due_us)
    return dirty_records(sync.name, row.source_side, row.source_type, [row.source_id], due_us=due_us)


def _bury(world: World, sync: Sync, run_id: str, batch: Batch, row: Row, outcome: Outcome, commit: Commit) -> None:
    """Keep what was refused, with what would wake it: another value of the fields it was refused for.

    A refusal that names fields buries those and the rest is sent again (`write`); else the whole record's values. So
    does one that names only fields which we did not write.
    """
    blamed = [cell for name, cell in row.cells.items() if name in outcome.fields] or list(row.cells.values())
    now_us = world.now_us()
    letter = {
        "letter_id": conflict_id(row.link_id, row.source_id, batch.object_type, str(outcome.code), row.action),
        "sync": sync.name,
        "link_id": row.link_id,
        "side": batch.side,
        "object_type": row.source_type if not row.link_id else batch.object_type,
        "record_id": row.source_id if not row.link_id else row.write.record_id,
        "mapping": str(blamed[0]["mapping"]) if len(blamed) == 1 else None,
        "operation": batch.operation.value,
        "code": outcome.code or "refused",
        "message": outcome.message or "refused without a reason",
        "sent": encode_object({str(cell["field"]): str(cell["after"]) for cell in blamed}),
        "attempts": 1 + int(row.is_second_try),
        "wakes_on": "value",
        "wake_print": _signed(
            wake_print(world.key, {str(c["mapping"]): str(c["made_from"]) for c in row.cells.values()})
        ),
        "at_us": now_us,
        "state": "dead",
    }
    add_rows(commit, Table.DEAD_LETTER, pl.DataFrame([letter], schema=dict(TABLES[Table.DEAD_LETTER][0])))
    if row.link_id:
        source = other(batch.side)
        marks = [
            (
                row.link_id,
                str(c["mapping"]),
                "dead",
                json.dumps({"side": batch.side, "print": c[f"print_{source}"]}),
                now_us,
            )
            for c in blamed
        ]
        add_rows(commit, Table.MARK, pl.DataFrame(marks, schema=dict(TABLES[Table.MARK][0]), orient="row"))


def wake_print(key: bytes, sources: Mapping[str, str]) -> int:
    """Fingerprint of the values a refused record was made from: while it is the same, it stays dead."""
    return fingerprint(key, [text for pair in sorted(sources.items()) for text in pair])


def _signed(print_: int) -> int:
    """A 64-bit fingerprint as the store's signed integer."""
    return print_ - 2**64 if print_ >= 2**63 else print_


async def found_creates(
    world: World,
    sync: Sync,
    run_id: str,
    connection: str,
    object_type: str,
    lost: pl.DataFrame,
    page: Page,
    key_field: str,
) -> Commit:
    """Creates of unknown outcome after a look-up by our key: found ones are linked, the rest is given up once the
    vendor could no longer bring it up."""
    commit = Commit()
    found = {key: record_id for record_id, key in page.rows.select(records.ID, key_field).iter_rows() if key}
    segments = await with_segments(world.store, lost)
    sources = {
        (row["batch_id"], row["position"]): row
        for row in segments.unique(["batch_id", "position"]).iter_rows(named=True)
    }
    lost_rows = [row for row in lost.iter_rows(named=True) if (row["batch_id"], row["position"]) in sources]
    hits = [row for row in lost_rows if row["match_key"] in found]
    ends = [
        _ends_of(sync, sources[row["batch_id"], row["position"]], object_type, found[row["match_key"]]) for row in hits
    ]
    taken = await _links_of(world, [end for pair in ends for end in pair])
    fresh = [not (taken.get(one) or taken.get(two)) for one, two in ends]
    first = await world.store.next_link_ids(sum(fresh)) if any(fresh) else 0
    numbers = iter(range(first, first + sum(fresh)))
    links, new_ends, entries = [], [], []
    for row, pair, is_new in zip(hits, ends, fresh, strict=True):
        # Meanwhile linked by a match: the same link if it is the same pair, else nobody's.
        known = [taken.get(end, 0) for end in pair]
        link_id = next(numbers) if is_new else (known[0] if known[0] == known[1] else 0)
        entries.append((row["batch_id"], row["position"], "unknown", found[row["match_key"]], link_id))
        if is_new:
            links.append((link_id, f"created on {pair[0][1]}, found by its key after a lost answer"))
            new_ends += [(*end, link_id, "current") for end in pair]
    if links:
        put_link_rows(world, sync, links, new_ends, commit)
    if entries:
        commit.amend[Table.ENTRY] = [pl.DataFrame(entries, schema=_ENTRY_FOUND, orient="row")]
    misses = [row for row in lost_rows if row["match_key"] not in found]
    _give_up(world, sync, connection, object_type, misses, sources, key_field, commit)
    return commit


_End = tuple[str, str, str, str]  # sync, side, object type, record id


def _ends_of(sync: Sync, source: Mapping[str, Any], object_type: str, record_id: str) -> tuple[_End, _End]:
    """The ends of the link between a created record and the one it was made from."""
    side: Side = "a" if source["side"] == "a" else "b"
    return (sync.name, side, object_type, record_id), (
        sync.name,
        other(side),
        source["source_type"],
        source["source_id"],
    )


async def _links_of(world: World, ends: Sequence[_End]) -> dict[_End, int]:
    """Which of *ends* are in a link already, and in which."""
    if not ends:
        return {}
    keys = pl.DataFrame(list(ends), schema=dict.fromkeys(_END_KEY, pl.String), orient="row").unique()
    known = await world.store.by_keys(Table.LINK_END, keys)
    return {tuple(row[:4]): row[4] for row in known.select(*_END_KEY, "link_id").iter_rows()}


_END_KEY = ("sync", "side", "object_type", "record_id")
_ENTRY_FOUND = {
    "batch_id": pl.String,
    "position": pl.Int64,
    "state": pl.String,
    "record_id": pl.String,
    "link_id": pl.Int64,
}


def _give_up(
    world: World,
    sync: Sync,
    connection: str,
    object_type: str,
    misses: Sequence[Mapping[str, object]],
    sources: Mapping[tuple[object, object], Mapping[str, object]],
    key_field: str,
    commit: Commit,
) -> None:
    """Not found is final for a key the vendor enforces once a read could show it; else after the late-commit time
    with two empty reads (the first moves `at_us`)."""
    capabilities = world.capabilities(connection, object_type)
    enforced = key_field in capabilities.unique_keys
    wait = capabilities.visibility_lag_seconds if enforced else capabilities.late_commit_seconds
    now_us = world.now_us()
    for row in misses:
        source = sources[row["batch_id"], row["position"]]
        sent_us = source["sent_us"]
        over = isinstance(sent_us, int) and now_us > sent_us + int(wait * 1e6)
        seen_before = isinstance(row["at_us"], int) and isinstance(sent_us, int) and row["at_us"] > sent_us
        mark = dirty_records(
            sync.name,
            "b" if source["side"] == "a" else "a",
            str(source["source_type"]),
            [str(source["source_id"])],
            due_us=0 if over else now_us + int(wait * 1e6),
        )
        commit.touch.append(mark)
        if over:
            change = {"state": "abandoned"} if enforced or seen_before else {"at_us": now_us}
            keys = {"batch_id": row["batch_id"], "position": row["position"]}
            commit.amend.setdefault(Table.ENTRY, []).append(pl.DataFrame([keys | change]))
