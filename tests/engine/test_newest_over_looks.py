"""`newest` of a field that could not be decided at once: its evidence reaches back to when it was seen to change."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import polars as pl
import pytest

from syncline.engine.dirty import dirty_links
from syncline.engine.settlement import add_rows
from syncline.records import Side
from syncline.spec.model import Policy
from syncline.trees import TABLES, Commit, Table
from tests.support.memory_life import POOR_SYSTEMS, Life, filtered_people
from tests.support.memory_world import field_map


async def _stopped_pair() -> Life:
    """A pair whose title a person has stopped; where nothing is known side b wins."""
    sync = filtered_people()
    title = field_map("title", policies={"*": Policy.NEWEST}, tie="b")
    life = await Life.begin(
        POOR_SYSTEMS, replace(sync, fields=tuple(title if m.key == "title" else m for m in sync.fields))
    )
    life.new_person("a", 1)
    for _ in range(3):
        await _look(life)
    link_id = (await life.store.rows(Table.LINK))["link_id"][0]
    commit = Commit()
    held = [(link_id, "title", "held", "{}", 0)]
    add_rows(commit, Table.MARK, pl.DataFrame(held, schema=dict(TABLES[Table.MARK][0]), orient="row"))
    await life.store.commit(commit)
    return life


async def _look(life: Life) -> None:
    life.clock.advance(600)
    await life.cycle()
    life.clock.advance(600)
    await life.cycle()


async def _edit(life: Life, side: Side, name: str, value: str) -> None:
    life.edit(side, life.people_of(side)[0], name, value)
    await _look(life)


async def _let_go(life: Life) -> tuple[str, str]:
    """What the title is on both sides once it is decided, and why."""
    marks = await life.store.rows(Table.MARK, {"kind": "held"})
    commit = Commit(touch=[dirty_links(life.sync.name, marks["link_id"].to_list())])
    commit.drop[Table.MARK] = marks.select("link_id", "mapping", "kind")
    await life.store.commit(commit)
    await _look(life)
    titles = {life.systems[s].rows[life.people_of(s)[0]].now.cells["title"] for s in ("a", "b")}
    (title,) = titles
    rows = await life.store.rows(Table.CONFLICT, {"kind": "conflict"})
    return title, str(rows.filter(pl.col("state") == "logged").sort("at_us")["reason"][-1])


@pytest.mark.parametrize("waits", [True, False])
def test_the_evidence_of_a_field_that_waited_is_not_moved_by_other_edits(waits: bool) -> None:
    async def live() -> None:
        life = await _stopped_pair()
        if waits:
            await _edit(life, "a", "title", "older, from a")
        await _edit(life, "b", "phone", "1")
        await _edit(life, "b", "title", "newer, from b")
        await _edit(life, "a", "status", "a word that goes nowhere")
        await _edit(life, "a", "status", "another")
        if not waits:
            await _edit(life, "a", "title", "newest, from a")
        title, reason = await _let_go(life)
        assert title == ("newer, from b" if waits else "newest, from a")
        assert ("tie" in reason) == waits, reason

    asyncio.run(live())
