"""Creates whose answer was lost, found by our key: linked when found, given up when they cannot come any more.

Lives here: what a look-up by our key means, and any page that shows one of them. Not here: the look-up itself
(`write`), or updates of unknown outcome (`settlement`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from syncline import records
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.journal import DEED, IN_FLIGHT, with_segments
from syncline.engine.letters import close_letters_of_creates
from syncline.engine.life.endings import HAS_ENDED
from syncline.engine.links import mark_ended, put_link_rows, stand_in
from syncline.engine.settlement import drop_rows
from syncline.engine.tenure import in_other_hands
from syncline.engine.world import World
from syncline.records import SIDES, Page, Side, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Table
from syncline.values import EMPTY


async def link_shown(world: World, connection: str, page: Page, linked: Sequence[str], commit: Commit) -> None:
    """Add to *commit* the links of creates of unknown outcome whose records *page* shows, by our key, and that are not
    *linked* yet. Until somebody looks them up they may have ended in other records, where our key is found no more.

    Also of creates that were given up and came after all, where whoever they were made from has ended meanwhile: no
    match finds him, and what became of him is the new record's fate as well."""
    for sync, side in world.sides_of(connection, page.object_type):
        key_field = sync.side(side).key_fields.get(page.object_type)
        if key_field is None or key_field not in page.fields:
            continue
        is_strange = ~pl.col(records.ID).is_in(list(linked)) & ~pl.col(records.DELETED)
        keyed = page.rows.filter(is_strange & (pl.col(key_field).fill_null(EMPTY) != EMPTY))
        lost = await _lost(world, sync, connection, page.object_type, keyed[key_field]) if len(keyed) else keyed
        if len(lost):
            shown = replace(page, rows=keyed)
            await found_creates(world, sync, connection, page.object_type, lost, shown, key_field, commit)


async def _lost(world: World, sync: Sync, connection: str, object_type: str, keys: pl.Series) -> pl.DataFrame:
    """Creates (ENTRY) of the sync by one of *keys* of which nobody at work knows what became, or that were given up and
    whose source has ended."""
    where = {"state": [*IN_FLIGHT, "abandoned"], "connection": connection, "object_type": object_type}
    entries = (await world.store.rows(Table.ENTRY, where)).filter(pl.col("record_id").is_null())
    entries = entries.filter(pl.col("match_key").is_in(keys.implode()))
    if entries.is_empty():
        return entries
    journals = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    own = journals.filter((pl.col("sync") == sync.name) & ~pl.col("operation").str.starts_with(DEED))
    own = own.join(await in_other_hands(world, own), on="batch_id", how="anti")
    entries = entries.join(own, on="batch_id", how="semi")
    in_flight = entries.filter(pl.col("state") != "abandoned")
    given_up = entries.filter(pl.col("state") == "abandoned").join(in_flight, on="match_key", how="anti")
    newest = given_up.sort("at_us").unique("match_key", keep="last", maintain_order=True)
    return pl.concat([in_flight, await _of_the_ended(world, sync, newest)])


async def _of_the_ended(world: World, sync: Sync, creates: pl.DataFrame) -> pl.DataFrame:
    """Those of *creates* (ENTRY) whose source has ended."""
    if creates.is_empty():
        return creates
    sources = (await with_segments(world.store, creates)).unique(["batch_id", "position"], maintain_order=True)
    near = {side: sync.side(other(side)).connection for side in SIDES}
    keys = sources.select(
        pl.col("side").replace_strict(near, return_dtype=pl.String).alias("connection"),
        pl.col("source_type").alias("object_type"),
        pl.col("source_id").alias("record_id"),
        "batch_id",
        "position",
    )
    places = ["connection", "object_type", "record_id"]
    ended = (await world.store.by_keys(Table.MIRROR, keys.select(places).unique())).filter(HAS_ENDED)
    return creates.join(keys.join(ended, on=places, how="semi"), on=["batch_id", "position"], how="semi")


async def found_creates(
    world: World,
    sync: Sync,
    connection: str,
    object_type: str,
    lost: pl.DataFrame,
    page: Page,
    key_field: str,
    commit: Commit,
) -> None:
    """Creates of unknown outcome after a look-up by our key: found ones are linked by *commit*, the rest is given up
    once the vendor could no longer bring it up."""
    found = {key: record_id for record_id, key in page.rows.select(records.ID, key_field).iter_rows() if key}
    if found:
        lost = await _attempts_that_came(world, connection, object_type, lost, page, key_field, commit)
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
    taken = await _links_of(world, [one for one, _ in ends])
    taken |= await _links_of(world, [two for _, two in ends], "current")
    fresh = [not (taken.get(one) or taken.get(two)) for one, two in ends]
    first = await world.store.next_link_ids(sum(fresh)) if any(fresh) else 0
    numbers = iter(range(first, first + sum(fresh)))
    links, new_ends, entries = [], [], []
    anew: list[tuple[int, str]] = []
    for row, pair, is_new in zip(hits, ends, fresh, strict=True):
        # Meanwhile linked by a match: the same link if it is the same pair, else nobody's.
        known = [taken.get(end, 0) for end in pair]
        link_id = next(numbers) if is_new else (known[0] if known[0] == known[1] else 0)
        if row["link_id"] and known == [0, row["link_id"]]:
            link_id = row["link_id"]
            anew.append((link_id, found[row["match_key"]]))
        entries.append((row["batch_id"], row["position"], "unknown", found[row["match_key"]], link_id))
        if is_new:
            links.append((link_id, f"created on {pair[0][1]}, found by its key after a lost answer"))
            new_ends += [(*end, link_id, "current") for end in pair]
    target: Side = "a" if sync.a.connection == connection else "b"
    if links:
        made_from = [end for (_, end), is_new in zip(ends, fresh, strict=True) if is_new]
        # Whoever ended before he had a link is an alias of his heir's: now he has an end of his own to be followed.
        drop_rows(commit, Table.LINK_END, pl.DataFrame(made_from, schema=_END_KEY, orient="row"))
        put_link_rows(world, sync, links, new_ends, commit)
        await mark_ended(world, sync, other(target), [(end[2], end[3]) for end in made_from], commit)
    await stand_in(world, sync, target, object_type, anew, commit)
    await close_letters_of_creates(world, sync, [(pair[1][2], pair[1][3]) for pair in ends], commit)
    if entries:
        commit.amend.setdefault(Table.ENTRY, []).append(pl.DataFrame(entries, schema=_ENTRY_FOUND, orient="row"))
    misses = [row for row in lost_rows if row["match_key"] not in found]
    _give_up(world, sync, connection, object_type, misses, sources, key_field, commit)


