"""One starting condition, and any number of trials that begin with exactly it.

Lives here: the processes, their folders and the copies of what they start with. What a trial does is its test's
business.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from syncline.demo.sandboxes import Sandboxes
from tests.kills.nursery import Ended, Nursery
from tests.kills.places import sandboxes_at
from tests.support.postgres.servers import Server, at

START = "2026-03-02T08:00:00+00:00"
_WRITES_NOTHING = re.compile(r"GET|POST \S+/oauth")


class States(Protocol):
    """Where states are kept, and how one is copied."""

    def new(self, folder: Path) -> str:
        """The URL of a state that does not exist yet."""
        ...

    def copy(self, url: str, folder: Path) -> str:
        """The URL of a copy of a state that nobody has open."""
        ...

    def drop(self, url: str) -> None: ...


class Files:
    """States on SQLite."""

    def new(self, folder: Path) -> str:
        return f"sqlite:///{folder}/state.db"

    def copy(self, url: str, folder: Path) -> str:
        path = Path(url.removeprefix("sqlite:///"))
        for one in path.parent.glob(path.name + "*"):
            shutil.copy(one, folder)
        return self.new(folder)

    def drop(self, url: str) -> None:
        """It goes with its folder."""


class Databases:
    """States on a PostgreSQL server, each a database of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def new(self, folder: Path) -> str:
        return self._server.fresh(has_tables=True)

    def copy(self, url: str, folder: Path) -> str:
        name = f"k_{secrets.token_hex(4)}_{folder.name.replace('-', '_')}"
        with psycopg.connect(self._server.url, autocommit=True) as connection:
            source = str(make_url(url).database)
            copying = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(copying.format(Identifier(name), Identifier(source)))
        return at(self._server.url, name)

    def drop(self, url: str) -> None:
        self._server.drop(url)


@dataclass
class Trial:
    """A state and two systems of its own, as they were when the day began."""

    base: TrialGround
    folder: Path
    state: str
    urls: list[str]

    @property
    def sandboxes(self) -> Sandboxes:
        """Both systems, with the credentials they tell."""
        found = sandboxes_at(self.urls)
        return replace(found, credentials={one.name: one.get("credentials") for one in found.both()})

    def start_worker(self, name: str, *, die_at: int = 0, freeze_at: int = 0) -> int:
        """A worker in a process of its own; its process id."""
        pid, _ = self.base.syncline.start(
            "worker", seed=self.base.next_seed(), name=name, die_at=die_at, freeze_at=freeze_at, **self._where
        )
        return pid

    def reached_by(self, name: str) -> list[str]:
        """The effects of a worker, as far as it came."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8").splitlines()

    def pass_time(self, seconds: float) -> None:
        """Time passes for everybody, and nobody runs."""
        for control in self.sandboxes.both():
            control.post("clock", {"advance_seconds": seconds})

    def run(self, times: int, **options: Any) -> None:
        """So many ordinary runs by another process."""
        self.base.others.call("runs", seed=self.base.next_seed(), times=times, **self._where, **options)

    @property
    def reached(self) -> list[str]:
        """The effects of the day, as far as it came."""
        return (self.folder / "effects.log").read_text(encoding="utf-8").splitlines()

    def day(self, die_at: int, **options: Any) -> tuple[Any, Ended]:
        """The run of the day in a process that dies at an effect (0: it lives); what it said, and how it ended."""
        pid, said = self.base.syncline.start("day", die_at=die_at, **self._where, **options)
        return said, self.base.syncline.wait(pid)

    def recover(self, **options: Any) -> dict[str, Any]:
        """Ordinary runs by another process until there is rest."""
        said: dict[str, Any] = self.base.others.call("recover", seed=self.base.next_seed(), **self._where, **options)
        return said

    @property
    def _where(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "state": self.state, "urls": self.urls}


@dataclass(frozen=True)
class Clean:
    """The effects of a run that nobody kills, in order; numbers count from 1."""

    effects: list[str]

    @property
    def writes(self) -> list[int]:
        """The numbers of the effects before each write to a system."""
        return [
            number
            for number, what in enumerate(self.effects, 1)
            if what.startswith("before POST") and not _WRITES_NOTHING.search(what)
        ]

    @property
    def at_writes(self) -> set[int]:
        """Before a write leaves, and after its answer came."""
        return {number + step for number in self.writes for step in (0, 1)}

    @property
    def others(self) -> list[int]:
        return [number for number in range(1, len(self.effects) + 1) if number not in self.at_writes]


class TrialGround:
    """The starting condition: both systems and the state on the morning of the day."""

    def __init__(self, folder: Path, states: States) -> None:
        self.folder = folder
        self._states = states
        self._seed = 10_000
        self._systems = Nursery("tests.kills.systems")
        self.syncline = Nursery("tests.kills.acting")
        self.others = Nursery("tests.kills.acting")  # never forks, so it may grow threads and stay warm
        first = folder / "first"
        first.mkdir()
        self._first = states.new(first)
        urls = self._systems.call("begin", at=START)
        self.syncline.run("prepare", folder=str(first), state=self._first, urls=urls)
        self._systems.call("fall_still")

    def next_seed(self) -> int:
        """No two processes make the same tokens."""
        self._seed += 1_000
        return self._seed

    @contextmanager
    def trial(self, name: str) -> Iterator[Trial]:
        folder = self.folder / name
        folder.mkdir()
        state = self._states.copy(self._first, folder)
        pid, urls = self._systems.start("copy")
        try:
            yield Trial(self, folder, state, urls)
        finally:
            self._systems.kill(pid)
            self._systems.wait(pid)
            self._states.drop(state)
            shutil.rmtree(folder)

    def close(self) -> None:
        for nursery in (self.syncline, self.others, self._systems):
            nursery.close()
        self._states.drop(self._first)


@contextmanager
def standing(folder: Path, states: States) -> Iterator[TrialGround]:
    ground = TrialGround(folder, states)
    try:
        yield ground
    finally:
        ground.close()
