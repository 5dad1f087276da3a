"""What a test asks for: `postgres_url`, a fresh database with the tables of a state, and `empty_postgres_url`.

One server serves all workers of a test run: the first who needs it starts it, and the run's own process ends it. There
is no skip: where no server can be had, the test fails and says what was tried. Registered by tests/conftest.py.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres.servers import Server, name_for_server

_SHARED = "SYNCLINE_TEST_POSTGRES"  # folder and watched process, for the workers


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[_SHARED] = f"{name_for_server()}:{os.getpid()}"


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _SHARED not in os.environ:
        return
    folder = Path(os.environ.pop(_SHARED).rpartition(":")[0])
    if (folder / "keeper").exists():
        os.kill(int((folder / "keeper").read_text()), signal.SIGTERM)
        Server(folder).wait_until_gone()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Server:
    """The run's server, started now if it is not up."""
    folder, _, watched = os.environ[_SHARED].rpartition(":")
    server = Server(Path(folder))
    server.folder.mkdir(mode=0o700, exist_ok=True)
    with (server.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (server.folder / "keeper").exists():
            (server.folder / "keeper").write_text(str(server.start(int(watched))))
        assert server.url
    return server


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    url = postgres_server.fresh(has_tables=True)
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_postgres_url(postgres_server: Server) -> Iterator[str]:
    url = postgres_server.fresh(has_tables=False)
    yield url
    postgres_server.drop(url)
