"""A process without threads that forks children: each begins with everything imported, within milliseconds.

Run as `python -m tests.kills.nursery MODULE`; `Nursery` is its other end. The functions of MODULE are called by name,
in the nursery itself or in a fork of it. Nothing here knows what they do.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

ROOT = Path(__file__).parents[2]
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, see prctl(2)

Say = Callable[[Any], None]
"""How a child tells its parent something (JSON). The first thing it says ends the wait of `Nursery.start`."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, or the number of the signal as a negative one; and what it said at last."""

    status: int
    said: list[Any]


class Nursery:
    """The other end of a nursery process. To be closed, which ends its children too."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "tests.kills.nursery", module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},  # frames of ten rows gain nothing by more
            start_new_session=True,
        )

    def call(self, function: str, **arguments: Any) -> Any:
        """Call it in the nursery itself, and what it said first. It must leave no thread behind if a child is to be
        forked afterwards."""
        return self._order("call", function=function, arguments=arguments)

    def start(self, function: str, **arguments: Any) -> tuple[int, Any]:
        """Fork a child that calls it: its process id, and the first thing it said; None if it ended without a word."""
        pid, said = self._order("start", function=function, arguments=arguments)
        return pid, said

    def wait(self, pid: int) -> Ended:
        return Ended(*self._order("wait", pid=pid))

    def run(self, function: str, **arguments: Any) -> Any:
        """What a child said that must end well."""
        pid, said = self.start(function, **arguments)
        ended = self.wait(pid)
        assert ended.status == 0, f"{function} ended with {ended.status}"
        return said

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        os.kill(pid, number)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _order(self, order: str, **details: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"order": order, **details}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the nursery ended at {order} {details}; its standard error says why"
        return json.loads(line)


class _Wards:
    """The nursery's own side."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._lines: dict[int, IO[str]] = {}

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        said: list[Any] = []
        getattr(self._module, function)(said.append, **arguments)
        return said[0] if said else None

    def start(self, function: str, arguments: dict[str, Any]) -> tuple[int, Any]:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            self._be_child(function, arguments, writing)
        os.close(writing)
        self._lines[pid] = os.fdopen(reading)
        line = self._lines[pid].readline()
        return pid, json.loads(line) if line.endswith("\n") else None

    def wait(self, pid: int) -> tuple[int, list[Any]]:
        with self._lines.pop(pid) as lines:
            said = [json.loads(line) for line in lines if line.endswith("\n")]
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said

    def end_all(self) -> None:
        for pid in self._lines:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _be_child(self, function: str, arguments: dict[str, Any], writing: int) -> None:
        """Never returns. What belongs to the nursery – its orders, its answers – is out of reach."""
        code = 1
        try:
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            for lines in self._lines.values():
                os.close(lines.fileno())
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)

            def say(something: Any) -> None:
                os.write(writing, (json.dumps(something) + "\n").encode())

            getattr(self._module, function)(say, **arguments)
            code = 0
        except BaseException:  # noqa: BLE001  (the last line of a process: its exit code tells, with the traceback)
            traceback.print_exc()
        finally:
            os._exit(code)


def main() -> None:
    wards = _Wards(importlib.import_module(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(wards, order.pop("order"))(**order)), flush=True)
    wards.end_all()


if __name__ == "__main__":
    main()
