"""The command line: `syncline-sandbox up` starts both sandboxes on loopback, each in a process of its own.

The parent prints where they are, waits, and ends both on SIGINT or SIGTERM, or when one of them ends by itself.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import Certificate, Face, SandboxServer, listen, make_certificate
from syncline_sandbox.core.wire import Core, Request
from syncline_sandbox.worlds import World, WorldRefused, fill, read_world

STOP_SECONDS = 5.0
# The usual place beside the org's usual place; beside any other, a free one.
PUBSUB_PORTS = {8810: 8811}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one sandbox listens, keeps its data (`database` is a path or ":memory:"), and what it holds at first."""

    name: str
    port: int
    database: str
    random_seed: int
    world: World
    enforce_limits: bool
    certificate: Certificate | None
    pubsub_port: int
    pubsub_certificate: Certificate | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a clean stop, 1 when a sandbox could not start or ended by itself."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="syncline-sandbox-") as scratch:
        return _up(options, Path(scratch))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="syncline-sandbox", description="A Salesforce org and a Marketo instance on this machine, for testing."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start both and stay until interrupted")
    up.add_argument("--salesforce-port", type=int, default=8810, help="0 takes a free one (default %(default)s)")
    up.add_argument("--marketo-port", type=int, default=8820, help="0 takes a free one (default %(default)s)")
    up.add_argument("--pubsub-port", type=int, help="of the org's Pub/Sub API (default 8811 beside 8810, else free)")
    up.add_argument("--pubsub-plaintext", action="store_true", help="serve the Pub/Sub API without TLS")
    up.add_argument("--only", choices=sorted(CORES), help="start this one alone")
    up.add_argument("--data-dir", type=Path, help="keep the data here (default: in memory, gone at the end)")
    up.add_argument("--seed", default="empty", metavar="WORLD", help="what they hold: demo, empty or a JSON file")
    up.add_argument("--random-seed", type=int, default=0, help="makes ids and tokens repeatable")
    up.add_argument("--no-limits", action="store_true", help="Marketo never refuses a call for its rate or quota")
    up.add_argument("--https", action="store_true", help="serve TLS, with the certificate given or a throw-away one")
    up.add_argument("--certificate", type=Path, help="PEM chain, with --key (default: made by `trustme`)")
    up.add_argument("--key", type=Path, help="PEM key of the certificate")
    up.add_argument("--until-stdin-ends", action="store_true", help="stop when standard input does: with its writer")
    up.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser


def _up(options: argparse.Namespace, scratch: Path) -> int:
    try:
        world = read_world(options.seed)
    except WorldRefused as refused:
        print(refused, file=sys.stderr)
        return 1
    if options.data_dir is not None:
        options.data_dir.mkdir(parents=True, exist_ok=True)
    certificate = _certificate(options, scratch)
    pubsub_certificate = _pubsub_certificate(options, certificate, scratch)
    ports = {"salesforce": options.salesforce_port, "marketo": options.marketo_port}
    started = [
        _start(replace(_place(name, port, options, certificate, world), pubsub_certificate=pubsub_certificate))
        for name, port in ports.items()
        if options.only in (None, name)
    ]
    # A signal becomes SystemExit, so that whatever the parent is waiting for, both children are ended on the way out.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        places = [_told(process, pipe) for process, pipe in started]
        if failed := [place["error"] for place in places if "error" in place]:
            print("\n".join(failed), file=sys.stderr)
            return 1
        _announce(places, certificate, as_json=options.json)
        ends: list[Any] = [process.sentinel for process, _ in started]
        ends += [sys.stdin] if options.until_stdin_ends else []
        return 0 if sys.stdin in wait(ends) else 1
    finally:
        _stop([process for process, _ in started])


def _certificate(options: argparse.Namespace, scratch: Path) -> Certificate | None:
    if options.certificate is not None:
        return Certificate(chain=options.certificate, key=options.key or options.certificate)
    return make_certificate(options.data_dir or scratch) if options.https else None


