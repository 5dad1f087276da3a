"""net.transport over real sockets: which failures are certain, which are not, and that TLS is verified."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from syncline.errors import ConfigError, OutcomeUnknown, Unavailable
from syncline.net import transport as transports
from syncline.net.transport import HttpxTransport
from syncline.ports import HttpRequest, HttpResponse

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def exchange(transport: HttpxTransport, url: str, timeout_seconds: float = 5) -> HttpResponse:
    try:
        return await transport.send(HttpRequest(method="GET", url=url, timeout_seconds=timeout_seconds))
    finally:
        await transport.aclose()


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a port; at the end no connection of it is left open, however far it came."""
    opened: list[asyncio.StreamWriter] = []

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    try:
        async with server:
            yield server.sockets[0].getsockname()[1]
    finally:
        for writer in opened:
            writer.transport.abort()
        await asyncio.sleep(0)


async def served(answer: bytes | None, context: ssl.SSLContext | None = None, **how) -> HttpResponse:
    """One exchange with a server that sends *answer*; None: stays silent; b"": hangs up."""

    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer:
                writer.write(answer)
            if answer is None:
                await reader.read()
            writer.close()
        finally:
            hung_up.set()

    async with listening(serve, context) as port:
        transport = HttpxTransport(ca_file=how.pop("ca_file", None))
        scheme = "https" if context else "http"
        try:
            return await exchange(transport, f"{scheme}://localhost:{port}/", **how)
        except OutcomeUnknown:
            await hung_up.wait()
            raise


GOOD = b"HTTP/1.1 201 Created\r\nX-Thing: Yes\r\nContent-Length: 2\r\n\r\nok"


def test_an_answer_arrives_whole_with_lower_case_header_names() -> None:
    response = asyncio.run(served(GOOD))
    assert (response.status, response.headers["x-thing"], response.body) == (201, "Yes", b"ok")


def test_no_connection_is_certainly_not_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable):
        asyncio.run(exchange(HttpxTransport(), f"http://127.0.0.1:{port}/"))


def test_a_connection_lost_after_sending_is_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown):
        asyncio.run(served(b""))


def test_silence_is_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown):
        asyncio.run(served(None, timeout_seconds=0.2))


@pytest.fixture
def authority(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return context, str(tmp_path / "ca.pem")


def test_a_private_authority_is_trusted_only_when_named(authority: tuple[ssl.SSLContext, str]) -> None:
    context, ca_file = authority
    assert asyncio.run(served(GOOD, context, ca_file=ca_file)).body == b"ok"
    with pytest.raises(ConfigError, match="not trusted"):
        asyncio.run(served(GOOD, context))


@pytest.mark.parametrize("url", ["ftp://somewhere/", "http://a:b/"])
def test_a_url_that_cannot_be_called_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError):
        asyncio.run(exchange(HttpxTransport(), url))


def test_an_unreadable_ca_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        HttpxTransport(ca_file=str(tmp_path / "none.pem"))


def test_who_finds_no_free_connection_in_time_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "POOL_TIMEOUT_SECONDS", 0.1)

    async def story() -> None:
        reached: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.append(await reader.readuntil(b"\r\n\r\n"))
            await reader.read()
            writer.close()

        async with listening(serve) as port:
            url = f"http://127.0.0.1:{port}/"
            transport = HttpxTransport(max_connections=1)
            first = asyncio.create_task(transport.send(HttpRequest(method="POST", url=url, timeout_seconds=5)))
            while not reached:
                await asyncio.sleep(0.01)
            with pytest.raises(Unavailable):
                await transport.send(HttpRequest(method="POST", url=url, timeout_seconds=5))
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await transport.aclose()
        assert len(reached) == 1

    asyncio.run(story())
