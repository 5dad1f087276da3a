"""Sealed plans: what was approved is done, exactly and once; what moved is left; every doubt stops before a write."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from syncline.engine.erase import erase
from syncline.engine.sealed import approval
from syncline.engine.sealed.apply import apply_plan
from syncline.engine.sealed.limits import OTHERWISE
from syncline.engine.sealed.paper import Plan, lines_of, read_plan
from syncline.engine.sealed.results import Applied
from syncline.engine.sealed.seal import Sealed, seal
from syncline.errors import ConfigError, SafetyStop
from syncline.spec.model import Ceiling, Policy
from syncline.trees import Commit, Table
from tests.support.memory_life import POOR_SYSTEMS, RICH_SYSTEMS, Life, ProcessDied, Variant, dies

VARIANTS = pytest.mark.parametrize("variant", [RICH_SYSTEMS, POOR_SYSTEMS], ids=lambda v: v.name)


def lived(variant: Variant, history: Callable[[Life], Coroutine[Any, Any, None]]) -> None:
    async def live() -> None:
        await history(await Life.begin(variant))

    asyncio.run(live())


async def sealed(life: Life, **options: Any) -> Sealed:
    """A plan sealed on a copy; the state itself is not touched."""
    copy = await life.store.copy()
    try:
        made = await seal(replace(life.world(), store=copy), life.sync, **options)
    finally:
        await copy.close()
    life.clock.advance(60)
    return made


def read(made: Sealed) -> Plan:
    return read_plan(lines_of(io.BytesIO(made.content)))


async def applied(life: Life, made: Sealed, *, approve: bool = True) -> Applied:
    world, plan = life.world(), read(made)
    if approve:
        await approval.approve(world, life.sync, plan.header.digest, "ann", plan.header)
    out = await apply_plan(world, life.sync, plan)
    life.clock.advance(60)
    return out


async def a_busy_morning(life: Life) -> list[str]:
    """Three linked pairs at rest, then: an edit of the first, a twin to be linked, and somebody new."""
    old = [life.new_person("a", number) for number in range(3)]
    for _ in range(3):
        await life.cycle()
        life.clock.advance(120)
    life.edit("a", old[0], "title", "Countess")
    life.new_person("a", 10)
    life.new_person("b", 10)
    life.new_person("a", 11)
    life.clock.advance(120)
    return old


def titles(life: Life, side: str) -> dict[str, str]:
    rows = life.systems["a" if side == "a" else "b"].rows.values()
    return {row.now.cells["email"]: row.now.cells["title"] for row in rows}


@VARIANTS
def test_a_plan_is_done_and_nothing_else(variant: Variant) -> None:
    async def history(life: Life) -> None:
        old = await a_busy_morning(life)
        made = await sealed(life)
        counts = made.header.counts
        assert (counts["links"], counts["creates_on_b"]) == (1, 1)
        assert counts["updates_on_b"] >= 1
        late = life.new_person("a", 12)  # after the plan: none of its business
        life.edit("a", old[1], "title", "Late")
        before = len(life.written)
        out = await applied(life, made)
        assert out.is_whole
        assert (out.links, out.moved, out.refused, out.left) == (1, [], [], [])
        assert out.written == sum(counts[f"{kind}s_on_{s}"] for kind in ("create", "update") for s in "ab")
        assert out.report is not None
        assert out.report.is_balanced
        sent = [write.cells.get("title") for _, write, _ in life.written[before:]]
        assert "Late" not in sent
        there = titles(life, "b")
        assert there["p0@x.test"] == "Countess"
        assert "p11@x.test" in there
        assert "p12@x.test" not in there
        (run,) = (await life.store.rows(Table.RUN, {"kind": "apply"})).iter_rows(named=True)
        assert (run["run_id"], run["state"]) == (out.report.run_id, "succeeded")
        for _ in range(3):
            report = await life.cycle()
            assert report is not None
            assert report.is_green
            life.clock.advance(120)
        assert titles(life, "b")["p1@x.test"] == "Late"
        assert await life.store.count(Table.LINK_END, {"record_id": late}) == 1

    lived(variant, history)


def test_what_moved_is_refused_and_the_rest_goes() -> None:
    async def history(life: Life) -> None:
        old = await a_busy_morning(life)
        life.edit("a", old[2], "phone", "(555) 7")
        life.clock.advance(60)
        made = await sealed(life)
        life.edit("a", old[0], "last", "Moved")  # another field of a record in the plan
        life.clock.advance(60)
        out = await applied(life, made)
        assert [(one.kind, "changed after" in one.why) for one in out.moved] == [("update", True)]
        assert out.is_whole
        assert titles(life, "b")["p0@x.test"] != "Countess"
        phones = {row.now.cells["email"]: row.now.cells["phone"] for row in life.systems["b"].rows.values()}
        assert phones["p2@x.test"] == "5557"
        assert out.report is not None
        assert out.report.is_balanced
        for _ in range(2):
            await life.cycle()
            life.clock.advance(120)
        assert titles(life, "b")["p0@x.test"] == "Countess", "it waited for the next plan"

    lived(POOR_SYSTEMS, history)


def test_only_an_approved_plan_is_applied_and_only_once() -> None:
    async def history(life: Life) -> None:
        await a_busy_morning(life)
        made = await sealed(life)
        before = len(life.written)
        with pytest.raises(SafetyStop, match="SYN-620"):
            await applied(life, made, approve=False)
        world, plan = life.world(), read(made)
        first = await approval.approve(world, life.sync, plan.header.digest, "ann", plan.header)
        again = await approval.approve(world, life.sync, plan.header.digest, "bob", plan.header)
        assert (first.is_new, again.is_new, again.decided_by) == (True, False, "ann")
        assert len(life.written) == before
        out = await applied(life, made)
        assert out.report is not None
        sent = len(life.written)
        assert sent > before
        twice = await applied(life, made)
        assert twice.earlier is not None
        assert (twice.earlier.run_id, twice.earlier.decided_by) == (out.report.run_id, "ann")
        assert len(life.written) == sent

    lived(RICH_SYSTEMS, history)


def test_a_plan_of_another_place_or_time_is_refused() -> None:
    async def history(life: Life) -> None:
        await a_busy_morning(life)
        made = await sealed(life)
        plan = read(made)
        other = replace(life.world(), key=b"k" * 32)
        with pytest.raises(SafetyStop, match="SYN-622"):
            await approval.approve(other, life.sync, plan.header.digest, "ann", plan.header)
        await approval.approve(life.world(), life.sync, plan.header.digest, "ann", plan.header)
        before = len(life.written)
        for world, sync in (
            (other, life.sync),
            (life.world(), replace(life.sync, name="others")),
            (life.world(), replace(life.sync, first_link=Policy.A)),
        ):
            with pytest.raises(SafetyStop, match="SYN-622"):
                await apply_plan(world, sync, plan)
        assert len(life.written) == before

    lived(RICH_SYSTEMS, history)


def test_the_same_plan_is_the_same_bytes_and_a_changed_one_is_noticed() -> None:
    async def history(life: Life) -> None:
        await a_busy_morning(life)
        at = life.clock.now()
        made = await sealed(life)
        life.clock.advance((at - life.clock.now()).total_seconds())
        again = await sealed(life)
        assert again.content == made.content
        assert again.header.digest == made.header.digest
        lines = list(lines_of(io.BytesIO(made.content)))
        for changed in (
            [lines[0].replace(b'"people"', b'"peoples"'), *lines[1:]],
            lines[:-1],
            [*lines, lines[-1]],
            [lines[0], *(one.replace(b"Countess", b"Duchess") for one in lines[1:])],
        ):
            with pytest.raises(SafetyStop, match="SYN-621"):
                read_plan(changed)
        for spoilt in (b"", b"PK\x03\x04", made.content[:-20]):
            with pytest.raises(ConfigError, match="SYN-157"):
                read_plan(lines_of(io.BytesIO(spoilt)))
        with pytest.raises(ConfigError, match="SYN-157"):
            read_plan([lines[0], b"[]\n"])

    lived(RICH_SYSTEMS, history)


async def cut_off(variant: Variant, effect: int) -> int:
    """Apply a plan, dying before the n-th effect (0: not at all), and again until nothing of it is left; how many
    effects it has."""
    life = await Life.begin(variant)
    await a_busy_morning(life)
    made = await sealed(life)
    plan = read(made)
    await approval.approve(life.world(), life.sync, plan.header.digest, "ann", plan.header)
    life.plan, life.effects = {effect: dies} if effect else {}, 0
    with contextlib.suppress(ProcessDied):
        await apply_plan(life.world(), life.sync, plan)
    effects = life.effects
    life.plan, life.is_dead = {}, False
    out = Applied(digest="")
    for _ in range(8):  # an unknown create takes until it cannot arrive any more
        life.clock.advance(200)
        out = await apply_plan(life.world(), life.sync, plan)
        if out.is_whole:
            break
    assert out.is_whole
    assert not out.moved
    assert sorted(titles(life, "b")) == ["p0@x.test", "p10@x.test", "p11@x.test", "p1@x.test", "p2@x.test"]
    assert len(life.systems["b"].rows) == 5
    assert titles(life, "b")["p0@x.test"] == "Countess"
    runs = await life.store.rows(Table.RUN, {"kind": "apply"})
    journals = await life.store.rows(Table.JOURNAL, {"run_id": runs["run_id"].to_list()})
    entries = await life.store.by_keys(Table.ENTRY, journals.select("batch_id"))
    done = entries.filter(pl.col("state").is_in(["written", "settled"]))
    wanted = sum(made.header.counts[f"{kind}s_on_{s}"] for kind in ("create", "update") for s in "ab")
    assert done["record_id"].n_unique() == len(done) == wanted
    return effects


def test_a_plan_cut_off_is_continued_and_nothing_is_written_twice() -> None:
    async def some() -> None:
        last = await cut_off(POOR_SYSTEMS, 0)
        for effect in range(last - 12, last, 4):  # around its writes; the slow test does every one
            await cut_off(POOR_SYSTEMS, effect)

    asyncio.run(some())


@pytest.mark.slow
@VARIANTS
def test_a_plan_cut_off_anywhere_is_continued(variant: Variant) -> None:
    async def every() -> None:
        last = await cut_off(variant, 0)
        assert last > 20
        for effect in range(1, last + 1):
            await cut_off(variant, effect)

    asyncio.run(every())


def test_what_a_ceiling_holds_is_in_a_plan_only_if_it_says_so() -> None:
    async def history(life: Life) -> None:
        life.new_person("a", 0)
        await life.cycle()
        life.sync = replace(life.sync, ceilings={"create": Ceiling(share=0, plus=1)})
        for number in (1, 2, 3):
            life.new_person("a", number)
        life.clock.advance(60)
        plain = await sealed(life)
        assert plain.header.counts["creates_on_b"] == 0
        assert plain.header.left_out == ("held: 3 of kind create, above the ceiling of 1",)
        everything = await sealed(life, with_held=True)
        assert everything.header.beyond_ceilings == ("3 of kind create, above the ceiling of 1",)
        assert (await applied(life, plain)).written == 0
        assert len(life.people_of("b")) == 1
        assert (await applied(life, everything)).written == 3
        assert len(life.people_of("b")) == 4

    lived(RICH_SYSTEMS, history)


def test_of_a_record_only_what_the_plan_says_is_written() -> None:
    """A blank-out above its ceiling is left out of the plan, the record's other field is in it."""

    async def history(life: Life) -> None:
        one = life.new_person("a", 0)
        life.edit("a", one, "phone", "5550")
        for _ in range(3):
            await life.cycle()
            life.clock.advance(120)
        life.sync = replace(life.sync, ceilings={"blank": Ceiling(share=0, plus=0)})
        await life.cycle()
        life.edit("a", one, "title", "Countess")
        life.edit("a", one, "phone", "")
        life.clock.advance(120)
        made = await sealed(life)
        assert (made.header.counts["fields"], made.header.counts["blank_outs"]) == (1, 0)
        done = await applied(life, made)
        assert (done.written, done.moved, done.left) == (1, [], [])
        (twin,) = life.systems["b"].rows.values()
        assert (twin.now.cells["title"], twin.now.cells["phone"]) == ("Countess", "5550")
        life.sync = replace(life.sync, ceilings={})
        for _ in range(2):
            life.clock.advance(120)
            await life.cycle()
        assert twin.now.cells["phone"] == "", "it was left for the next plan"

    lived(RICH_SYSTEMS, history)