async def given_up_creates(world: World, connection: str, object_type: str) -> pl.DataFrame:
    """Creates (ENTRY) that were given up, of which nobody knows a record: they may still arrive."""
    where = {"state": "abandoned", "connection": connection, "object_type": object_type}
    return (await world.store.rows(Table.ENTRY, where)).filter(pl.col("record_id").is_null())


async def _attempts_that_came(
    world: World,
    connection: str,
    object_type: str,
    lost: pl.DataFrame,
    page: Page,
    key_field: str,
    commit: Commit,
) -> pl.DataFrame:
    """*lost* with an earlier attempt, given up, in the place of a later one where what was found holds just what the
    earlier one sent: it came after all. The later one is given up, as its key is taken."""
    earlier = await given_up_creates(world, connection, object_type)
    earlier = earlier.join(lost, on="match_key", how="semi").join(lost, on=["batch_id", "position"], how="anti")
    if earlier.is_empty():
        return lost
    attempts = pl.concat([earlier, lost.select(earlier.columns)])
    sent = await with_segments(world.store, attempts)
    keyed = sent.join(attempts.select("batch_id", "position", "match_key"), on=["batch_id", "position"])
    shown = page.rows.select(*page.fields, pl.col(key_field).alias("match_key"))
    shown = shown.unpivot(index="match_key", variable_name="field", value_name="shown")
    best = (
        keyed.join(shown, on=["match_key", "field"], how="inner")
        .with_columns(is_unlike=pl.col("shown").fill_null(EMPTY) != pl.col("expected").fill_null(EMPTY))
        .group_by("match_key", "batch_id", "position", "sent_us")
        .agg(pl.col("is_unlike").sum())
        .sort("is_unlike", pl.col("sent_us").neg())
        .unique("match_key", keep="first", maintain_order=True)
    )
    came = attempts.join(best, on=["batch_id", "position"], how="semi")
    others = lost.join(came, on=["batch_id", "position"], how="anti")
    beaten = others.join(came, on="match_key", how="semi")
    if len(beaten):
        gave_up = beaten.select("batch_id", "position", state=pl.lit("abandoned"))
        commit.amend.setdefault(Table.ENTRY, []).append(gave_up)
    return pl.concat([came, others.join(beaten, on=["batch_id", "position"], how="anti").select(came.columns)])


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


async def _links_of(world: World, ends: Sequence[_End], role: str | None = None) -> dict[_End, int]:
    """Which of *ends* are in a link already, in this *role* if one is given, and in which."""
    if not ends:
        return {}
    known = await world.store.by_keys(Table.LINK_END, pl.DataFrame(list(ends), schema=_END_KEY, orient="row").unique())
    if role is not None:
        known = known.filter(pl.col("role") == role)
    return {tuple(row[:4]): row[4] for row in known.select(*_END_KEY, "link_id").iter_rows()}


_END_KEY = dict.fromkeys(("sync", "side", "object_type", "record_id"), pl.String)
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
    """Not found is final once the first attempt cannot arrive any more and a read would show it: after the late-commit
    time; where the vendor does not enforce the key with two empty reads (the first moves `at_us`).

    Also under an enforced key, though it allows no second record: a create by key that comes late finds the record its
    repetition has made and updates it, over whatever was edited since.
    """
    capabilities = world.capabilities(connection, object_type)
    enforced = key_field in capabilities.unique_keys
    wait_us = int((capabilities.late_commit_seconds + capabilities.visibility_lag_seconds) * 1e6)
    now_us = world.now_us()
    for row in misses:
        source = sources[row["batch_id"], row["position"]]
        sent_us = source["sent_us"]
        over = isinstance(sent_us, int) and now_us > sent_us + wait_us
        seen_before = isinstance(row["at_us"], int) and isinstance(sent_us, int) and row["at_us"] > sent_us
        due_us = 0 if over else now_us + wait_us
        if isinstance(row["link_id"], int) and row["link_id"]:
            mark = dirty_links(sync.name, [row["link_id"]], due_us=due_us)
        else:
            side = "b" if source["side"] == "a" else "a"
            mark = dirty_records(sync.name, side, str(source["source_type"]), [str(source["source_id"])], due_us=due_us)
        commit.touch.append(mark)
        if over:
            change = {"state": "abandoned"} if enforced or seen_before else {"at_us": now_us}
            keys = {"batch_id": row["batch_id"], "position": row["position"]}
            commit.amend.setdefault(Table.ENTRY, []).append(pl.DataFrame([keys | change]))
