"""The network face: puts any Core on a loopback port, over http or https.

Lives here: the ASGI application, and `serve` for tests. What an answer contains lives in the cores;
here only its fate is carried out: delivered, the connection closed or reset before or within the body, or silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import tempfile
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from syncline_sandbox.core.certificates import Certificate, make_certificate
from syncline_sandbox.core.wire import Core, Fate, Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LAST_TURNS = 3
"""How often the loop turns after hanging up: a connection's end comes with its next turn, TLS takes one more."""

SLOW_PIECES = 20
"""Into how many pieces a slow body is cut."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, telling the application which connection a request came by."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(Scope, self.scope)["sandbox.transport"] = self.transport


class Face:
    """The ASGI application over one core. Calls to the core are serialised on one thread.

    While it serves, the core attribute `in_flight` (if the core has one) holds the number of requests received and
    not yet answered, so that a core can imitate concurrency limits. What a core raises is written to standard error,
    kept in `defects`, and answered as the vendor answers what it did not foresee.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-core")
        self._in_flight = 0
        self._silent: set[asyncio.Transport] = set()
        self.defects: list[Exception] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _request(scope, await _body(receive))
        self._count(+1)
        try:
            response = await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, request)
            await self._deliver(response, scope, receive, send)
        finally:
            self._count(-1)

    def _answer(self, request: Request) -> Response:
        try:
            return self._core.handle(request)
        except Exception as defect:  # noqa: BLE001 - one request is lost, not the sandbox
            traceback.print_exc()
            self.defects.append(defect)
            return self._core.unexpected(request)

    def _count(self, step: int) -> None:
        self._in_flight += step
        if hasattr(self._core, "in_flight"):
            self._core.in_flight = self._in_flight

    async def _deliver(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        if response.fate is Fate.ANSWERED:
            await _send(response, send)
            return
        transport: asyncio.Transport = scope["sandbox.transport"]
        if response.fate is Fate.CUT:
            await _send_cut(response, send, transport)
        if response.fate is Fate.RESET:
            _reset_on_close(transport)
        if response.fate in (Fate.LOST, Fate.RESET):
            transport.abort()
        # Nothing is sent, and uvicorn would invent a 500 if we returned while the client still listens.
        self._silent.add(transport)
        while (await receive())["type"] != "http.disconnect":
            pass
        self._silent.discard(transport)

    def hang_up(self) -> None:
        """Drop the clients still waiting on a silent connection. To be called on the server's own thread."""
        for transport in self._silent:
            transport.abort()

    def close(self) -> None:
        """Wait for the request being answered, then end the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)


def _request(scope: Scope, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        scheme=scope["scheme"],
    )


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


class _HeaderName(bytes):
    """A header's name in the case the vendor writes it, which uvicorn would make lower on its way out.

    Names are compared without case, and there are clients that do not know: airbyte-cdk reads the headers of a bulk
    result as a plain dict and takes a lower-case content-type for one it cannot read.
    """

    def lower(self) -> bytes:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and bytes.lower(self) == bytes.lower(other)

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


async def _send(response: Response, send: Send) -> None:
    await _send_head(response, send)
    if response.body_seconds > 0:
        size = max(1, -(-len(response.body) // SLOW_PIECES))
        starts = range(0, len(response.body), size)
        for start in starts:
            await send({"type": "http.response.body", "body": response.body[start : start + size], "more_body": True})
            await asyncio.sleep(response.body_seconds / len(starts))
        await send({"type": "http.response.body"})
        return
    await send({"type": "http.response.body", "body": response.body})


async def _send_head(response: Response, send: Send) -> None:
    headers = [(_HeaderName(name.encode("latin-1")), value.encode("latin-1")) for name, value in response.headers]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((_HeaderName(b"Content-Length"), str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _send_cut(response: Response, send: Send, transport: asyncio.Transport) -> None:
    """Part of the body under the head of the whole, then the end of the connection."""
    await _send_head(response, send)
    await send({"type": "http.response.body", "body": response.body[: response.sent_bytes], "more_body": True})
    transport.close()


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Have the connection end by a reset (RST) instead of an orderly close (FIN)."""
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class SandboxServer(uvicorn.Server):
    """uvicorn over a Face: at the end it drops the clients it keeps in silence, leaves as usual, then hangs up.

    uvicorn asks every connection it knows of to end, waits, and gives up on those that cannot: a request that never
    came whole, an answer nobody reads, TLS that waits for the other side's farewell, a connection accepted just then.
    Their transports would be found open by the garbage collector, in the middle of something else.
    """

    def __init__(self, face: Face, certificate: Certificate | None) -> None:
        super().__init__(_configuration(face, certificate))
        self._face = face

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._face.hang_up()
        await super().shutdown(sockets)
        for _ in range(LAST_TURNS):
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)


def _configuration(face: Face, certificate: Certificate | None) -> uvicorn.Config:
    return uvicorn.Config(
        face,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate.chain if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A bound listening socket; port 0 takes a free one. OSError when the port is taken."""
    # The protocol is named because asyncio switches Nagle's wait off only for sockets that say they are TCP:
    # without it every answer on a kept connection takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def serve(core: Core, port: int = 0, *, https: bool = False, certificate: Certificate | None = None) -> Iterator[str]:
    """Serve *core* on loopback from a background thread; yields the base URL (no trailing slash).

    With `https` and no `certificate` a throw-away one is made.

    Raises:
        Exception: at the end, the first that a request met in the core and that the core should have foreseen.
    """
    with contextlib.ExitStack() as stack:
        if https and certificate is None:
            certificate = make_certificate(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        face = Face(core)
        stack.callback(face.close)
        server = SandboxServer(face, certificate)
        listener = stack.enter_context(listen(port))
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox-face", daemon=True)
        thread.start()
        stack.callback(_stop, server, thread)
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    if face.defects:
        raise face.defects[0]


def _stop(server: SandboxServer, thread: threading.Thread) -> None:
    server.should_exit = True
    thread.join()
