"""A person who is erased: nothing of him is left in any file, nobody brings him back, and the others do not notice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from syncline.connectors.memory import MemoryConnector
from syncline.engine.cycle import run_cycle
from syncline.engine.erase import Erasure, erase
from syncline.engine.erased import erased_us
from syncline.engine.explain import find_subjects
from syncline.engine.journal import unpack
from syncline.engine.laws import ERASED_ID, unpack_ids
from syncline.engine.push import push
from syncline.engine.verify import verify
from syncline.errors import ConfigError
from syncline.ports import Lane
from syncline.records import Write, WriteAnswer
from syncline.spec.model import Creates
from syncline.store import open_store
from syncline.trees import Commit, Store, Table
from tests.support.memory_world import TwoSystems, people, two_systems
from tests.support.virtual import VirtualClock

ADA = {"email": "Ada.Byron@x.test", "first": "Adalberta", "last": "Byronessa", "title": "Countessa", "phone": "5550777"}
BEN = {"email": "ben@x.test", "first": "Ben", "last": "Miller", "title": "Miller", "phone": "5550888"}
WORDS = ("ada.byron", "adalberta", "byronessa", "countessa", "5550777", "enchantress")


async def settled(both: TwoSystems, *, times: int = 3) -> None:
    for _ in range(times):
        report = await run_cycle(both.world, both.sync)
        assert report.is_balanced, [b for b in report.balances if not b.is_balanced]
        both.clock.advance(120)


async def lived(folder: Path | None = None) -> tuple[TwoSystems, str, str]:
    """Ada and Ben, linked, edited on both sides, with a conflict, a refused value and a hold that names Ada."""
    store = await open_store(f"sqlite:///{folder / 'state.db'}", VirtualClock()) if folder else None
    both = await two_systems(store=store)
    ada = both.left.create("person", ADA, "human")
    both.left.create("person", BEN, "human")
    await settled(both)
    twin = next(i for i, row in both.right.rows.items() if row.now.cells["email"] == ADA["email"])
    both.left.update(ada, {"title": "Enchantress of numbers"}, "human")
    both.right.update(twin, {"title": "Countessa Enchantress", "phone": "5550777 5550777"}, "human")
    await settled(both)
    both.left.update(ada, {"last": "Byronessa " * 9}, "human")  # longer than the field: refused, a dead letter
    await settled(both)
    member = {"side": "a", "object_type": "person", "record_id": ada}
    hold = {
        "hold_id": "h1",
        "sync": "people",
        "kind": "ambiguous",
        "subject": json.dumps([member]),
        "evidence": json.dumps({"email": ADA["email"]}),
        "digest": "d",
        "state": "open",
        "at_us": 1,
        "run_id": "r",
    }
    await both.world.store.commit(Commit(put={Table.HOLD: pl.DataFrame([hold])}))
    return both, ada, twin


async def everything(store: Store) -> str:
    """All that is stored, in the clear: packed columns too, in lower case."""
    parts = []
    for table in Table:
        rows = await store.rows(table)
        packed = {"segment": lambda blob: unpack(blob).write_json(), "ids": unpack_ids}
        for row in rows.iter_rows(named=True):
            parts += [repr(packed[name](cell) if name in packed else cell) for name, cell in row.items()]
    return "\n".join(parts).lower()


async def number_of(both: TwoSystems, *tables: Table) -> int:
    return sum([await both.world.store.count(table) for table in tables])


@pytest.mark.parametrize("by", ["e-mail", "id on a", "id on b"])
def test_nothing_of_the_person_is_left_in_any_file(tmp_path: Path, by: str) -> None:
    async def live() -> None:
        both, ada, twin = await lived(tmp_path)
        before = await everything(both.world.store)
        assert all(word in before for word in WORDS), "the story holds what is to be erased"
        text = {"e-mail": "ada.byron@X.test", "id on a": ada, "id on b": twin}[by]
        assert await erase(both.world, both.sync, text) == Erasure(
            records=2, links=1, was_erased=False, is_scrubbed=True
        )
        after = await everything(both.world.store)
        assert not [word for word in (*WORDS, ada.lower(), twin.lower()) if word in after]
        assert "miller" in after
        on_disk = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir())).lower()
        assert not [word for word in WORDS if word.encode() in on_disk], "open state"
        await both.world.store.close()
        on_disk = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir())).lower()
        assert b"ben@x.test" in on_disk
        assert not [word for word in WORDS if word.encode() in on_disk], "closed state"

    asyncio.run(live())


def test_the_person_is_neither_taken_in_nor_created_again() -> None:
    async def live() -> None:
        both, ada, twin = await lived()
        await erase(both.world, both.sync, ADA["email"])
        assert await erased_us(both.world, both.sync, "ADA.byron@x.test") is not None
        both.left.update(ada, {"title": "Countessa again"}, "human")
        both.right.update(twin, {"phone": "1"}, "human")
        both.left.create("person", {**ADA, "first": "A."}, "human")
        both.right.create("human", {"email": "other@x.test", "key": f"people.a.person.{ada}".lower()}, "human")
        await settled(both)
        assert len(both.right.rows) == 3, "somebody was created from an erased person"
        assert both.right.rows[twin].now.cells["title"] != "Countessa again", "an erased person's edit flowed"
        assert await number_of(both, Table.LINK) == 1
        assert not [word for word in WORDS if word in await everything(both.world.store)]
        assert not await find_subjects(both.world, both.sync, ADA["email"])
        with pytest.raises(ConfigError, match="SYN-153"):
            await push(both.world, both.sync, ada)
        report = await verify(both.world, both.sync)
        assert report.pairs == 1
        assert report.is_converged

    asyncio.run(live())


def test_somebody_else_who_takes_the_address_later_keeps_his_link() -> None:
    async def live() -> None:
        both, *_ = await lived()
        await erase(both.world, both.sync, ADA["email"])
        ben = next(i for i, row in both.left.rows.items() if row.now.cells["email"] == BEN["email"])
        both.left.update(ben, {"email": ADA["email"], "title": "Baker"}, "human")
        await settled(both)
        (title,) = {row.now.cells["title"] for row in both.right.rows.values() if row.now.cells["first"] == "Ben"}
        assert title == "Baker"

    asyncio.run(live())


def test_the_ledgers_of_past_runs_still_balance() -> None:
    async def live() -> None:
        both, *_ = await lived()
        await erase(both.world, both.sync, ADA["email"])
        store = both.world.store
        for table in (Table.RECEIPT, Table.CAPTURED):
            ids = [one for packed in (await store.rows(table))["ids"] for one in unpack_ids(packed)]
            assert ERASED_ID in ids
        received = sum(len(unpack_ids(packed)) for packed in (await store.rows(Table.RECEIPT))["ids"])
        captured = sum(len(unpack_ids(packed)) for packed in (await store.rows(Table.CAPTURED))["ids"])
        assert received == captured
        assert await number_of(both, Table.CONSIDERED) == await number_of(both, Table.VERDICT)

    asyncio.run(live())


class Died(BaseException):
    pass


class Dying:
    """A store whose process dies before the n-th of the effects that erasing has."""

    def __init__(self, store: Store, at: int) -> None:
        self._store, self._left = store, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _live_on(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Died

    async def commit(self, commit: Commit) -> None:
        self._live_on()
        await self._store.commit(commit)

    async def scrub(self) -> bool:
        self._live_on()
        return await self._store.scrub()


@pytest.mark.parametrize("at", [1, 2])
def test_a_second_erase_removes_what_a_crash_left(tmp_path: Path, at: int) -> None:
    async def live() -> None:
        both, *_ = await lived(tmp_path)
        whole = both.world.store
        both.world.store = Dying(whole, at)
        with pytest.raises(Died):
            await erase(both.world, both.sync, ADA["email"])
        both.world.store = whole
        again = await erase(both.world, both.sync, ADA["email"])
        assert (again.is_scrubbed, again.was_erased) == (True, at == 2)
        assert not [word for word in WORDS if word in await everything(whole)]
        await whole.close()
        on_disk = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir())).lower()
        assert not [word for word in WORDS if word.encode() in on_disk]

    asyncio.run(live())


class ErasingWhileSent(MemoryConnector):
    """While a write is on its way, somebody erases the person it is about."""

    erase: Any = None

    async def write(self, writes: Sequence[Write], *, lane: Lane = Lane.LIVE) -> WriteAnswer:
        answer = await super().write(writes, lane=lane)
        if self.erase is not None:
            await self.erase()
        return answer


@pytest.mark.parametrize("what", ["update", "create"])
def test_what_comes_back_from_a_write_to_an_erased_person_is_not_kept(what: str) -> None:
    async def live() -> None:
        both = await two_systems()
        connector = ErasingWhileSent(both.right)
        both.world.connectors = {**both.world.connectors, "right": connector}
        ada = both.left.create("person", ADA, "human")
        both.left.create("person", BEN, "human")
        if what == "update":
            await settled(both)
            both.left.update(ada, {"title": "Enchantress of numbers"}, "human")

        async def now() -> None:
            connector.erase = None
            await erase(both.world, both.sync, ada)

        connector.erase = now
        await settled(both)
        assert not [word for word in WORDS if word in await everything(both.world.store)]
        assert await number_of(both, Table.LINK) == 1
        assert len(both.right.rows) == 2

    asyncio.run(live())


def test_a_write_planned_for_an_erased_person_is_not_sent() -> None:
    async def live() -> None:
        both = await two_systems(people(ceilings={}))
        connector = ErasingWhileSent(both.right)
        both.world.connectors = {**both.world.connectors, "right": connector}
        both.left.create("person", BEN, "human")
        await settled(both)
        ada = both.left.create("person", ADA, "human")
        ben = next(i for i, row in both.left.rows.items() if row.now.cells["email"] == BEN["email"])
        both.left.update(ben, {"title": "Baker"}, "human")  # updates are sent before creates

        async def now() -> None:
            connector.erase = None
            await erase(both.world, both.sync, ada)

        connector.erase = now
        await settled(both)
        assert {row.now.cells["email"] for row in both.right.rows.values()} == {BEN["email"]}
        assert not [word for word in WORDS if word in await everything(both.world.store)]

    asyncio.run(live())


def test_a_stranger_known_to_nobody_cannot_be_erased_and_one_seen_alone_can() -> None:
    async def live() -> None:
        both = await two_systems(people(a=_never_creating()))
        both.left.create("person", ADA, "human")
        await settled(both)
        with pytest.raises(ConfigError, match="SYN-150"):
            await erase(both.world, both.sync, "nobody@x.test")
        assert (await erase(both.world, both.sync, ADA["email"])).records == 1
        assert not [word for word in WORDS if word in await everything(both.world.store)]

    asyncio.run(live())


def _never_creating() -> Any:
    return replace(people().a, creates=Creates.NEVER)