def test_what_would_be_written_otherwise_now_is_refused_although_no_record_moved() -> None:
    """What both sides agreed on is part of what an action rests on."""

    async def history(life: Life) -> None:
        old = await a_busy_morning(life)
        made = await sealed(life)
        (end,) = (await life.store.rows(Table.LINK_END, {"record_id": old[0]})).iter_rows(named=True)
        base = await life.store.rows(Table.BASE, {"link_id": end["link_id"]})
        forgotten = pl.Series("prints_b", [bytes(len(base["prints_b"][0]))])
        await life.store.commit(Commit(put={Table.BASE: base.with_columns(forgotten)}))
        done = await applied(life, made)
        assert [(one.kind, one.why) for one in done.moved] == [("update", OTHERWISE)]
        assert titles(life, "b")["p0@x.test"] != "Countess"

    lived(RICH_SYSTEMS, history)


def test_what_a_run_did_in_between_is_not_done_again() -> None:
    async def history(life: Life) -> None:
        await a_busy_morning(life)
        made = await sealed(life)
        for _ in range(2):
            await life.cycle()
            life.clock.advance(120)
        sent = len(life.written)
        done = await applied(life, made)
        assert (done.written, done.links, len(life.written)) == (0, 0, sent)
        assert {one.kind for one in done.moved} >= {"create", "update"}
        assert len(life.people_of("b")) == 5

    lived(POOR_SYSTEMS, history)


def test_who_was_erased_since_is_not_written() -> None:
    async def history(life: Life) -> None:
        await a_busy_morning(life)
        made = await sealed(life)
        await erase(life.world(), life.sync, "p0@x.test")
        done = await applied(life, made)
        assert "p11@x.test" in titles(life, "b")
        assert titles(life, "b")["p0@x.test"] != "Countess"
        assert [one.kind for one in done.moved] == ["update"]

    lived(RICH_SYSTEMS, history)
