"""One starting condition, and any number of trials that begin with exactly it.

Lives here: the processes, their folders and the copies of what they start with. What a trial does is its test's
business.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from syncline.demo.sandboxes import Sandboxes
from tests.kills.acting import sandboxes_at
from tests.kills.nursery import Ended, Nursery

START = "2026-03-02T08:00:00+00:00"


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


@dataclass
class Trial:
    """A state and two systems of its own, as they were when the day began."""

    base: TrialGround
    folder: Path
    state: str
    urls: list[str]

    @property
    def sandboxes(self) -> Sandboxes:
        return sandboxes_at(self.urls)

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


@contextmanager
def standing(folder: Path, states: States) -> Iterator[TrialGround]:
    ground = TrialGround(folder, states)
    try:
        yield ground
    finally:
        ground.close()