def _pubsub_certificate(
    options: argparse.Namespace, certificate: Certificate | None, scratch: Path
) -> Certificate | None:
    """The vendor's gRPC service speaks TLS whatever the HTTP face does, unless told otherwise."""
    if options.pubsub_plaintext or certificate is not None or options.only == "marketo":
        return None if options.pubsub_plaintext else certificate
    from syncline_sandbox.pubsub.certificate import own_certificate

    return own_certificate(options.data_dir or scratch)


def _place(name: str, port: int, options: argparse.Namespace, certificate: Certificate | None, world: World) -> Place:
    database = ":memory:" if options.data_dir is None else str(options.data_dir / f"{name}.sqlite")
    return Place(
        name=name,
        port=port,
        database=database,
        random_seed=options.random_seed,
        world=world,
        enforce_limits=not options.no_limits,
        certificate=certificate,
        pubsub_port=options.pubsub_port if options.pubsub_port is not None else PUBSUB_PORTS.get(port, 0),
        pubsub_certificate=None,
    )


def _start(place: Place) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(place, theirs), name=f"sandbox-{place.name}", daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _told(process: BaseProcess, pipe: Connection) -> dict[str, Any]:
    """Where the child listens, or why it does not."""
    try:
        return dict(pipe.recv())
    except EOFError:
        return {"error": f"{process.name}: ended before it could answer; what went wrong is above"}


def _stop(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(place: Place, pipe: Connection) -> None:
    """The child: one sandbox until SIGTERM. Ctrl-C is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        listener = listen(place.port)
    except OSError as taken:
        pipe.send({"error": f"{place.name}: port {place.port} cannot be used: {taken.strerror}"})
        return
    founded = place.database == ":memory:" or not Path(place.database).exists()
    core = CORES[place.name](place)
    try:
        if founded:
            fill(core, place.name, place.world)
    except WorldRefused as refused:
        _forget(place.database)
        pipe.send({"error": str(refused)})
        return
    try:
        beside = BESIDE[place.name](place, core)
    except OSError as taken:
        pipe.send({"error": f"{place.name}: {taken}"})
        return
    credentials = json.loads(core.handle(Request(method="GET", path="/_sandbox/credentials")).body)
    scheme = "https" if place.certificate else "http"
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    pipe.send({"name": place.name, "url": url, "control": f"{url}/_sandbox/", **beside, "credentials": credentials})
    face = Face(core)
    with listener:
        SandboxServer(face, place.certificate).run(sockets=[listener])
    face.close()


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
    from syncline_sandbox.salesforce.org import SalesforceOrg

    assert isinstance(core, SalesforceOrg)
    server = PubSubServer(core, place.pubsub_port, place.pubsub_certificate)
    server.start()
    trust = place.pubsub_certificate and place.pubsub_certificate.authority
    return {"pubsub": f"localhost:{server.port}", **({"pubsub_trust": str(trust)} if trust else {})}


BESIDE: dict[str, Callable[[Place, Core], dict[str, str]]] = {
    "salesforce": _serve_pubsub,
    "marketo": lambda _place, _core: {},
}
CORES: dict[str, Callable[[Place], Core]] = {"salesforce": _salesforce, "marketo": _marketo}


def _announce(places: Sequence[dict[str, Any]], certificate: Certificate | None, *, as_json: bool) -> None:
    authority = str(certificate.authority) if certificate and certificate.authority else None
    if as_json:
        print(json.dumps({"sandboxes": places, "trust": authority}), flush=True)
        return
    for place in places:
        print(f"{place['name']:<11}{place['url']}")
        print(f"{'':<11}control         {place['control']}")
        beside = {name: place[name] for name in ("pubsub", "pubsub_trust") if name in place}
        for name, value in {**beside, **place["credentials"]}.items():
            print(f"{'':<11}{name:<16}{value}")
    if authority:
        print(f"trust      {authority}")
    print("Press Ctrl-C to stop both.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
