"""A state file that is not as it was left, or not ours: always an error with a code, never a wrong value."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncline.errors import StateError
from syncline.store.claim import claim_path
from syncline.trees import Commit, Store, Table
from tests.conformance.stores import frame, lead, story


async def _read_all(store: Store) -> int:
    return (await store.rows(Table.MIRROR)).height


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed state of 500 records."""
    path = tmp_path / "state.db"

    async def chapter(store: Store) -> None:
        leads = (lead(f"00Q{n:015}", cells=json.dumps({"Name": f"person {n}"})) for n in range(500))
        await store.commit(Commit(put={Table.MIRROR: frame(Table.MIRROR, *leads)}))

    story(f"sqlite:///{path}", chapter)
    assert json.loads(claim_path(path).read_text())["seal"]["size_bytes"] == path.stat().st_size
    return path


def _forget_seal(path: Path) -> None:
    """As after a crash."""
    note = json.loads(claim_path(path).read_text())
    claim_path(path).write_text(json.dumps({**note, "seal": None}))


def _code(path: Path, **options: Any) -> str:
    with pytest.raises(StateError) as refused:
        story(f"sqlite:///{path}", _read_all, **options)
    assert str(path) in refused.value.message
    return refused.value.code


def _flip(path: Path, position: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


@pytest.mark.parametrize("is_sealed", [True, False])
@pytest.mark.parametrize("part", [0, 0.001, 0.5, 0.99])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_truncated_file(path: Path, part: float, is_sealed: bool, read_only: bool):
    if not is_sealed:
        _forget_seal(path)
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * part))
    assert _code(path, read_only=read_only) == "SYN-702"


def test_any_flipped_bit_of_a_closed_file_is_found(path: Path):
    chance = random.Random(7)
    for _ in range(100):
        position, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        _flip(path, position, bit)
        assert _code(path) == "SYN-702"
        _flip(path, position, bit)
    assert story(f"sqlite:///{path}", _read_all) == 500  # put back as it was, it opens


def test_a_reader_finds_a_flipped_bit_too(path: Path):
    _flip(path, path.stat().st_size // 2)
    assert _code(path, read_only=True) == "SYN-702"


def test_after_a_crash_a_flipped_bit_in_a_key_is_found(path: Path):
    _forget_seal(path)
    _flip(path, path.read_bytes().index(b"00Q000000000000123") + 17)
    assert _code(path) == "SYN-702"


@pytest.mark.parametrize("position", [0, 16, 100])
def test_after_a_crash_a_damaged_header_is_found(path: Path, position: int):
    _forget_seal(path)
    _flip(path, position, bit=4)
    assert _code(path) == "SYN-702"


def test_damage_met_while_reading_is_told(path: Path):
    size_bytes = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size_bytes // 2)
        file.write(bytes(size_bytes // 2))
    assert _code(path, read_only=True, check=False) == "SYN-702"


def test_bytes_that_are_no_text_are_damage(path: Path):
    _flip(path, path.read_bytes().index(b"person 77"), bit=7)
    assert _code(path, read_only=True, check=False) == "SYN-702"


def test_a_vanished_file_is_not_an_empty_state(path: Path):
    path.unlink()
    assert _code(path) == "SYN-702"
    claim_path(path).unlink()
    assert story(f"sqlite:///{path}", _read_all) == 0


def test_a_copy_put_back_as_the_remedy_says_opens(path: Path):
    copy = path.read_bytes()
    story(f"sqlite:///{path}", lambda store: store.commit(Commit(put={Table.META: frame(Table.META, {"name": "n"})})))
    path.write_bytes(copy)
    with pytest.raises(StateError) as refused:
        story(f"sqlite:///{path}", _read_all)
    assert str(claim_path(path)) in refused.value.remedy
    claim_path(path).unlink()
    assert story(f"sqlite:///{path}", _read_all) == 500


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b"\xff", b'{"pid": 1, "seal": 3}'])
def test_a_torn_claim_file_costs_only_the_seal(path: Path, torn: bytes):
    claim_path(path).write_bytes(torn)
    assert story(f"sqlite:///{path}", _read_all) == 500
    assert json.loads(claim_path(path).read_text())["seal"] is not None


def test_a_text_file_is_not_taken_for_a_state(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk " * 100)
    assert _code(path) == "SYN-702"
    assert path.read_text() == "remember the milk " * 100


def test_another_program_s_database_is_left_alone(tmp_path: Path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE notes (text)")
    before = path.read_bytes()
    assert _code(path) == "SYN-707"
    assert path.read_bytes() == before


def _set_version(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.commit()
    _forget_seal(path)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_release_s_state_asks_for_an_upgrade(path: Path, read_only: bool):
    _set_version(path, "9999")
    with pytest.raises(StateError, match="Upgrade") as refused:
        story(f"sqlite:///{path}", _read_all, read_only=read_only)
    assert refused.value.code == "SYN-704"


def test_a_reader_does_not_migrate(path: Path):
    _set_version(path, "0000")
    assert _code(path, read_only=True) == "SYN-708"
