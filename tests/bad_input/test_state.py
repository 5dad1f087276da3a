"""A state that is damaged, held by somebody else or cannot grow: said with a code, nothing sent, nothing lost."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ground import Ground

HOLDER = """
import asyncio, sys
from syncline.store import open_store
from syncline.wiring import SystemClock

async def hold() -> None:
    store = await open_store(sys.argv[1], SystemClock())
    print("held", flush=True)
    sys.stdin.read()
    await store.close()

asyncio.run(hold())
"""


def _truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0b0001_0000
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _overwrite(path: Path) -> None:
    path.write_bytes(b"not a database at all\n" * 500)


@pytest.mark.parametrize("damage", [_truncate, _flip_a_bit, _empty, _overwrite, Path.unlink])
def test_a_damaged_state_is_never_used(synced: Ground, damage: Callable[[Path], None]) -> None:
    kept, claim = synced.folder / "kept", synced.folder / "state.db.claim"
    shutil.copytree(synced.folder, kept)
    damage(synced.state)
    synced.forget_requests()
    for command in ("run", "plan", "status", "verify", "check"):
        refused = synced.syncline(command, "--json")
        assert (refused.code, refused.error["code"]) == (6, "SYN-702"), command
    assert synced.requests() == 0
    # As the remedy says: put the copy back, with the note that belongs to it.
    shutil.copy(kept / "state.db", synced.state)
    shutil.copy(kept / "state.db.claim", claim)
    synced.assert_recovers()


def test_starting_anew_after_damage_matches_everybody_again(synced: Ground) -> None:
    """The remedy's other way: move file and claim away; both systems are read and matched, nobody is made twice."""
    _truncate(synced.state)
    for path in synced.folder.glob("state.db*"):
        path.rename(path.with_suffix(path.suffix + ".away"))
    synced.assert_recovers()


def test_a_second_process_waits_its_turn(synced: Ground) -> None:
    arguments = [sys.executable, "-c", HOLDER, f"sqlite:///{synced.state}"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        synced.forget_requests()
        refused = synced.syncline("run", "--json")
        assert (refused.code, refused.error["code"]) == (6, "SYN-701")
        assert str(holder.pid) in refused.error["message"]
        assert synced.requests() == 0
        for command in ("status", "explain p1@x.com", "plan", "check", "conflicts"):
            assert synced.syncline(*command.split(), "--json").code == 0, command
        holder.communicate(input="")
    synced.assert_recovers()


@contextmanager
def _most_bytes(count: int) -> Iterator[None]:
    """No file of this process may grow beyond *count* bytes, as on a full disk; Python ignores the signal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room_bytes", [0, 100_000, 1_200_000, 1_600_000])
def test_a_full_disk(ground: Ground, room_bytes: int) -> None:
    """The first copy runs out of room: before the state exists, while it is made, while both sides are read, and after
    the first records were sent. Whatever was sent by then is found again."""
    ground.syncline("init", "--create-fields")
    with _most_bytes(room_bytes):
        refused = ground.syncline("run", "--json")
    assert (refused.code, refused.error["code"]) == (6, "SYN-703")
    ground.assert_recovers()
