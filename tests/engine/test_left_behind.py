"""What a process that died, or an answer that was lost, leaves behind is closed by who comes next."""

from __future__ import annotations

import asyncio

import polars as pl

from syncline.connectors.memory import Fault
from syncline.engine.cycle import close_cut_off
from syncline.engine.settlement import add_rows
from syncline.trees import TABLES, Commit, Table
from tests.support.memory_life import RICH_SYSTEMS, Life, dies


def test_a_run_whose_process_died_is_failed_and_says_so() -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        life.new_person("a", 1)
        assert await life.cycle({6: dies}) is None
        assert (await life.store.rows(Table.RUN))["state"].to_list() == ["running"]
        assert await close_cut_off(life.store) == 1
        (run,) = (await life.store.rows(Table.RUN)).iter_rows(named=True)
        assert run["state"] == "failed"
        assert "cut off" in run["summary"]
        await life.cycle()
        assert await close_cut_off(life.store) == 0

    asyncio.run(live())


def test_a_create_found_after_a_lost_answer_ends_its_letter() -> None:
    async def live() -> None:
        life = await Life.begin(RICH_SYSTEMS)
        person = life.new_person("a", 1)
        letter = dict.fromkeys(TABLES[Table.DEAD_LETTER][0]) | {
            "letter_id": "refused before",
            "sync": life.sync.name,
            "link_id": 0,
            "side": "b",
            "object_type": "person",
            "record_id": person,
            "operation": "create",
            "wake_print": 0,
            "state": "dead",
        }
        commit = Commit()
        add_rows(commit, Table.DEAD_LETTER, pl.DataFrame([letter], schema=dict(TABLES[Table.DEAD_LETTER][0])))
        await life.store.commit(commit)
        life.connectors["b"].next_writes.append(Fault.LOST_REPLY)
        for _ in range(3):
            await life.cycle()
            life.clock.advance(100)
        assert len(life.people_of("b")) == 1
        assert (await life.store.rows(Table.DEAD_LETTER))["state"].to_list() == ["resolved"]

    asyncio.run(live())
