"""The command line: `syncline-sandbox up` starts both sandboxes on loopback, each in a process of its own.

The parent prints where they are, waits, and ends both on SIGINT or SIGTERM, or when one of them ends by itself.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import ssl
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from syncline_sandbox.core.certificates import Certificate, make_certificate
from syncline_sandbox.place import CORES, Place, serve_place
from syncline_sandbox.worlds import SANDBOXES, World, WorldRefused, read_world

STOP_SECONDS = 5.0
# The usual place beside the org's usual place; beside any other, a free one.
PUBSUB_PORTS = {8810: 8811}


class CannotStart(Exception):
    """An option asks for what cannot be had; the text says which and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a clean stop, 1 when a sandbox could not start or ended by itself, 2 for a wrong option."""
    _exit_on_signals()
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="syncline-sandbox-") as scratch:
        try:
            return _up(options, Path(scratch))
        except (CannotStart, WorldRefused) as refused:
            print(refused, file=sys.stderr)
            return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="syncline-sandbox", description="A Salesforce org and a Marketo instance on this machine, for testing."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('syncline-sandbox')}")
    commands = parser.add_subparsers(dest="command", metavar="up", required=True)
    up = commands.add_parser("up", help="start both and stay until interrupted")
    _describe(up)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:  # said by `up`, which shows its own usage
        up.error(f"there is no option {' '.join(unknown)}")
    return options


def _describe(up: argparse.ArgumentParser) -> None:
    up.add_argument(
        "--salesforce-port", type=_port, metavar="N", default=8810, help="0 takes a free one (default %(default)s)"
    )
    up.add_argument(
        "--marketo-port", type=_port, metavar="N", default=8820, help="0 takes a free one (default %(default)s)"
    )
    up.add_argument(
        "--pubsub-port", type=_port, metavar="N", help="of the org's Pub/Sub API (default 8811 beside 8810, else free)"
    )
    up.add_argument("--pubsub-plaintext", action="store_true", help="serve the Pub/Sub API without TLS")
    up.add_argument("--only", choices=sorted(CORES), help="start this one alone")
    up.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="keep the data here (default: in memory, gone at the end)"
    )
    up.add_argument("--seed", default="empty", metavar="WORLD", help="what they hold: demo, empty or a JSON file")
    up.add_argument("--random-seed", type=int, metavar="N", default=0, help="other ids and tokens than those of 0")
    up.add_argument("--no-limits", action="store_true", help="Marketo never refuses a call for its rate or quota")
    up.add_argument("--https", action="store_true", help="serve TLS, with the certificate given or a throw-away one")
    up.add_argument("--certificate", type=Path, metavar="FILE", help="PEM chain to serve TLS with, and its --key")
    up.add_argument("--key", type=Path, metavar="FILE", help="PEM key (default: in the file of the certificate)")
    up.add_argument(
        "--until-stdin-ends", action="store_true", help="stop when standard input ends, together with its writer"
    )
    up.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _up(options: argparse.Namespace, scratch: Path) -> int:
    ports = _ports(options)
    world = read_world(options.seed)
    _make_data_dir(options.data_dir)
    certificate = _certificate(options, scratch)
    # Ctrl-C reaches the children too: they are born deaf to it, and ended by the parent. (The tracker, started with the
    # first child otherwise, would open our ears again.)
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    started = [_start(_place(name, ports, options, certificate, world, scratch)) for name in SANDBOXES if name in ports]
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        places = [_told(process, pipe) for process, pipe in started]
        if failed := [place["error"] for place in places if "error" in place]:
            print("\n".join(dict.fromkeys(failed)), file=sys.stderr)  # a wrong clock is wrong to both
            return 1
        _announce(places, certificate, as_json=options.json)
        ends: list[Any] = [process.sentinel for process, _ in started]
        ends += [sys.stdin] if options.until_stdin_ends else []
        return 0 if sys.stdin in wait(ends) else 1
    finally:
        _stop([process for process, _ in started])


def _exit_on_signals() -> None:
    """Whatever the parent is waiting for, a signal becomes SystemExit, and both children are ended on the way out."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is 0 … 65535, not {text}")
    return int(text)


def _ports(options: argparse.Namespace) -> dict[str, int]:
    """Where those to be started listen, by the option that says so; 0 is any."""
    ports: dict[str, int] = {}
    if options.only in (None, "salesforce"):
        beside = PUBSUB_PORTS.get(options.salesforce_port, 0)
        ports["salesforce"] = options.salesforce_port
        ports["pubsub"] = beside if options.pubsub_port is None else options.pubsub_port
    if options.only in (None, "marketo"):
        ports["marketo"] = options.marketo_port
    by_number: dict[int, str] = {}
    for name, port in ports.items():
        other = by_number.setdefault(port, name)
        if port and other != name:
            raise CannotStart(f"--{other}-port and --{name}-port are both {port}; give another, or 0 for a free one")
    return ports


def _make_data_dir(folder: Path | None) -> None:
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as failed:
            raise CannotStart(f"--data-dir {folder}: {failed.strerror}") from failed


def _certificate(options: argparse.Namespace, scratch: Path) -> Certificate | None:
    if options.certificate is not None:
        given = Certificate(chain=options.certificate, key=options.key or options.certificate)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(given.chain, given.key)
        except OSError as wrong:  # not readable, or no PEM of a certificate and its key
            said = wrong.strerror or wrong
            raise CannotStart(f"--certificate {given.chain} with --key {given.key}: {said}") from wrong
        return given
    return make_certificate(options.data_dir or scratch) if options.https else None


def _place(
    name: str,
    ports: dict[str, int],
    options: argparse.Namespace,
    certificate: Certificate | None,
    world: World,
    scratch: Path,
) -> Place:
    database = ":memory:" if options.data_dir is None else str(options.data_dir / f"{name}.sqlite")
    return Place(
        name=name,
        port=ports[name],
        database=database,
        random_seed=options.random_seed,
        seed=options.seed,
        world=world,
        enforce_limits=not options.no_limits,
        certificate=certificate,
        pubsub_port=ports.get("pubsub", 0),
        pubsub_tls=not options.pubsub_plaintext,
        papers=options.data_dir or scratch,
    )


def _start(place: Place) -> tuple[BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_place, args=(place, theirs), name=f"sandbox-{place.name}", daemon=True)
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


def _announce(places: Sequence[dict[str, Any]], certificate: Certificate | None, *, as_json: bool) -> None:
    authority = str(certificate.authority) if certificate and certificate.authority else None
    if as_json:
        print(json.dumps({"sandboxes": places, "trust": authority}), flush=True)
        return
    for place in places:
        print(f"{place['name']:<11}{place['url']}")
        beside = {name: place[name] for name in ("control", "holds", "pubsub", "pubsub_trust") if name in place}
        for name, value in {**beside, **place["credentials"]}.items():
            print(f"{'':<11}{name:<16}{value}")
    if authority:
        print(f"trust      {authority}")
    print(f"Press Ctrl-C to stop {'both' if len(places) > 1 else 'it'}.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
