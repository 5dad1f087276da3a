"""The server is restarted, and killed, while two processes commit: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncline.trees import Store, Table
from tests.conformance.stores import story
from tests.support.postgres.servers import Server, folder_for_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server() -> Iterator[Server]:
    """One of its own: what other tests use is not restarted."""
    made = Server(folder_for_server())
    keeper = made.start(os.getpid())
    yield made
    os.kill(keeper, signal.SIGTERM)
    os.waitpid(keeper, 0)


def _committing(url: str, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.conformance.acts_server", url, name]
    return subprocess.Popen(words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _told(process: subprocess.Popen[str], count: int) -> list[int]:
    """The next *count* numbers of which the process was told that they are stored."""
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(count)]


def _last_told(process: subprocess.Popen[str]) -> list[int]:
    """Ends the process; what it was told since."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("end\n")
    process.stdin.close()
    with process.stdout as out:
        rest = [int(line) for line in out]
    assert process.wait(timeout=60) == 0
    return rest


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "killed"])
def test_a_server_restarted_under_load(server: Server, how: signal.Signals):
    url = server.fresh(has_tables=True)
    processes = {name: _committing(url, name) for name in ("one", "two")}
    acknowledged: dict[str, list[int]] = {name: [] for name in processes}
    for _ in range(4):
        for name, process in processes.items():
            acknowledged[name] += _told(process, 20)
        server.restart(how)  # others are under way now
    for name, process in processes.items():
        acknowledged[name] += _told(process, 20) + _last_told(process)

    async def chapter(store: Store) -> None:
        for name, numbers in acknowledged.items():
            assert numbers == list(range(len(numbers)))
            lines = (await store.rows(Table.HISTORY, {"record_id": name}))["at_us"].to_list()
            assert lines == numbers  # a table without keys: a second one would be a row more
            metas = await store.rows(Table.META, {"value": name})
            assert len(metas) == len(numbers)
        assert await store.count(Table.DIRTY) == sum(map(len, acknowledged.values()))

    story(url, chapter)
