"""A state on a disk: other processes, crashes, full disks. Damage is in test_sqlite_damage.py."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncline.errors import ConfigError, StateError
from syncline.store import open_store
from syncline.trees import Store, Table
from tests.conformance.acts import BALLAST, links
from tests.conformance.stores import StillClock, frame, story

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state of 100% & more.db"


def _command(act: str, path: Path, detail: str = "") -> list[str]:
    return [sys.executable, "-m", "tests.conformance.acts", act, f"sqlite:///{path}", detail]


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the store open, with ten links in it."""
    with subprocess.Popen(
        _command("hold", path), cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


async def _counts(store: Store) -> list[int]:
    return [await store.count(table) for table in (Table.LINK, Table.BASE, Table.DIRTY)]


def test_a_second_process_is_told_who_holds_the_state(path: Path, holder: subprocess.Popen[str]):
    with pytest.raises(StateError) as refused:
        story(f"sqlite:///{path}", _counts)
    assert refused.value.code == "SYN-701"
    assert f"process {holder.pid}" in refused.value.message
    assert "since 2026-11-22T12:00:00+00:00" in refused.value.message
    assert f"kill {holder.pid}" in refused.value.remedy


def test_reading_works_beside_the_writer_and_writing_does_not(path: Path, holder: subprocess.Popen[str]):
    async def chapter(store: Store) -> None:
        assert await _counts(store) == [10, 10, 10]
        assert (await store.by_keys(Table.LINK, frame(Table.LINK, {"link_id": 3}).select("link_id"))).height == 1
        with pytest.raises(StateError) as refused:
            await store.commit(links(11, 1))
        assert refused.value.code == "SYN-706"
        copied = await store.copy()
        await copied.commit(links(11, 1))
        assert await _counts(copied) == [11, 11, 11]
        await copied.close()

    story(f"sqlite:///{path}", chapter, read_only=True)


def test_a_killed_process_holds_nothing(path: Path, holder: subprocess.Popen[str]):
    holder.kill()
    holder.wait()
    assert story(f"sqlite:///{path}", _counts) == [10, 10, 10]


def test_one_process_opens_a_state_for_writing_once(path: Path):
    async def chapter(_: Store) -> None:
        with pytest.raises(StateError, match="this process") as refused:
            await open_store(f"sqlite:///{path}", StillClock())
        assert refused.value.code == "SYN-701"

    story(f"sqlite:///{path}", chapter)


def test_another_name_for_a_state_is_the_same_state(path: Path):
    async def chapter(_: Store) -> None:
        with pytest.raises(StateError) as refused:
            await open_store(f"sqlite:///{path.parent}/link.db", StillClock())
        assert refused.value.code == "SYN-701"

    (path.parent / "link.db").symlink_to(path)
    story(f"sqlite:///{path}", chapter)


@pytest.mark.parametrize("statement", ["INSERT INTO link", "INSERT INTO base", "INSERT INTO dirty", "COMMIT"])
def test_a_crash_in_a_commit_leaves_nothing_of_it(path: Path, statement: str):
    ended = _run(_command("crash", path, statement))
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "first commit done\n"), ended.stderr
    assert story(f"sqlite:///{path}", _counts) == [10, 10, 10]


def test_a_crash_after_a_commit_leaves_all_of_it(path: Path):
    assert _run(_command("crash", path, "never")).returncode == -signal.SIGKILL

    async def chapter(store: Store) -> int:
        assert await _counts(store) == [1_010] * 3
        await store.commit(links(5_000, 1))
        return int((await store.rows(Table.DIRTY, {"link_id": 5_000}))["seq"][0])

    assert story(f"sqlite:///{path}", chapter) == 1_011  # the sequence goes on


def test_a_state_is_there_after_reopening_and_private(path: Path):
    async def first(store: Store) -> bytes:
        await store.commit(links(1, 10))
        await store.next_link_ids(10)
        return await store.installation_key()

    async def second(store: Store) -> bytes:
        assert await _counts(store) == [10, 10, 10]
        assert await store.next_link_ids(1) == 11
        return await store.installation_key()

    assert story(f"sqlite:///{path}", first) == story(f"sqlite:///{path}", second)
    modes = {each.name: stat.S_IMODE(os.stat(each).st_mode) for each in path.parent.iterdir()}
    assert modes == {path.name: 0o600, path.name + ".claim": 0o600}


def test_a_full_database_stores_nothing_of_the_commit_and_goes_on_later(path: Path):
    async def chapter(store: Store) -> None:
        await store.commit(links(1, 10))
        connection = store._connection  # type: ignore[attr-defined]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(StateError) as refused:
            await store.commit(links(11, 5_000))
        assert refused.value.code == "SYN-703"
        assert await _counts(store) == [10, 10, 10]
        connection.execute("PRAGMA max_page_count = 1000000")
        await store.commit(links(11, 5_000))

    story(f"sqlite:///{path}", chapter)


def _assert_filled(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["code"] == "SYN-703"
    assert told["counts"] == [told["stored"]] * 3
    assert told["after"] == told["stored"] + 1_000


def test_a_file_size_limit_is_a_full_disk(path: Path):
    _assert_filled(_run(_command("fill_to_limit", path, "3000000")))
    assert story(f"sqlite:///{path}", _counts)[0] > 1_000


def _may_mount() -> bool:
    try:
        return _run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).returncode == 0
    except FileNotFoundError:
        return False


# Not a skip: where no file system may be mounted, the limit above is the same refusal by other means.
@pytest.mark.parametrize("kind", ["tmpfs"] if _may_mount() else [])
def test_a_full_file_system(path: Path, kind: str):
    folder = str(path.parent)
    make = f'mount -t {kind} -o size=8m {kind} "$1" && head -c 4M /dev/zero > "$1/{BALLAST}" && shift && exec "$@"'
    _assert_filled(_run(["unshare", "-m", "sh", "-c", make, "sh", folder, *_command("fill_disk", path, folder)]))


@pytest.mark.parametrize("url", ["oracle://host/db", "state.db", "mysql://x", ""])
def test_a_url_of_no_store_is_a_configuration_error(url: str):
    with pytest.raises(ConfigError):
        story(url, _counts)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_state_in_no_directory_cannot_be_opened(tmp_path: Path, read_only: bool):
    with pytest.raises(StateError) as refused:
        story(f"sqlite:///{tmp_path}/nowhere/state.db", _counts, read_only=read_only)
    assert refused.value.code == "SYN-705"


def test_a_reader_that_stays_costs_only_the_seal(path: Path):
    async def chapter(store: Store) -> None:
        await store.commit(links(1, 10))
        reader = await open_store(f"sqlite:///{path}", StillClock(), read_only=True)
        assert await _counts(reader) == [10, 10, 10]
        await store.commit(links(11, 10))
        await store.close()
        assert await _counts(reader) == [20, 20, 20]
        await reader.close()

    story(f"sqlite:///{path}", chapter)
    assert story(f"sqlite:///{path}", _counts) == [20, 20, 20]
