"""A conversation with a client's process: one JSON object per line in, one line out that begins with "=> ".

Lives here: our end. Theirs is a bridge.js in a Node client's folder, or `python_bridge.py` in a Python client's
environment.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_ANSWER = "=> "
_END_SECONDS = 10


class ClientError(Exception):
    """What the client threw; `said` is its error as JSON."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said.get("message"))
        self.said = said


class Bridge:
    """A client's bridge as a process; use it in a with statement. `errors`: an open file its standard error goes to."""

    def __init__(
        self, command: Sequence[str], folder: Path, *, environ: Mapping[str, str] | None = None, errors: Any = None
    ) -> None:
        self._process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._said, self._heard = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()  # it may be in the middle of something
        self._said.close()
        self._heard.close()
        self._process.wait(timeout=_END_SECONDS)

    def __call__(self, call: str, *args: Any, **how: Any) -> Any:
        """The answer of one call. ClientError when the client refused, AssertionError when its process ended."""
        self._said.write(json.dumps({"call": call, "args": args, **how}) + "\n")
        self._said.flush()
        for line in self._heard:
            if line.startswith(_ANSWER):
                said = json.loads(line.removeprefix(_ANSWER))
                if "error" in said:
                    raise ClientError(said["error"])
                return said.get("ok")
        raise AssertionError("the client's process ended without an answer")
