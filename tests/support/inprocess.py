"""A sandbox core behind the Transport port, without sockets, and a Clock that is the sandbox's own."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from syncline.errors import OutcomeUnknown
from syncline.ports import HttpRequest, HttpResponse
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Core, Fate, Request


class InProcessTransport:
    """Implements `ports.Transport` over `Core.handle`. `sent` keeps every request as it left."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        url = urlsplit(request.url)
        response = self._core.handle(
            Request(
                method=request.method,
                path=url.path,
                query_string=url.query,
                headers={"host": url.netloc, **{name.lower(): value for name, value in request.headers.items()}},
                body=request.body,
                scheme=url.scheme,
            )
        )
        if response.fate is not Fate.ANSWERED:
            raise OutcomeUnknown(f"The answer to {request.method} {url.path} is {response.fate.value}.")
        headers = {name.lower(): value for name, value in response.headers}
        return HttpResponse(status=response.status, headers=headers, body=response.body)

    async def aclose(self) -> None:
        """Nothing to close."""


class SharedClock:
    """Implements `ports.Clock` by a sandbox's clock: sleeping moves it, frozen or ticking."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self._clock.advance(seconds)
