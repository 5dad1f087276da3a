"""A process of ours as the simulation runs it: every port call takes a drawn time, and may be its last.

Lives here: `Process` (alive, frozen or dead), and the ports through which all its effects pass: transport, store and
clock. A request that has left reaches the vendor whatever becomes of who sent it. Not here: who starts processes and
when they die (`workers`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

import polars as pl

from syncline.errors import OutcomeUnknown, Unavailable
from syncline.ports import HttpRequest, HttpResponse
from syncline.store.trouble import UNREACHABLE, state_error
from syncline.trees import Commit, Lease, Store, Table
from syncline_sandbox.core.wire import Core, Fate, Request, Response
from tests.simulation.loop import VirtualTime

READ_SECONDS, COMMIT_SECONDS = 0.002, 0.01
SLOW_SHARE, LOST_SHARE = 0.01, 0.0


class ProcessDied(BaseException):
    """Our process ended between two effects; what was stored stays."""


SECTION_SECONDS = 20.0
"""How long a process that stands still keeps the state's section: then the server ends it."""


class Section:
    """The one section of the state that its processes share, as a server keeps it: held by one alone, or by any number
    for shares of the links. Who dies or stands still for long loses it, and with it the right to commit what he began
    in it."""

    def __init__(self) -> None:
        self._holds: list[Hold] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def take(self, process: Process, *, is_shared: bool = False) -> Hold:
        while any(not (is_shared and other.is_shared) for other in self._holds):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        hold = Hold(process=process, is_shared=is_shared)
        self._holds.append(hold)
        return hold

    def release(self, hold: Hold) -> None:
        if any(one is hold for one in self._holds):
            self._holds = [one for one in self._holds if one is not hold]
            for turn in self._waiting:
                if not turn.done():
                    turn.set_result(None)
            self._waiting.clear()

    def lose(self, process: Process) -> None:
        """End the section of a process that is frozen."""
        for hold in list(self._holds):
            if hold.process is process and process.is_frozen:
                hold.is_lost = True
                self.release(hold)


@dataclass(kw_only=True)
class Hold:
    """One holding of the section."""

    process: Process
    is_shared: bool = False
    is_lost: bool = False


@dataclass(kw_only=True)
class Process:
    """One process of ours. Its *luck* draws how long each of its port calls takes; `plan` holds what happens to it at
    its n-th one."""

    name: str
    time: VirtualTime
    luck: Random
    plan: dict[int, Callable[[Process], None]] = field(default_factory=dict)
    skew_seconds: float = 0.0  # how far its own clock is ahead
    calls: int = 0
    commits: int = 0
    last_commit: int = 0  # the one right after which it ends; 0: none
    at_last: Callable[[Process], None] | None = None
    is_dead: bool = False
    thawed: asyncio.Event | None = None  # set while nothing is frozen
    section: Section = field(default_factory=Section)
    is_sending: bool = False
    rows_sent: int = 0  # of what it is sending
    ends_reading: bool = False  # it dies once it has stored how far it read something new
    prepared_us: int = 0  # when it last stored what it is about to send
    turn: str = ""  # what it is at: a whole cycle, or a turn through the units

    @property
    def is_frozen(self) -> bool:
        return self.thawed is not None and not self.thawed.is_set()

    def freeze(self, seconds: float) -> None:
        """Stand still for so long, as a machine that is suspended."""
        thawed = self.thawed = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, thawed.set)
        asyncio.get_running_loop().call_later(SECTION_SECONDS, lambda: self.section.lose(self))

    def stored(self) -> None:
        self.commits += 1
        if self.commits == self.last_commit and self.at_last is not None:
            self.at_last(self)

    def die(self) -> None:
        self.is_dead = True

    async def step(self, seconds: float) -> None:
        """One port call of about *seconds*; others go on meanwhile. ProcessDied if it was the last."""
        if self.is_dead:
            raise ProcessDied(self.name)
        await asyncio.sleep(seconds * self.luck.uniform(0.3, 1.7))
        self.calls += 1
        if act := self.plan.pop(self.calls, None):
            act(self)
        while self.thawed is not None and not self.thawed.is_set():
            await self.thawed.wait()
        if self.is_dead:
            raise ProcessDied(self.name)


