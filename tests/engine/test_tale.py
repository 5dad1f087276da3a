"""What `explain`, `verify` and `status` tell of records that ended."""

from __future__ import annotations

import io

from rich.console import Console

from syncline.cli.screens.state import explain_screen
from syncline.engine.explain import Subject, explain
from syncline.engine.verify import verify
from syncline.spec.model import OnDelete, OnMerge
from tests.support.life_world import Lives, lived


async def told(lives: Lives, record_id: str) -> str:
    subject = Subject(side="a", connection="left", object_type="person", record_id=record_id)
    out = io.StringIO()
    found = await explain(lives.two.world, lives.two.sync, subject)
    explain_screen(Console(file=out, width=200), found, {"a": "left", "b": "right"})
    return out.getvalue()


@lived
async def test_a_tombstone_says_what_follows_and_is_no_difference() -> None:
    lives = await Lives.begin(on_delete={"a": OnDelete.UNLINK, "b": OnDelete.UNLINK})
    person, human = await lives.pair(title="Boss")
    lives.delete("a", person)
    lives.edit("b", human, title="Chief")
    await lives.rest()
    text = await told(lives, person)
    assert "tombstone deleted on left; its counterpart stays" in text
    assert f"person {person} was deleted" in text
    report = await verify(lives.two.world, lives.two.sync)
    assert report.is_converged
    assert (report.tombstones, report.pairs) == (1, 0)


@lived
async def test_an_alias_and_the_merger_are_told_from_the_losers_id() -> None:
    lives = await Lives.begin()
    (winner, _), (loser, lost) = await lives.pairs(2)
    lives.merge("a", winner, loser)
    await lives.rest()
    text = await told(lives, loser)
    assert f"person {loser} was merged into person {winner}" in text
    assert f"human {lost} was merged into human" in text
    assert "merger done: their counterparts on side a became one" in text


@lived
async def test_a_merge_that_is_due_or_held_is_told_and_due_ones_are_pending() -> None:
    lives = await Lives.begin(on_merge=OnMerge.HOLD)
    (winner, _), (loser, _) = await lives.pairs(2)
    lives.merge("a", winner, loser)
    await lives.rest()
    text = await told(lives, loser)
    assert "merger held" in text
    assert "waits merge" in text
    lives.two.sync = lives.two.world.syncs["people"]
    assert (await verify(lives.two.world, lives.two.sync)).is_converged, (
        "a held merge waits for a person, not for a run"
    )
