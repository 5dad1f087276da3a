"""What an undo is about: a run, the newest run about one person, or everything the sync wrote within some time.

Lives here: from those words to the journal's entries. Not here: what the entries say (`reversal`, `revival`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from syncline.engine.explain import find_subjects
from syncline.engine.reversal import DONE
from syncline.engine.world import World
from syncline.errors import ConfigError
from syncline.spec.model import Sync
from syncline.trees import Table


@dataclass(frozen=True, kw_only=True)
class Window:
    """Everything the sync sent from `since_us` on and before `until_us`, whatever run it belongs to."""

    since_us: int
    until_us: int


What = str | Window


@dataclass(frozen=True, kw_only=True)
class Scope:
    """`runs` that wrote, the newest first, and their ENTRY rows. `is_forgotten`: something was written of which the
    journal knows no more."""

    runs: tuple[str, ...]
    entries: pl.DataFrame
    is_forgotten: bool


async def scope_of(world: World, sync: Sync, what: What) -> Scope:
    """What *what* names. Raises ConfigError SYN-190: nothing of that name was ever written."""
    if isinstance(what, Window):
        return await _within(world, sync, what)
    runs, entries = await _named(world, sync, what)
    kept = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    is_cut = not set(entries["batch_id"]) <= set(kept["batch_id"])
    told = await world.store.rows(Table.RUN, {"run_id": runs})
    return Scope(runs=tuple(runs), entries=entries, is_forgotten=is_cut or _is_forgotten(told, kept))


async def _within(world: World, sync: Sync, window: Window) -> Scope:
    """By runs first: they are few beside the batches, and hold no segments."""
    ended = pl.col("ended_us").is_null() | (pl.col("ended_us") >= window.since_us)
    runs = (await world.store.rows(Table.RUN, {"sync": sync.name})).filter(
        ended & (pl.col("started_us") < window.until_us)
    )
    kept = await world.store.by_keys(Table.JOURNAL, runs.select("run_id"))
    own = kept.filter(pl.col("prepared_us").is_between(window.since_us, window.until_us, closed="left"))
    newest = own.sort("prepared_us", "batch_id", descending=True)["run_id"].unique(maintain_order=True)
    entries = await world.store.by_keys(Table.ENTRY, own.select("batch_id"))
    return Scope(runs=tuple(newest), entries=entries, is_forgotten=_is_forgotten(runs, kept))


async def _named(world: World, sync: Sync, text: str) -> tuple[list[str], pl.DataFrame]:
    """The runs that *text* names and their ENTRY rows."""
    run = await world.store.rows(Table.RUN, {"run_id": text, "sync": sync.name})
    if len(run):
        batches = await world.store.rows(Table.JOURNAL, {"sync": sync.name, "run_id": text})
        return [text], await world.store.by_keys(Table.ENTRY, batches.select("batch_id"))
    subjects = await find_subjects(world, sync, text)
    parts = [
        await world.store.links_of(subject.connection, subject.object_type, [subject.record_id]) for subject in subjects
    ]
    links = pl.concat(parts).filter(pl.col("sync") == sync.name)["link_id"].unique().to_list() if parts else []
    if not links:
        raise ConfigError(f"Nothing was ever written to {text!r}, and no run has that id.", code="SYN-190")
    return await _newest_run(world, sync, links)


async def _newest_run(world: World, sync: Sync, links: list[int]) -> tuple[list[str], pl.DataFrame]:
    entries = await world.store.rows(Table.ENTRY, {"link_id": links})
    batches = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    own = batches.filter(pl.col("sync") == sync.name).select("batch_id", "run_id", "prepared_us")
    told = entries.filter(pl.col("state").is_in(list(DONE))).join(own, on="batch_id").sort("prepared_us", "batch_id")
    if told.is_empty():
        return [], entries
    newest = str(told["run_id"][-1])
    return [newest], entries.join(own.filter(pl.col("run_id") == newest).select("batch_id"), on="batch_id", how="semi")


def _is_forgotten(runs: pl.DataFrame, kept: pl.DataFrame) -> bool:
    """Whether one of *runs* (RUN) wrote something and no batch of it is *kept* (JOURNAL)."""
    gone = runs.filter(~pl.col("run_id").is_in(kept["run_id"].implode()))
    classes = [json.loads(summary or "{}").get("classes", {}) for summary in gone["summary"]]
    return any(side.get("written") for per_run in classes for side in per_run.values())
