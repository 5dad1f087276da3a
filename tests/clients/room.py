"""The room a client does its job in: a namespace with the sandbox at the vendor's own addresses, and a log of all that
happens.

Lives here: what runs inside, as `python -m tests.clients.room CLIENT FOLDER`; it writes an outcome a line as they come,
so that what was finished counts even when the rest dies. Who starts it and what it is for is in `__main__.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from syncline_sandbox.core.certificates import Certificate, make_certificate
from syncline_sandbox.core.server import serve
from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.clients import namespace, worlds
from tests.clients.bridge import Bridge, ClientError
from tests.clients.capability import Capability, Fate, Outcome
from tests.clients.catalogue import CLIENTS, Client
from tests.clients.environments import Environment, environment
from tests.clients.places import HOSTS

OUTCOMES = "outcomes.jsonl"
_SHOWN_BYTES = 600


class Room:
    """What a check has at hand. `kept` passes findings on to the capabilities that continue this one."""

    def __init__(self, client: Client, folder: Path, installed: Environment, certificate: Certificate) -> None:
        self.folder, self.installed = folder, installed
        self.log: IO[str] = sys.stderr
        self.kept: dict[str, Any] = {}
        self._client = client
        self._certificate = certificate
        self._org: SalesforceOrg | None = None
        self._instance: MarketoInstance | None = None

    @property
    def org(self) -> SalesforceOrg:
        """The Salesforce org. To be touched while the client waits for nothing."""
        assert self._org
        return self._org

    @property
    def instance(self) -> MarketoInstance:
        """The Marketo instance, likewise."""
        assert self._instance
        return self._instance

    @property
    def authority(self) -> Path:
        """The certificate authority the client has to trust."""
        assert self._certificate.authority
        return self._certificate.authority

    @contextlib.contextmanager
    def world(self) -> Iterator[None]:
        """Found a world anew and serve it at the vendor's addresses."""
        self.kept.clear()
        with contextlib.ExitStack() as stack:
            if self._client.vendor == "salesforce":
                core: Any = SalesforceOrg()
                self._org = core
                worlds.found_org(core)
            else:
                core = MarketoInstance()
                stack.callback(core.close)
                self._instance = core
                worlds.found_instance(core)
            core.handle = self._witnessed(core.handle)
            stack.enter_context(serve(core, 443, certificate=self._certificate))
            yield

    def _witnessed(self, handle: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """Every request and answer goes to the log, long bodies cut."""

        def witness(request: Request) -> Response:
            answer = handle(request)
            target = request.path + (f"?{request.query_string}" if request.query_string else "")
            said = f"{request.method} {target}\n  > {request.body[:_SHOWN_BYTES]!r}\n"
            self.log.write(f"{said}  < {answer.status} {answer.body[:_SHOWN_BYTES]!r}\n")
            self.log.flush()
            return answer

        return witness

    def run(self, *command: str, ok: tuple[int, ...] = (0,)) -> str:
        """What a command of the client prints. AssertionError when it ends otherwise than *ok*."""
        program = self.installed.bin / command[0]
        self.log.write(f"$ {' '.join(command)}\n")
        self.log.flush()
        with subprocess.Popen(
            [str(program), *command[1:]],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                printed, _ = process.communicate()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        self.log.write(printed[-20_000:])
        assert process.returncode in ok, f"{command[0]} ended with {process.returncode}: {printed.strip()[-400:]}"
        return printed

    def python(self, library: str, **arguments: Any) -> Bridge:
        """A conversation with a Python library in the client's own environment."""
        bridge = Path(__file__).with_name("python_bridge.py")
        command = [str(self.installed.bin / "python"), "-I", str(bridge), library, json.dumps(arguments)]
        return Bridge(command, self.folder, errors=self.log)

    def write(self, name: str, content: Any) -> str:
        """Put *content* as JSON, or text as it is, into a file of the room; the path."""
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


class TookTooLong(Exception):
    """The check did not end in its time."""


@contextlib.contextmanager
def _within(seconds: int) -> Iterator[None]:
    def ring(_signal: int, _frame: Any) -> None:
        raise TookTooLong(f"took longer than {seconds} s")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _show(room: Room, row: Capability, client: str, stack: contextlib.ExitStack) -> Outcome:
    """Run one check, in a world that *stack* ends; whatever goes wrong is its outcome."""
    started = time.monotonic()
    fate, reason = Fate.PASSED, ""
    try:
        with _within(row.within_seconds):
            if row.after is None:
                stack.enter_context(room.world())
            row.check(room)
    except Exception as wrong:  # noqa: BLE001 - a check may fail in any way, the next one still runs
        said = json.dumps(wrong.said) if isinstance(wrong, ClientError) else ""
        room.log.write(f"\n{traceback.format_exc()}{said}\n")
        fate, reason = Fate.FAILED, f"{type(wrong).__name__}: {wrong}".strip()
    seconds = round(time.monotonic() - started, 1)
    return Outcome(client=client, capability=row.name, fate=fate, reason=reason, seconds=seconds)


def outcomes(room: Room, client: Client, rows: list[Capability]) -> Iterator[Outcome]:
    """Run the rows in order, each in a world of its own unless it continues another."""
    passed: set[str] = set()
    with contextlib.ExitStack() as stack:
        for number, row in enumerate(rows, start=1):
            if row.after is not None and row.after not in passed:
                reason = f"continues “{row.after}”, which did not pass"
                yield Outcome(client=client.name, capability=row.name, fate=Fate.NOT_RUN, reason=reason)
                continue
            if row.after is None:
                stack.close()
            with _logged(room, f"{number:02} {row.name}"):
                outcome = _show(room, row, client.name, stack)
            if outcome.fate is Fate.PASSED:
                passed.add(row.name)
            yield outcome


@contextlib.contextmanager
def _logged(room: Room, name: str) -> Iterator[None]:
    """A log file of its own for each capability."""
    slug = "".join(letter if letter.isalnum() else "-" for letter in name)
    with (room.folder / f"{slug}.log").open("w", encoding="utf-8") as room.log:
        yield
    room.log = sys.stderr


def main(name: str, folder: Path) -> None:
    client = CLIENTS[name]
    installed = environment(client.folder)
    namespace.bring_loopback_up()
    namespace.name_hosts(HOSTS, folder)
    certificate = make_certificate(folder)
    assert certificate.authority
    namespace.trust(certificate.authority, installed.trust_file)
    room = Room(client, folder, installed, certificate)
    with (folder / OUTCOMES).open("w", encoding="utf-8") as written:
        for outcome in outcomes(room, client, client.job().capabilities):
            written.write(json.dumps(vars(outcome)) + "\n")
            written.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
