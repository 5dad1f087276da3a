"""What waits for a person: conflicts, dead letters, holds; and what a person does about them.

Lives here: listing and the acts (retry, approve, thaw, enable/disable). A retry or a thaw only forgets what stood in
the way: the plan decides again.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.breaker import thaw_fields
from syncline.engine.ceilings import REPLACED
from syncline.engine.dirty import dirty_links, dirty_records
from syncline.engine.explain import find_subjects
from syncline.engine.world import World
from syncline.errors import ConfigError
from syncline.records import SIDES, Side, other
from syncline.spec.model import Sync
from syncline.trees import Commit, Store, Table


async def conflicts(store: Store, sync: str, *, limit: int = 200) -> pl.DataFrame:
    """The newest rows of the conflict log, open ones first."""
    rows = await store.rows(Table.CONFLICT, {"sync": sync})
    return rows.sort(pl.col("state") != "open", -pl.col("at_us")).head(limit)


async def errors(store: Store, sync: str) -> pl.DataFrame:
    """Dead letters that still wait, newest first."""
    return (await store.rows(Table.DEAD_LETTER, {"sync": sync, "state": "dead"})).sort("at_us", descending=True)


async def holds(store: Store, sync: str) -> pl.DataFrame:
    """Everything that waits for a person, oldest first."""
    return (await store.rows(Table.HOLD, {"sync": sync, "state": "open"})).sort("at_us")


async def chosen_letters(
    store: Store, sync: str, letter_ids: Sequence[str] = (), causes: Sequence[str] = ()
) -> pl.DataFrame:
    """Dead letters that still wait (DEAD_LETTER): those with one of these ids or causes; none given: all of them. A
    cause is the code of the refusal, the system's or ours, in any case."""
    letters = await errors(store, sync)
    if not letter_ids and not causes:
        return letters
    wanted = [cause.casefold() for cause in causes]
    has_cause = pl.Series([code.casefold() in wanted for code in letters["code"]], dtype=pl.Boolean)
    return letters.filter(pl.col("letter_id").is_in(list(letter_ids)) | has_cause)


async def retry(world: World, sync: Sync, letter_ids: Sequence[str] | None) -> int:
    """Let refused records be planned again (None: all of them); how many were woken."""
    letters = await errors(world.store, sync.name)
    if letter_ids is not None:
        letters = letters.filter(pl.col("letter_id").is_in(list(letter_ids)))
    if letters.is_empty():
        return 0
    commit = Commit()
    commit.amend[Table.DEAD_LETTER] = [letters.select("letter_id", pl.lit("retried").alias("state"))]
    linked = letters.filter(pl.col("link_id") > 0)
    if len(linked):
        marks = await world.store.by_keys(Table.MARK, linked.select("link_id").unique())
        dead = marks.filter(pl.col("kind").is_in(["dead", "not_taken"])).select("link_id", "mapping", "kind")
        if len(dead):
            commit.drop[Table.MARK] = dead
        commit.touch.append(dirty_links(sync.name, linked["link_id"].unique().to_list()))
    for side, object_type, record_id in (
        letters.filter(pl.col("link_id") == 0).select("side", "object_type", "record_id").iter_rows()
    ):
        target: Side = "a" if side == "a" else "b"
        commit.touch.append(dirty_records(sync.name, other(target), object_type, [record_id]))
    await world.store.commit(commit)
    return len(letters)


async def ends_of_links(store: Store, link_ids: Sequence[int]) -> pl.DataFrame:
    """link_id, id_a, id_b: the records these links join at present; null where there is none."""
    links = pl.DataFrame({"link_id": list(link_ids)}, schema={"link_id": pl.Int64}).unique(maintain_order=True)
    ends = (await store.by_keys(Table.LINK_END, links)).filter(pl.col("role") == "current")
    for side in SIDES:
        own = ends.filter(pl.col("side") == side).select("link_id", pl.col("record_id").alias(f"id_{side}"))
        links = links.join(own.unique("link_id"), on="link_id", how="left", maintain_order="left")
    return links


async def thaw(world: World, sync: Sync, text: str, mapping: str | None = None) -> int:
    """Let the frozen fields of the person whose e-mail or record id is *text* flow again, or one of them; how many that
    were. Raises ConfigError SYN-150 if no such record has been seen."""
    subjects = await find_subjects(world, sync, text)
    if not subjects:
        raise ConfigError(
            f"No record {text!r} has been seen on either side.",
            code="SYN-150",
            remedy="Give an e-mail address or a record id; `syncline thaw` alone lists what is frozen.",
        )
    links: set[int] = set()
    for subject in subjects:
        ends = await world.store.links_of(subject.connection, subject.object_type, [subject.record_id])
        links |= set(ends.filter(pl.col("sync") == sync.name)["link_id"])
    return await thaw_fields(world, sync, sorted(links), mapping)


SHORTEST_DIGEST = 6
"""So many characters of a digest name a held set; fewer, or none, could approve what nobody has looked at."""


async def approve(store: Store, sync: str, digest: str) -> int:
    """Let exactly the held set named by *digest* (its first characters will do) through in the next run; how many holds
    that were: none where the digest is too short. The set may have changed since it was shown: what is left of it goes,
    what came later stays held."""
    if len(digest) < SHORTEST_DIGEST:
        return 0
    rows = (await store.rows(Table.HOLD, {"sync": sync, "state": ["open", REPLACED], "kind": "ceiling"})).filter(
        pl.col("digest").str.starts_with(digest)
    )
    if len(rows):
        await store.commit(Commit(amend={Table.HOLD: [rows.select("hold_id", pl.lit("approved").alias("state"))]}))
    return len(rows)


async def set_enabled(store: Store, sync: str, enabled: bool) -> None:
    """Enable or disable background runs of a sync; `push` works either way."""
    row = pl.DataFrame({"name": [f"enabled:{sync}"], "value": ["true" if enabled else "false"]})
    await store.commit(Commit(put={Table.META: row}))


async def is_enabled(store: Store, sync: str) -> bool:
    rows = await store.rows(Table.META, {"name": f"enabled:{sync}"})
    return rows.is_empty() or rows["value"][0] == "true"
