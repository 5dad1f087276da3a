"""What another process does to a state on a server: ``python -m tests.conformance.acts_server <url> <name>``.

It commits one row after the other and prints each number once it is told that it is stored, until a line comes in.
"""

from __future__ import annotations

import asyncio
import select
import sys

from syncline.store import open_store
from syncline.trees import Commit, Table
from tests.conformance.stores import StillClock, frame, mark, touched


def numbered(name: str, number: int) -> Commit:
    """A commit in three tables, one of them without keys: stored twice, it would show."""
    return Commit(
        add={
            Table.HISTORY: frame(Table.HISTORY, {"record_id": name, "at_us": number}),
            Table.META: frame(Table.META, {"name": f"{name} {number}", "value": name}),
        },
        touch=[touched(mark(number + 1, sync=name))],
    )


async def main(url: str, name: str) -> None:
    store = await open_store(url, StillClock())
    number = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        await store.commit(numbered(name, number))
        print(number, flush=True)
        number += 1
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
