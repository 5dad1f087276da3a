"""`syncline-sandbox up` as a reader starts it, and the commands and programs of the pages run against it.

Lives here: starting, and putting the ports of this start in place of the usual ones. What is to come out is judged by
the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.clients.node import installed, node

_UP = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--until-stdin-ends"]
_FREE = "--salesforce-port 0 --marketo-port 0 --pubsub-port 0".split()
_STAND_IN = Path(__file__).with_name("curl_stand_in.py")
_SECONDS = 120


@dataclass(frozen=True)
class Up:
    """What `up` said, and from the usual addresses to those of this start."""

    said: str
    addresses: Mapping[str, str]

    def localised(self, text: str) -> str:
        """*text* of a page with the addresses of this start."""
        for usual, here in self.addresses.items():
            text = text.replace(usual, here)
        return text

    def as_shown(self) -> str:
        """What `up` said, as if it had the usual ports."""
        text = self.said
        for usual, here in self.addresses.items():
            text = text.replace(here.replace("localhost", "127.0.0.1"), usual.replace("localhost", "127.0.0.1"))
            text = text.replace(here, usual)
        return text


@contextmanager
def up(*options: str) -> Iterator[Up]:
    """Start both on free ports; ended with its standard input."""
    command = [*_UP, *_FREE, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("Press"):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it was up"
        said = "".join(lines)
        ports = re.findall(r"^(?:salesforce|marketo) .*:(\d+)$|^ +pubsub +localhost:(\d+)$", said, re.MULTILINE)
        salesforce, pubsub, marketo = (http or grpc for http, grpc in ports)
        addresses = {"8810": salesforce, "8811": pubsub, "8820": marketo}
        yield Up(said, {f"localhost:{usual}": f"localhost:{here}" for usual, here in addresses.items()})
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def run_commands(commands: list[str], up: Up, scratch: Path) -> list[str]:
    """What each of the commands printed, all run by one shell."""
    end = "-- end of a command --"
    script = "\n".join(f"{up.localised(command)}\necho; echo '{end}'" for command in commands)
    return [said.strip() for said in _run(["sh", "-e", "-c", script], scratch, _with_curl(scratch)).split(end)[:-1]]


def run_python(program: str, up: Up, scratch: Path, **environment: str) -> str:
    """A test is run by pytest, anything else by itself."""
    text = up.localised(program)
    if "def test_" not in text:
        return _run([sys.executable, "-c", text], scratch, environment)
    (scratch / "test_shown.py").write_text(text, encoding="utf-8")
    return _run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shown.py"], scratch, environment)


def run_node(program: str, up: Up) -> str:
    """A program for a client that tests/clients installs."""
    module = "import " in program
    kind = ["--input-type=module"] if module else []
    folder = installed("pubsub" if "pubsub-api-client" in program else "jsforce")
    return _run([str(node()), *kind, "-e", up.localised(program)], folder, {})


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{command[-1]}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def _with_curl(scratch: Path) -> dict[str, str]:
    if shutil.which("curl"):
        return {}
    stand_in = scratch / "curl"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_STAND_IN}" "$@"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    return {"PATH": f"{scratch}{os.pathsep}{os.environ.get('PATH', '')}"}
