"""What is checked before DBOS is launched, and where its rows are."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from syncline.errors import StateError
from syncline.runtime import durable
from syncline.runtime.door import door_of, knock, opened


@pytest.mark.parametrize(
    ("python", "sqlite", "is_too_old"),
    [((3, 11), (3, 40), False), ((3, 12), (3, 40), True), ((3, 12), (3, 42), False), ((3, 14), (3, 41), True)],
)
def test_sqlite_is_too_old_for_newer_pythons(
    python: tuple[int, ...], sqlite: tuple[int, ...], is_too_old: bool
) -> None:
    assert durable.is_too_old(python, sqlite) == is_too_old


def test_a_sqlite_that_is_too_old_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    monkeypatch.setitem(sys.modules, "pysqlite3.dbapi2", None)
    crew: Any = None
    with pytest.raises(StateError) as refused:
        durable.launch(f"sqlite:///{tmp_path}/state.db.runtime", "w1", crew)
    assert refused.value.code == "SYN-711"
    assert "pysqlite3" in (refused.value.remedy or "")
    assert list(tmp_path.iterdir()) == []


def test_its_rows_are_beside_the_state_or_in_the_same_database() -> None:
    assert durable.runtime_url("sqlite:////var/lib/state.db") == "sqlite:////var/lib/state.db.runtime"
    assert durable.runtime_url("postgresql://u@h/d") == "postgresql://u@h/d"


def test_the_file_is_its_owners_and_has_a_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "state.db.runtime"
    durable._prepare(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_door_answers_its_owner_and_is_gone_afterwards(tmp_path: Path) -> None:
    async def story() -> None:
        async def handle(asked: dict[str, Any]) -> dict[str, Any]:
            return {"told": asked["do"]}

        folder = tmp_path / ("deep" * 30)  # longer than the address of a socket may be
        folder.mkdir()
        for path in (door_of(tmp_path / "state.db"), door_of(folder / "state.db")):
            assert await knock(path, {"do": "a"}) is None
            path.touch()  # left by a process that died
            assert await knock(path, {"do": "a"}) is None
            async with opened(path, handle):
                assert path.stat().st_mode & 0o777 == 0o600
                assert await knock(path, {"do": "a"}) == {"told": "a"}
                assert await knock(path, {"do": "b"}) == {"told": "b"}
            assert not path.exists()

    asyncio.run(story())
