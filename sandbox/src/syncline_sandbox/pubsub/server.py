"""Puts the Pub/Sub service of an org on a loopback port, with TLS or without, beside the org's HTTP face.

Lives here: the server on a thread and an event loop of its own. The service is in `service.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc import aio

from syncline_sandbox.core.certificates import Certificate
from syncline_sandbox.salesforce.org import SalesforceOrg

from .certificate import own_certificate
from .proto.pubsub_api_pb2_grpc import add_PubSubServicer_to_server
from .service import PubSubService

_GRACE_SECONDS = 0.2
_OPTIONS = (
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.so_reuseport", 0),
    # Clients ping idle streams as often as they like.
    ("grpc.http2.min_ping_interval_without_data_ms", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


class PubSubServer:
    """The service on a port; `port` is known once it is started."""

    def __init__(self, org: SalesforceOrg, port: int, certificate: Certificate | None) -> None:
        self.port = port
        self._org = org
        self._certificate = certificate
        self._ready = threading.Event()
        self._failed: Exception | None = None
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="sandbox-pubsub-face", daemon=True)

    def start(self) -> None:
        """Serve from now on. OSError when the port is taken."""
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise OSError(f"port {self.port} cannot be used") from self._failed

    def stop(self) -> None:
        """End all streams and the server."""
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        server = aio.server(options=_OPTIONS)
        try:
            self.port = self._bind(server)
        except RuntimeError as taken:
            self._failed = taken
            return
        service = PubSubService(self._org)
        add_PubSubServicer_to_server(service, server)  # type: ignore[no-untyped-call]
        await server.start()
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        await server.stop(_GRACE_SECONDS)
        streams = asyncio.all_tasks() - {asyncio.current_task()}
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        service.close()

    def _bind(self, server: aio.Server) -> int:
        address = f"127.0.0.1:{self.port}"
        if self._certificate is None:
            return server.add_insecure_port(address)
        pair = (self._certificate.key.read_bytes(), self._certificate.chain.read_bytes())
        return server.add_secure_port(address, grpc.ssl_server_credentials([pair]))


@dataclass(frozen=True)
class PubSubEndpoint:
    """Where the service listens, `localhost:port`, and the PEM a client must trust; None without TLS."""

    address: str
    trust: bytes | None

    def __str__(self) -> str:
        return self.address


@contextlib.contextmanager
def serve_pubsub(
    org: SalesforceOrg, port: int = 0, *, tls: bool = True, certificate: Certificate | None = None
) -> Iterator[PubSubEndpoint]:
    """Serve the Pub/Sub API of *org* on loopback from a background thread; a throw-away certificate unless given."""
    with contextlib.ExitStack() as stack:
        if tls and certificate is None:
            certificate = own_certificate(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        server = PubSubServer(org, port, certificate if tls else None)
        server.start()
        stack.callback(server.stop)
        trust = (certificate.authority or certificate.chain).read_bytes() if tls and certificate else None
        yield PubSubEndpoint(f"localhost:{server.port}", trust)
