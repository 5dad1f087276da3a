"""A PostgreSQL of a benchmark's own, with fresh databases, gone when the benchmark ends: the tests' server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.postgres.servers import Server, folder_for_server


@contextmanager
def postgres() -> Iterator[Server]:
    server = Server(folder_for_server())
    keeper = server.start(os.getpid())
    try:
        assert server.url
        yield server
    finally:
        os.kill(keeper, signal.SIGTERM)
        server.wait_until_gone()