class ProcessClock:
    """Implements `ports.Clock` for one process, whose clock may be off."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def now(self) -> datetime:
        return self._process.time.now() + timedelta(seconds=self._process.skew_seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._process.step(0.001)


@dataclass(kw_only=True)
class Delay:
    """The next request that *fits* is so long on its way, and its answer so long on its way back."""

    fits: Callable[[Process, HttpRequest], bool]
    before_seconds: float = 0.0
    after_seconds: float = 0.0
    met: asyncio.Event = field(
        default_factory=asyncio.Event
    )  # the request has left; where only the answer is late: has arrived


@dataclass(kw_only=True)
class Line:
    """The network between us and one vendor. `after` is told of each request that took effect, and who sent it."""

    core: Core
    luck: Random
    after: Callable[[HttpRequest, Response], None]
    slow_share: float = 0.0  # of requests that are on their way for up to two minutes
    lost_share: float = 0.0  # of requests or answers that never arrive
    shows_nobody: bool = False  # queries for people are answered with none, as to a user without a right to any
    delays: list[Delay] = field(default_factory=list)

    def delay(self, process: Process, request: HttpRequest) -> Delay | None:
        """The delay that this request meets, which nobody else meets any more."""
        found = next((one for one in self.delays if one.fits(process, request)), None)
        if found is not None:
            self.delays = [one for one in self.delays if one is not found]
        return found

    def seconds(self) -> float:
        if self.slow_share and self.luck.random() < self.slow_share:
            return self.luck.uniform(5.0, 120.0)
        return self.luck.uniform(0.05, 0.4)


class SimulatedTransport:
    """Implements `ports.Transport`: a process' end of a `Line`."""

    def __init__(self, process: Process, line: Line) -> None:
        self._process, self._line = process, line

    async def send(self, request: HttpRequest) -> HttpResponse:
        await self._process.step(0.005)
        line, loop = self._line, asyncio.get_running_loop()
        answered: asyncio.Future[Response] = loop.create_future()
        fate = line.luck.random()
        delay = line.delay(self._process, request) if line.delays else None
        if delay is not None and delay.before_seconds:
            delay.met.set()
        if fate < line.lost_share / 2:
            await self._process.step(1.0)
            if line.luck.random() < 0.5:
                raise Unavailable(f"No connection to {urlsplit(request.url).netloc}.")
            raise OutcomeUnknown(f"The connection was lost before {request.method} was answered.")

        def arrive() -> None:
            response = line.core.handle(_as_sandbox_takes_it(request))
            if line.shows_nobody:
                response = _without_people(request, response)
            line.after(request, response)
            if delay is not None:
                delay.met.set()
            if fate >= line.lost_share:
                loop.call_later(line.seconds() + (delay.after_seconds if delay else 0.0), _tell, answered, response)

        loop.call_later(line.seconds() + (delay.before_seconds if delay else 0.0), arrive)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                response = await answered
        except TimeoutError:
            await self._process.step(0.001)
            raise OutcomeUnknown(f"{request.method} was not answered in {request.timeout_seconds} s.") from None
        await self._process.step(0.005)
        if response.fate is not Fate.ANSWERED:
            raise OutcomeUnknown(f"The answer to {request.method} is {response.fate.value}.")
        headers = {name.lower(): value for name, value in response.headers}
        return HttpResponse(status=response.status, headers=headers, body=response.body)

    async def aclose(self) -> None:
        """Nothing to close."""


def _tell(answered: asyncio.Future[Response], response: Response) -> None:
    if not answered.done():
        answered.set_result(response)


_OF_PEOPLE = ("/leads.json", "/activities.json", "/leadchanges.json")


