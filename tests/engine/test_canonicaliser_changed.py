"""A second canonicaliser is planted while pairs agree: nothing is written, and an edit that was waiting still flows."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import pytest

from syncline import values
from syncline.engine.verify import verify
from syncline.records import SIDES, Page, Side
from syncline.trees import Commit, Table
from syncline.values import CANONICALISERS, Canonicaliser, FieldType
from tests.support.memory_life import RICH_SYSTEMS, Life, ProcessDied, WatchedConnector
from tests.support.memory_world import people

SECOND = 2


def _spaced(field_type: FieldType) -> Callable[[object], str]:
    """Text in which white space counts once; everything else as before."""
    first = CANONICALISERS[values.FIRST_CANONICALISER].form_of(field_type)
    return (lambda raw: " ".join(first(raw).split())) if field_type is FieldType.TEXT else first


def _sha(key: bytes, inputs: Sequence[str]) -> int:
    said = key + json.dumps(list(inputs)).encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8], "little") >> 1 or 1


def _renewed(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return rows.with_columns(
        pl.Series(name, values.renewed(FieldType.TEXT, rows[name]), dtype=pl.String) for name in names
    )


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Plants another form of text and other prints, and has the connectors read in today's forms as real ones do."""

    def formed(page: Page) -> Page:
        moments = page.moments
        if moments is not None:
            moments = _renewed(moments, ("old", "new"))
        return replace(page, rows=_renewed(page.rows, page.fields), moments=moments)

    def plant() -> None:
        later = Canonicaliser(form_of=_spaced, fingerprint=_sha)
        monkeypatch.setattr(values, "CANONICALISERS", {**CANONICALISERS, SECOND: later})
        monkeypatch.setattr(values, "CANONICALISER", SECOND)
        page_of = WatchedConnector._page

        def page(self: WatchedConnector, *arguments: object, **options: object) -> Page:
            return formed(page_of(self, *arguments, **options))  # type: ignore[arg-type]

        monkeypatch.setattr(WatchedConnector, "_page", page)

    return plant


async def _agreed(count: int = 3) -> Life:
    life = await Life.begin(RICH_SYSTEMS, people())
    for number in range(count):
        who = life.new_person("a", number)
        life.edit("a", who, "title", f"Chief  {number}")
    for _ in range(3):
        await _cycle(life)
    assert not await life.store.count(Table.DIRTY)
    life.written.clear()
    return life


async def _cycle(life: Life) -> None:
    report = await life.cycle()
    assert report is not None
    assert report.is_green
    life.clock.advance(600)


def _cell(life: Life, side: Side, name: str, who: int = 0) -> str:
    return life.systems[side].rows[life.people_of(side)[who]].now.cells[name]


def test_nothing_is_written_and_every_base_is_of_the_second(second: Callable[[], None]) -> None:
    async def live() -> None:
        life = await _agreed()
        before = await life.store.rows(Table.BASE)
        second()
        for _ in range(2):
            await _cycle(life)
        assert not life.written
        bases = await life.store.rows(Table.BASE)
        assert bases["canonicaliser"].to_list() == [SECOND] * 3
        assert not set(bases["prints_a"]) & set(before["prints_a"])
        assert not await life.store.count(Table.CONFLICT)
        cells = await life.store.rows(Table.MIRROR)
        assert {json.loads(text)["title"] for text in cells["cells"]} == {"Chief 0", "Chief 1", "Chief 2"}, "read anew"
        report = await verify(life.world(), life.sync)
        assert report.is_converged
        assert report.explained == 0

    asyncio.run(live())


@pytest.mark.parametrize("side", SIDES)
def test_an_edit_waiting_across_the_change_flows_and_the_second_run_writes_nothing(
    second: Callable[[], None], side: Side
) -> None:
    """It was read before the change and not yet planned, as after a process that died between the two."""

    async def live() -> None:
        life = await _agreed()
        far: Side = "b" if side == "a" else "a"
        life.edit(side, life.people_of(side)[0], "title", "Head  of All")
        await _read_only(life)
        second()
        await _cycle(life)
        assert _cell(life, far, "title") == "Head of All"
        assert {(where, *write.cells.items()) for where, write, _ in life.written} == {(far, ("title", "Head of All"))}
        assert not await life.store.count(Table.CONFLICT), "one side changed: nothing to decide"
        life.written.clear()
        await _cycle(life)
        assert not life.written
        assert (await verify(life.world(), life.sync)).is_converged

    asyncio.run(live())


async def _read_only(life: Life) -> None:
    """A run that dies as soon as the edit stands in the mirror."""
    commit_to = life.store.commit

    async def commit(commit: Commit) -> None:
        await commit_to(commit)
        mirror = commit.put.get(Table.MIRROR)
        if mirror is not None and mirror["cells"].str.contains("Head  of All").any():
            raise ProcessDied

    life.store.commit = commit  # type: ignore[method-assign]
    report = await life.cycle()
    life.store.commit = commit_to  # type: ignore[method-assign]
    assert report is None
    assert not life.written
    life.clock.advance(600)
