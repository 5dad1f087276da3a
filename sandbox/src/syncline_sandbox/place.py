"""One sandbox in a process of its own: what the command line starts, and what it hears back.

Lives here: the child. The parent, its options and its words are in `cli.py`.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket

from syncline_sandbox.core.certificates import Certificate
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.database import DatabaseRefused, held
from syncline_sandbox.core.server import Face, SandboxServer, listen
from syncline_sandbox.core.wire import Core, Request
from syncline_sandbox.worlds import World, WorldRefused, fill


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one sandbox listens, keeps its data (`database` is a path or ":memory:"), and what it holds at first.

    `papers` is the folder for certificates that are made.
    """

    name: str
    port: int
    database: str
    random_seed: int
    seed: str
    world: World
    enforce_limits: bool
    certificate: Certificate | None
    pubsub_port: int
    pubsub_tls: bool
    papers: Path


def serve_place(place: Place, pipe: Connection) -> None:
    """The child: one sandbox until SIGTERM. Ctrl-C is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # uvicorn leaves on SIGTERM and raises it once more: as SystemExit, so that what is open is closed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with ExitStack() as opened:
            _serve(place, pipe, opened)
    except WorldRefused as refused:
        pipe.send({"error": str(refused)})
    except (DatabaseRefused, OSError) as refused:
        pipe.send({"error": f"{place.name}: {refused}"})


def _serve(place: Place, pipe: Connection, opened: ExitStack) -> None:
    """Open it, say where it is, and serve. Everything opened is closed by *opened*, the last one first.

    Raises:
        DatabaseRefused: its database is in use, or not one it can continue.
        WorldRefused: the world cannot be put in; the database begun is gone.
        OSError: a port is taken.
    """
    opened.enter_context(held(place.database))
    listener = opened.enter_context(_listen(place.port, f"--{place.name}-port"))
    founded = place.database == ":memory:" or not Path(place.database).exists()
    core = CORES[place.name](place)
    opened.callback(core.close)
    if founded:
        _found(core, place)
    beside = BESIDE[place.name](place, core, opened)
    credentials = json.loads(core.handle(Request(method="GET", path="/_sandbox/credentials")).body)
    scheme = "https" if place.certificate else "http"
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    told = {"name": place.name, "url": url, "control": f"{url}/_sandbox/", "holds": _holds(place, founded=founded)}
    face = Face(core)
    opened.callback(face.close)
    opened.callback(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # closing takes its time, and happens once
    pipe.send({**told, **beside, "credentials": credentials})
    SandboxServer(face, place.certificate).run(sockets=[listener])


def _found(core: Core, place: Place) -> None:
    """Fill what is new. Refused or stopped meanwhile, it is removed, so that the next start founds it anew."""
    try:
        fill(core, place.name, place.world)
    except BaseException:
        for ending in ("", "-wal", "-shm"):
            Path(place.database + ending).unlink(missing_ok=True)
        raise


def _listen(port: int, option: str) -> socket:
    """OSError in words when the port is taken."""
    try:
        return listen(port)
    except OSError as taken:
        raise OSError(f"{option} {port}: {taken.strerror}; give another, or 0 for a free one") from taken


def _holds(place: Place, *, founded: bool) -> str:
    if place.database == ":memory:":
        return f"{place.seed}, in memory"
    return f"{place.seed}, kept in {place.database}" if founded else f"what {place.database} kept, no seed"


def _marketo(place: Place) -> Core:
    from syncline_sandbox.marketo import MarketoInstance

    instance = MarketoInstance(place.database, SandboxClock(), place.random_seed)
    instance.settings.enforce_limits = place.enforce_limits
    return instance


def _salesforce(place: Place) -> Core:
    from syncline_sandbox.salesforce.org import SalesforceOrg

    return SalesforceOrg(place.database, clock=SandboxClock(), seed=place.random_seed)


def _serve_pubsub(place: Place, core: Core, opened: ExitStack) -> dict[str, str]:
    """Serve the Pub/Sub API until *opened* is closed; says where. OSError when its port is taken."""
    from syncline_sandbox.pubsub import PubSubServer
    from syncline_sandbox.pubsub.certificate import own_certificate
    from syncline_sandbox.salesforce.org import SalesforceOrg

    assert isinstance(core, SalesforceOrg)
    # The vendor's gRPC service speaks TLS whatever the HTTP face does, unless told otherwise.
    certificate = (place.certificate or own_certificate(place.papers)) if place.pubsub_tls else None
    _listen(place.pubsub_port, "--pubsub-port").close()  # gRPC says less, and more, about a port that is taken
    server = PubSubServer(core, place.pubsub_port, certificate)
    server.start()
    opened.callback(server.stop)
    trust = certificate and certificate.authority
    return {"pubsub": f"localhost:{server.port}", **({"pubsub_trust": str(trust)} if trust else {})}


BESIDE: dict[str, Callable[[Place, Core, ExitStack], dict[str, str]]] = {
    "salesforce": _serve_pubsub,
    "marketo": lambda _place, _core, _opened: {},
}
CORES: dict[str, Callable[[Place], Core]] = {"salesforce": _salesforce, "marketo": _marketo}
