"""Sandboxes inside a test: a running org or instance as a context manager, and what a test does to it.

Lives here: `salesforce_org`, `marketo_instance` and the `Running` sandbox they give. The pytest fixtures over them
are in `pytest_plugin.py`, the command line in `cli.py`.
"""

from __future__ import annotations

import json
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from syncline_sandbox.core.certificates import Certificate, make_certificate
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.database import held
from syncline_sandbox.core.server import serve
from syncline_sandbox.core.wire import Core
from syncline_sandbox.worlds import World, fill, read_world

_TIMEOUT_SECONDS = 60.0


class ControlFailed(RuntimeError):
    """The sandbox refused a control call; the text is its reason."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """One sandbox that answers at `url`, until the context it came from ends.

    `credentials` is what `GET /_sandbox/credentials` says. `trust` is the PEM of the authority a client must trust
    when it serves https, else None.
    """

    name: str
    url: str
    credentials: dict[str, Any]
    trust: Path | None = None

    def control(self, method: str, route: str, body: Any = None) -> Any:
        """Call a control route, say `control("POST", "seed", {...})`, and return what it answers.

        Raises:
            ControlFailed: it was refused.
        """
        return _control(self.url, self.trust, method, route, body)

    def advance(self, seconds: float) -> datetime:
        """Move the clock on; returns what it then says (aware, UTC)."""
        return datetime.fromisoformat(self.control("POST", "clock", {"advance_seconds": seconds})["now"])

    def freeze(self, at: datetime | str) -> None:
        """Stop the clock at *at*: aware, or ISO text with its zone."""
        self.control("POST", "clock", {"now": at.isoformat() if isinstance(at, datetime) else at})

    def fault(self, name: str, match: str = "", **settings: Any) -> None:
        """Install a fault by name; `match` and the other settings are those of the README's section "Faults"."""
        self.control("POST", "faults", {"name": name, "match": match, **settings})

    def requests(self) -> list[dict[str, Any]]:
        """The requests answered so far, oldest first, each with the faults that struck it."""
        return list(self.control("GET", "requests"))

    def reset(self) -> None:
        """Empty data, faults and log; the clock stays."""
        self.control("POST", "reset")


def salesforce_org(
    seed: str | Path | World = "empty", *, database: str = ":memory:", https: bool = False, port: int = 0
) -> AbstractContextManager[Running]:
    """A Salesforce org on loopback, filled with a world (`demo`, `empty`, a JSON file, or the mapping itself).

    Raises:
        WorldRefused: the world cannot be read or put in.
    """
    return _running("salesforce", _org, seed, database, https, port)


def marketo_instance(
    seed: str | Path | World = "empty", *, database: str = ":memory:", https: bool = False, port: int = 0
) -> AbstractContextManager[Running]:
    """A Marketo instance on loopback, as `salesforce_org`."""
    return _running("marketo", _instance, seed, database, https, port)


@contextmanager
def _running(
    name: str, make: Callable[[str], Core], seed: str | Path | World, database: str, https: bool, port: int
) -> Iterator[Running]:
    with ExitStack() as stack:
        stack.enter_context(held(database))
        core = make(database)
        stack.callback(core.close)
        fill(core, name, read_world(seed))
        certificate: Certificate | None = None
        if https:
            certificate = make_certificate(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        url = stack.enter_context(serve(core, port, certificate=certificate))
        trust = certificate.authority if certificate else None
        yield Running(name=name, url=url, credentials=_control(url, trust, "GET", "credentials"), trust=trust)


def _org(database: str) -> Core:
    from syncline_sandbox.salesforce.org import SalesforceOrg

    return SalesforceOrg(database, clock=SandboxClock())


def _instance(database: str) -> Core:
    from syncline_sandbox.marketo import MarketoInstance

    return MarketoInstance(database, SandboxClock())


def _control(url: str, trust: Path | None, method: str, route: str, body: Any = None) -> Any:
    asked = urllib.request.Request(
        f"{url}/_sandbox/{route}", None if body is None else json.dumps(body).encode(), method=method
    )
    context = ssl.create_default_context(cafile=str(trust)) if trust else None
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS, context=context) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            raise ControlFailed(f"{method} {route}: {refused.read().decode()}") from refused
