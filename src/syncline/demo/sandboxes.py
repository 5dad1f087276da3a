"""Both sandboxes as child processes, and a line to their control endpoints.

Lives here: starting, ending and talking. The sandboxes' own command does the work (`syncline-sandbox up`), so that
the demo meets what anybody else meets: two servers on loopback. What is said to them is `ground`'s and `day`'s
business.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from syncline.errors import ConfigError, OurBug

_PACKAGE = "syncline_sandbox"
_UP = "-m syncline_sandbox.cli up --json --salesforce-port 0 --marketo-port 0 --until-stdin-ends".split()
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 60.0


class Control:
    """The control endpoint of one sandbox: JSON in, JSON out, over one kept connection."""

    def __init__(self, name: str, url: str) -> None:
        address = urlsplit(url)
        self.name = name
        self.url = url
        self._line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_ANSWER_SECONDS)

    def get(self, route: str) -> Any:
        return self._ask("GET", route, None)

    def post(self, route: str, body: Any) -> Any:
        return self._ask("POST", route, body)

    def delete(self, route: str, body: Any) -> Any:
        return self._ask("DELETE", route, body)

    def close(self) -> None:
        self._line.close()

    def _ask(self, method: str, route: str, body: Any) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        self._line.request(method, f"/_sandbox/{route}", sent, {"Content-Type": "application/json"})
        answer = self._line.getresponse()
        text = answer.read().decode()
        self._line.close()  # a server closes idle lines: each question opens its own
        if answer.status != http.client.OK:
            raise OurBug(f"The {self.name} sandbox refused {method} {route}: {text[:1_000]}", code="SYN-910")
        return json.loads(text)


@dataclass(frozen=True)
class Sandboxes:
    """Two running sandboxes. `credentials` by sandbox name, as their control endpoints tell them."""

    salesforce: Control
    marketo: Control
    credentials: Mapping[str, Mapping[str, str]]

    def both(self) -> tuple[Control, Control]:
        return self.salesforce, self.marketo

    def requests(self) -> int:
        """How many requests both have answered, by their own logs. Control requests are in none."""
        return sum(sum(control.get("counters")["requests"].values()) for control in self.both())


@contextmanager
def running_sandboxes(folder: Path, seed: int) -> Iterator[Sandboxes]:
    """Both sandboxes on free loopback ports, their data in memory; ended whatever happens. *folder* takes their log.

    Raises ConfigError: SYN-180 they are not installed, SYN-182 they did not start.
    """
    if importlib.util.find_spec(_PACKAGE) is None:
        raise ConfigError(
            "The demo's two systems are missing: they come with the package syncline-sandbox.",
            code="SYN-180",
            remedy="Run `make demo`, which installs what the demo needs and starts it.",
        )
    log = folder / "sandboxes.log"
    with log.open("wb") as errors:
        # A session of its own: Ctrl-C in the terminal is for us alone, and we end them. A pipe as its standard input:
        # should we be killed, it ends all the same.
        child = subprocess.Popen(
            (sys.executable, *_UP, "--random-seed", str(seed)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            sandboxes = _met(child, log)
            try:
                yield sandboxes
            finally:
                for control in sandboxes.both():
                    control.close()
        finally:
            _end(child)


def _met(child: subprocess.Popen[bytes], log: Path) -> Sandboxes:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        said = log.read_text(errors="replace").strip().splitlines()
        raise ConfigError(
            f"The sandboxes did not start: {said[-1] if said else 'they said nothing'}.",
            code="SYN-182",
            remedy="Run `syncline-sandbox up` by itself to see more.",
        )
    places = {place["name"]: place for place in json.loads(line)["sandboxes"]}
    lines = {name: Control(name, place["url"]) for name, place in places.items()}
    return Sandboxes(
        lines["salesforce"], lines["marketo"], {name: place["credentials"] for name, place in places.items()}
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
