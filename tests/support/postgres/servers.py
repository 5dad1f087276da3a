"""Starting a keeper with its server, and fresh databases on it. Not here: what a test asks for (`fixtures`)."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.support.postgres.programs import NoServer

ROOT = Path(__file__).resolve().parents[3]
_PATIENCE_SECONDS = 300  # the first start may have to install packages
_TEMPLATE = "with_tables"


def name_for_server() -> Path:
    """A folder that is not there yet: under the temporary one, or under /tmp where root runs, whose own folders others
    cannot enter."""
    base = "/tmp" if os.geteuid() == 0 else tempfile.gettempdir()
    return Path(base) / f"syncline-postgres-{secrets.token_hex(6)}"


def folder_for_server() -> Path:
    """The same, made."""
    folder = name_for_server()
    folder.mkdir(mode=0o700)
    return folder


@dataclass(frozen=True)
class Server:
    """One server in *folder*, with its keeper."""

    folder: Path

    def start(self, watched: int) -> int:
        """Start a keeper that ends with the process *watched*; the keeper's own pid."""
        # Detached: no end of a test run but SIGTERM to the keeper, or its watching, ends it.
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "tests.support.postgres.keeper", str(self.folder), str(watched)],
            {**os.environ, "PYTHONPATH": str(ROOT)},
            setsid=True,
        )

    @property
    def url(self) -> str:
        """The address of its maintenance database, as soon as it answers. NoServer if it never will."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            if (self.folder / "url").exists():
                return (self.folder / "url").read_text()
            if (self.folder / "trouble").exists():
                raise NoServer((self.folder / "trouble").read_text())
            time.sleep(0.02)
        raise NoServer(f"The server in {self.folder} did not answer.")

    @property
    def pid(self) -> int:
        """Of the server itself; its keeper starts another when this one dies."""
        return int((self.folder / "cluster" / "postmaster.pid").read_text().split()[0])

    def restart(self, how: signal.Signals) -> None:
        """SIGTERM: when all have gone; SIGINT: now, in order; SIGQUIT: as if it had crashed. Returns once it is up."""
        before = self.pid
        os.kill(before, how)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if self.pid != before:
                    psycopg.connect(self.url, connect_timeout=2).close()
                    return
            except (OSError, IndexError, ValueError, psycopg.OperationalError):
                pass
            time.sleep(0.02)
        raise NoServer("The server did not come up again.")

    def wait_until_gone(self) -> None:
        while self.folder.exists():
            time.sleep(0.02)

    def fresh(self, *, has_tables: bool) -> str:
        """The URL of a new database: empty, or with the tables of a state."""
        name = f"t_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            if has_tables:
                self._make_template(connection)
            template = _TEMPLATE if has_tables else "template0"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return at(self.url, name)

    def drop(self, url: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def _make_template(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        """Make the database that others are copied from, once for all that share the server."""
        connection.execute("SELECT pg_advisory_lock(7)")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_TEMPLATE,)).fetchone():
            connection.execute("CREATE DATABASE being_made TEMPLATE template0")
            asyncio.run(_open_and_close(at(self.url, "being_made")))
            connection.execute(f"ALTER DATABASE being_made RENAME TO {_TEMPLATE}")
        connection.execute("SELECT pg_advisory_unlock(7)")


async def _open_and_close(url: str) -> None:
    from syncline.store import open_store
    from syncline.wiring import SystemClock

    await (await open_store(url, SystemClock())).close()


def at(url: str, database: str) -> str:
    """The same server's URL for another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)
