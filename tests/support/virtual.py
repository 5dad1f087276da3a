"""Clock, chance and transport for tests: time passes when somebody sleeps, answers come from a script."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from syncline.ports import HttpRequest, HttpResponse

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class VirtualClock:
    """Implements `ports.Clock`. `sleeps` lists every sleep asked for, in seconds."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(seconds)


class SeededRandom:
    """Implements `ports.Random`, the same from one run to the next."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def token(self, size_bytes: int) -> str:
        return self._random.randbytes(size_bytes).hex()


Step = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]


class ScriptedTransport:
    """Implements `ports.Transport`: gives the steps in order (an exception is raised) and keeps what was sent."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.steps = list(steps)
        self.sent: list[HttpRequest] = []
        self.is_closed = False

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, HttpResponse) else step(request)

    async def aclose(self) -> None:
        self.is_closed = True
