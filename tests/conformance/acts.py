"""What another process does to a state file: ``python -m tests.conformance.acts <act> <url> [detail]``.

It prints one line of what it reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from syncline.errors import StateError
from syncline.store import open_store
from syncline.store.sqlite import SqliteStore
from syncline.trees import Commit, Table
from tests.conformance.stores import StillClock, frame, mark, touched

BALLAST = "ballast"


def links(first: int, count: int) -> Commit:
    """A commit that touches three tables, the same number of rows in each."""
    ids = range(first, first + count)
    link = frame(Table.LINK, *({"link_id": number, "evidence": "x" * 200} for number in ids))
    base = frame(Table.BASE, *({"link_id": number} for number in ids))
    return Commit(add={Table.LINK: link, Table.BASE: base}, touch=[touched(*(mark(number) for number in ids))])


async def hold(store: SqliteStore, _: str) -> None:
    """Keep the store open until somebody kills us."""
    await store.commit(links(1, 10))
    print("holding", flush=True)
    sys.stdin.read()


async def crash(store: SqliteStore, statement: str) -> None:
    """Die in a commit, at the 500th statement that begins with *statement* (the 1st COMMIT), or right after it."""
    await store.commit(links(1, 10))
    print("first commit done", flush=True)
    store._connection.execute("PRAGMA cache_size = 2")  # so that pages of the open transaction reach the disk
    fatal = 1 if statement == "COMMIT" else 500
    seen = 0

    def die(sql: str) -> None:
        nonlocal seen
        seen += sql.startswith(statement)
        if seen == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection.set_trace_callback(die)
    await store.commit(links(11, 1_000))
    os.kill(os.getpid(), signal.SIGKILL)


async def fill_to_limit(store: SqliteStore, size_bytes: str) -> None:
    """Meet a file size limit, then have it lifted."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size_bytes), before[1]))
    await _fill(store, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before))


async def fill_disk(store: SqliteStore, folder: str) -> None:
    """Meet a full file system, then have space freed on it."""
    await _fill(store, (Path(folder) / BALLAST).unlink)


async def _fill(store: SqliteStore, free: Callable[[], None]) -> None:
    stored, code = 0, ""
    while not code:
        try:
            await store.commit(links(1 + stored, 1_000))
            stored += 1_000
        except StateError as error:
            code = error.code
    counts = [await store.count(table) for table in (Table.LINK, Table.BASE, Table.DIRTY)]
    free()
    await store.commit(links(1 + stored, 1_000))
    print(json.dumps({"code": code, "stored": stored, "counts": counts, "after": await store.count(Table.BASE)}))


async def main(act: str, url: str, detail: str = "") -> None:
    store = await open_store(url, StillClock())
    assert isinstance(store, SqliteStore)
    acts = {"hold": hold, "crash": crash, "fill_to_limit": fill_to_limit, "fill_disk": fill_disk}
    await acts[act](store, detail)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
