"""Numbers the effects of a process at its ports: each store transaction and each request, before and after.

Lives here: counting, the log of what was reached, and dying there. What runs is `acting`'s business.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from syncline.demo.sandboxes import Sandboxes
from syncline.ports import HttpRequest, HttpResponse, Transport
from syncline.trees import Commit, Store

NEVER = 0
LATE = "late_write"


class Effects:
    """Counts. The process sends itself SIGKILL when it has reached number *die_at*; *log* gets a line for each.

    At number *freeze_at* it stops itself (SIGSTOP) until somebody lets it go on. From number *full_from* on no file may
    grow beyond what *growing* is long then.
    """

    def __init__(
        self,
        log: Path,
        die_at: int = NEVER,
        *,
        freeze_at: int = NEVER,
        full_from: int = NEVER,
        growing: Path | None = None,
    ) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._die_at = die_at
        self._freeze_at = freeze_at
        self._full_from = full_from
        self._growing = growing
        self.count = 0

    def reach(self, what: str) -> None:
        self.count += 1
        os.write(self._log, f"{what}\n".encode())
        if self.count == self._die_at:
            self.die()
        if self.count == self._freeze_at:
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.count == self._full_from and self._growing is not None:
            size_bytes = self._growing.stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class NumberedStore:
    """A store whose transactions are effects. Reading is none."""

    _WRITES = ("bind", "next_link_ids", "next_numbers", "take_lease", "keep_lease", "give_back")

    def __init__(self, store: Store, effects: Effects) -> None:
        self._store = store
        self._effects = effects

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._numbered(name, found) if name in self._WRITES else found

    async def commit(self, commit: Commit) -> None:
        if commit.is_empty():
            return
        tables = sorted({table.value for rows in (commit.put, commit.add, commit.amend) for table in rows})
        await self._numbered(f"commit {'+'.join(tables) or 'marks'}", self._store.commit)(commit)

    def _numbered(self, what: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def numbered(*given: Any, **options: Any) -> Any:
            self._effects.reach(f"before {what}")
            answer = await call(*given, **options)
            self._effects.reach(f"after {what}")
            return answer

        return numbered


class NumberedTransport:
    """A transport whose requests are effects: before one leaves, and after its answer has come."""

    def __init__(self, transport: Transport, effects: Effects) -> None:
        self._transport = transport
        self._effects = effects

    async def send(self, request: HttpRequest) -> HttpResponse:
        line = f"{request.method} {urlsplit(request.url).path}"
        self._effects.reach(f"before {line}")
        answer = await self._transport.send(request)
        self._effects.reach(f"after {line}")
        return answer

    async def aclose(self) -> None:
        await self._transport.aclose()


class LeavingTransport:
    """Lets one request leave and dies while it is under way: it has arrived and is not carried out yet.

    *number* is that of the effect "before" it. The system carries it out *delay_seconds* later, whoever lives then.
    """

    def __init__(
        self, transport: Transport, effects: Effects, sandboxes: Sandboxes, *, number: int, delay_seconds: float
    ) -> None:
        self._transport = transport
        self._effects = effects
        self._sandboxes = sandboxes
        self._number = number
        self._delay_seconds = delay_seconds

    async def send(self, request: HttpRequest) -> HttpResponse:
        if self._effects.count != self._number:
            return await self._transport.send(request)
        (system,) = (one for one in self._sandboxes.both() if request.url.startswith(one.url))
        line = re.escape(f"{request.method} {urlsplit(request.url).path}")
        late = {"match": f"^{line}$", "parameters": {"delay_seconds": self._delay_seconds}}
        system.post("faults", {"name": LATE, **late})
        leaving = asyncio.ensure_future(self._transport.send(request))
        while not any(fault["name"] == LATE and fault["hits"] for fault in system.get("faults")):
            await asyncio.sleep(0.005)
        self._effects.die()
        return await leaving

    async def aclose(self) -> None:
        await self._transport.aclose()
