"""One sandbox in a process of its own: what the command line starts, and what it hears back.

Lives here: the child. The parent, its options and its words are in `cli.py`.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket

from syncline_sandbox.core.certificates import Certificate
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.database import DatabaseRefused
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
    try:
        listener = _listen(place.port, f"--{place.name}-port")
    except OSError as taken:
        pipe.send({"error": f"{place.name}: {taken}"})
        return
    founded = place.database == ":memory:" or not Path(place.database).exists()
    try:
        core = CORES[place.name](place)
        if founded:
            fill(core, place.name, place.world)
        beside = BESIDE[place.name](place, core)
    except DatabaseRefused as refused:
        pipe.send({"error": f"{place.name}: {refused}"})
        return
    except WorldRefused as refused:
        _forget(place.database)
        pipe.send({"error": str(refused)})
        return
    except OSError as taken:
        pipe.send({"error": f"{place.name}: {taken}"})
        return
    credentials = json.loads(core.handle(Request(method="GET", path="/_sandbox/credentials")).body)
    scheme = "https" if place.certificate else "http"
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    told = {"name": place.name, "url": url, "control": f"{url}/_sandbox/", "holds": _holds(place, founded=founded)}
    pipe.send({**told, **beside, "credentials": credentials})
    face = Face(core)
    with listener:
        SandboxServer(face, place.certificate).run(sockets=[listener])
    face.close()


def _listen(port: int, option: str) -> socket:
    """OSError in words when the port is taken."""
    try:
        return listen(port)
    except OSError as taken:
        raise OSError(f"port {port} cannot be used: {taken.strerror}; {option} 0 takes a free one") from taken


def _holds(place: Place, *, founded: bool) -> str:
    if place.database == ":memory:":
        return f"{place.seed}, in memory"
    return f"{place.seed}, kept in {place.database}" if founded else f"what {place.database} kept, no seed"


def _forget(database: str) -> None:
    """Remove a database that was begun, so that the next start founds it anew."""
    for ending in ("", "-wal", "-shm"):
        Path(database + ending).unlink(missing_ok=True)


def _marketo(place: Place) -> Core:
    from syncline_sandbox.marketo import MarketoInstance

    instance = MarketoInstance(place.database, SandboxClock(), place.random_seed)
    instance.settings.enforce_limits = place.enforce_limits
    return instance


def _salesforce(place: Place) -> Core:
    from syncline_sandbox.salesforce.org import SalesforceOrg

    return SalesforceOrg(place.database, clock=SandboxClock(), seed=place.random_seed)


def _serve_pubsub(place: Place, core: Core) -> dict[str, str]:
    """Serve the Pub/Sub API for as long as the process lives; says where. OSError when its port is taken."""
    from syncline_sandbox.pubsub import PubSubServer
    from syncline_sandbox.pubsub.certificate import own_certificate
    from syncline_sandbox.salesforce.org import SalesforceOrg

    assert isinstance(core, SalesforceOrg)
    # The vendor's gRPC service speaks TLS whatever the HTTP face does, unless told otherwise.
    certificate = (place.certificate or own_certificate(place.papers)) if place.pubsub_tls else None
    _listen(place.pubsub_port, "--pubsub-port").close()  # gRPC says less, and more, about a port that is taken
    server = PubSubServer(core, place.pubsub_port, certificate)
    server.start()
    trust = certificate and certificate.authority
    return {"pubsub": f"localhost:{server.port}", **({"pubsub_trust": str(trust)} if trust else {})}


BESIDE: dict[str, Callable[[Place, Core], dict[str, str]]] = {
    "salesforce": _serve_pubsub,
    "marketo": lambda _place, _core: {},
}
CORES: dict[str, Callable[[Place], Core]] = {"salesforce": _salesforce, "marketo": _marketo}
