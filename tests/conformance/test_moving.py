"""A state carried elsewhere holds what it held: backup, restore, and from one database to another and back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from syncline.errors import StateError
from syncline.store import backup_file, is_untouched, migrations, moving, open_store
from syncline.store.shelves import SHELVES, Content
from syncline.trees import Commit, Store, Table
from tests.conformance.stores import StillClock, entry, frame, lead, mark, story, touched

CLOCK = StillClock()


async def _fill(store: Store) -> dict[str, Any]:
    """Some rows of every kind, odd ones among them; what a store says of itself beside its tables."""
    texts = ["", "\x00", "\x01\x02", "ä\n\"'\\", "\U0001f600"]
    moment = {"connection": "m", "object_type": "lead", "record_id": "1", "field": "f", "at_us": 1}
    await store.commit(
        Commit(
            put={
                Table.MIRROR: frame(Table.MIRROR, *(lead(f"00Q{n:03}", actor=text) for n, text in enumerate(texts))),
                Table.META: frame(Table.META, *({"name": text, "value": text} for text in texts)),
                Table.MOMENT: frame(Table.MOMENT, {**moment, "new": None}, {**moment, "new": "", "is_person": True}),
                Table.BASE: frame(Table.BASE, {"link_id": 1, "prints_a": b"\0\xff", "prints_b": b""}),
                Table.ENTRY: frame(Table.ENTRY, *(entry("1", n, record_id=str(n), state="sent") for n in range(100))),
            },
            add={Table.HISTORY: frame(Table.HISTORY, *({"record_id": str(n % 3), "at_us": n} for n in range(30)))},
            touch=[touched(*(mark(n) for n in range(1, 60)))],
        )
    )
    await store.bind("people", "a", "org")
    await store.next_link_ids(41)
    assert await store.take_lease("observe:org:Lead", "w1", seconds=60) is not None
    return await _told(store)


async def _told(store: Store) -> dict[str, Any]:
    tables = {table: (await store.rows(table)).rows() for table in Table}
    return {"tables": tables, "key": await store.installation_key()}


async def _goes_on(store: Store) -> None:
    """Counters went along: nothing is given out again."""
    assert await store.next_link_ids(1) == 42
    assert await store.next_numbers("fence", 1) > 1
    await store.commit(Commit(touch=[touched(mark(1_000))]))
    assert (await store.rows(Table.DIRTY, {"link_id": 1_000}))["seq"][0] > 59
    with pytest.raises(Exception, match="entry"):
        await store.commit(Commit(add={Table.ENTRY: frame(Table.ENTRY, entry("2", 0, record_id="7", state="sent"))}))


def _url(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}"


def test_from_a_file_to_a_server_and_back_nothing_is_lost(tmp_path: Path, empty_postgres_url: str):
    first, last = _url(tmp_path, "first.db"), _url(tmp_path, "last.db")
    told = story(first, _fill)
    there = asyncio.run(moving.migrate(first, empty_postgres_url, CLOCK))
    assert story(empty_postgres_url, _told) == told
    back = asyncio.run(moving.migrate(empty_postgres_url, last, CLOCK))
    assert back.tables == there.tables
    assert story(last, _told) == told
    assert there.tables["entry"].rows == 100
    assert str(make_url(empty_postgres_url).password) not in there.where
    for url in (first, last, empty_postgres_url):
        story(url, _goes_on)


@pytest.mark.parametrize("kind", ["file", "server"])
def test_a_backup_taken_while_the_state_is_open_restores_what_was_there(tmp_path: Path, empty_postgres_url: str, kind):
    url = {"file": _url(tmp_path, "state.db"), "server": empty_postgres_url}[kind]
    file, restored = tmp_path / "state.backup", _url(tmp_path, "restored.db")

    async def chapter(store: Store) -> dict[str, Any]:
        told = await _fill(store)
        await moving.backup(url, file, CLOCK)
        await store.commit(Commit(put={Table.META: frame(Table.META, {"name": "later"})}))
        return told

    told = story(url, chapter)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    asyncio.run(moving.restore(file, restored, CLOCK))
    assert story(restored, _told) == told
    story(restored, _goes_on)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_nothing_is_written_over(tmp_path: Path, postgres_url: str):
    url, file = _url(tmp_path, "state.db"), tmp_path / "state.backup"
    story(url, _fill)
    asyncio.run(moving.backup(url, file, CLOCK))
    before = file.read_bytes()
    for attempt in (
        moving.backup(url, file, CLOCK),
        moving.restore(file, url, CLOCK),
        moving.restore(file, postgres_url, CLOCK),
        moving.migrate(url, postgres_url, CLOCK),
    ):
        with pytest.raises(StateError) as refused:
            asyncio.run(attempt)
        assert refused.value.code == "SYN-720"
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["flip", "cut", "line", "text"])
def test_a_damaged_backup_is_refused_and_nothing_is_made_of_it(tmp_path: Path, damage: str):
    url, file = _url(tmp_path, "state.db"), tmp_path / "state.backup"
    story(url, _fill)
    asyncio.run(moving.backup(url, file, CLOCK))
    whole = file.read_bytes()
    middle = whole.index(b"\n") + 500
    damaged = {
        "flip": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "cut": whole[:-10],
        "line": whole.replace(b'"sha256": "', b'"sha256": "0', 1),
        "text": b"remember the milk\n" * 100,
    }[damage]
    file.write_bytes(damaged)
    with pytest.raises(StateError) as refused:
        asyncio.run(moving.restore(file, _url(tmp_path, "new.db"), CLOCK))
    assert refused.value.code == "SYN-721"
    assert not (tmp_path / "new.db").exists()


def test_a_state_somebody_works_on_is_not_migrated(tmp_path: Path, postgres_url: str):
    for url in (_url(tmp_path, "state.db"), postgres_url):

        async def chapter(_: Store, url: str = url) -> None:
            with pytest.raises(StateError) as refused:
                await moving.migrate(url, _url(tmp_path, "new.db"), CLOCK)
            assert refused.value.code == "SYN-701"

        story(url, chapter)
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("kind", ["file", "server"])
def test_what_was_written_wrong_is_found_and_taken_away(
    tmp_path: Path, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
):
    url = _url(tmp_path, "state.db")
    target = {"file": _url(tmp_path, "new.db"), "server": empty_postgres_url}[kind]
    story(url, _fill)
    monkeypatch.setattr(moving, "_carry", _carrying_wrongly(moving._carry))
    with pytest.raises(StateError) as refused:
        asyncio.run(moving.migrate(url, target, CLOCK))
    assert refused.value.code == "SYN-722"
    assert "entry" in refused.value.message
    assert asyncio.run(is_untouched(target))


def _carrying_wrongly(carry: Any) -> Any:
    def wrongly(source: Any, target: Any) -> Any:
        contents = carry(source, target)
        target._connection.execute("UPDATE entry SET at_us = 7 WHERE position = 3")
        return contents

    return wrongly


def test_a_backup_of_an_older_release_is_brought_up_to_date(tmp_path: Path):
    """A file as it was packed when the tables were at step 0001."""
    old, file = tmp_path / "old.db", tmp_path / "old.backup"
    with sqlite3.connect(old) as connection:
        connection.executescript((Path(__file__).parent / "landed" / "1-trees.sql").read_text())
    connection.close()
    backup_file.write(file, old, {"link": Content(rows=3, digest="")}, "2026-11-22")
    carried = asyncio.run(moving.restore(file, _url(tmp_path, "new.db"), CLOCK))
    assert carried.tables["link"].rows == 3
    assert migrations.HEAD > "0001"


def test_every_table_is_carried(empty_postgres_url: str):
    """Tables that only a process has (`writer`) are not; the sequence is a counter."""

    async def make() -> None:
        await (await open_store(empty_postgres_url, CLOCK)).close()

    asyncio.run(make())
    with psycopg.connect(empty_postgres_url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'syncline'").fetchall()
    assert {name for (name,) in found} == {shelf.name for shelf in SHELVES} | {"writer", "alembic_version"}