def _without_people(request: HttpRequest, response: Response) -> Response:
    """The answer of a query for people, or for what they did, with nobody in it."""
    url = urlsplit(request.url)
    is_query = request.method == "GET" or "_method=GET" in url.query
    if not is_query or not url.path.endswith(_OF_PEOPLE) or response.fate is not Fate.ANSWERED:
        return response
    told = json.loads(response.body) if response.body.startswith(b"{") else {}
    if not told.get("success"):
        return response
    return replace(response, body=json.dumps({**told, "result": []}).encode())


def _as_sandbox_takes_it(request: HttpRequest) -> Request:
    url = urlsplit(request.url)
    return Request(
        method=request.method,
        path=url.path,
        query_string=url.query,
        headers={"host": url.netloc, **{name.lower(): value for name, value in request.headers.items()}},
        body=request.body,
        scheme=url.scheme,
    )


class LeaseWatch(Protocol):
    """Is told at once of what processes do with leases (`leases.Leases`)."""

    def before_taking(self, name: str) -> tuple[str, int] | None: ...

    def taken(self, process: Process, lease: Lease, before: tuple[str, int] | None) -> None: ...

    def given_back(self, process: Process) -> None: ...

    def committed(self, process: Process, commit: Commit) -> None: ...


class CommitWatch(Protocol):
    """Is told of each commit that became durable, and of each that did not."""

    def committed(self, commit: Commit) -> None: ...

    def failed(self, commit: Commit) -> None: ...


class ProcessStore:
    """A process' way to the state: every read and commit takes time, and dies with the process."""

    def __init__(self, store: Store, process: Process, commits: CommitWatch, leases: LeaseWatch) -> None:
        self._store, self._process, self._commits, self._watch = store, process, commits, leases
        self._holds: dict[asyncio.Task[Any] | None, Hold] = {}

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def timed(*args: Any, **options: Any) -> Any:
            await self._process.step(READ_SECONDS)
            return await method(*args, **options)

        return timed

    async def commit(self, commit: Commit) -> None:
        if commit.is_empty():
            return
        await self._process.step(COMMIT_SECONDS)
        hold = self._holds.get(asyncio.current_task())
        try:
            if hold is not None and hold.is_lost:
                raise state_error(UNREACHABLE, "the disk", detail="the section ended while its process stood still")
            await self._store.commit(commit)
        except Exception:
            self._commits.failed(commit)
            raise
        self._watch.committed(self._process, commit)
        self._commits.committed(commit)
        self._process.stored()
        await self._process.step(COMMIT_SECONDS)

    async def take_lease(self, name: str, holder: str, *, seconds: float) -> Lease | None:
        await self._process.step(COMMIT_SECONDS)
        before = self._watch.before_taking(name)
        lease = await self._store.take_lease(name, holder, seconds=seconds)
        if lease is not None:
            self._watch.taken(self._process, lease, before)
        return lease

    async def give_back(self, lease: Lease) -> None:
        await self._process.step(COMMIT_SECONDS)
        await self._store.give_back(lease)
        self._watch.given_back(self._process)

    async def slices(
        self, table: Table, where: Mapping[str, Any] | None = None, *, size: int
    ) -> AsyncIterator[pl.DataFrame]:
        async for part in self._store.slices(table, where, size=size):
            await self._process.step(READ_SECONDS)
            yield part

    @asynccontextmanager
    async def alone(self, *, is_shared: bool = False) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if (held := self._holds.get(task)) is not None:
            assert is_shared or not held.is_shared, "a section of a share cannot become everybody's"
            yield
            return
        await self._process.step(READ_SECONDS)
        hold = self._holds[task] = await self._process.section.take(self._process, is_shared=is_shared)
        try:
            yield
        finally:
            del self._holds[task]
            self._process.section.release(hold)

    def in_share(self) -> AbstractAsyncContextManager[None]:
        return self.alone(is_shared=True)

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[None]:
        """Who goes first is a matter of luck here: every order must do."""
        yield

    async def close(self) -> None:
        """The disk stays."""
