"""`make test-clients`: other people's clients, unmodified, each doing its whole job against the sandboxes.

Run as ``python -m tests.clients [CLIENT …] [--keep]``. Sets up an environment for each client, runs them side by side,
each in a namespace of its own (see `room.py`), and prints the table client × capability. Logs are kept in
.cache/clients. Exit code 0 only when every row passed; what was not run is a row that did not. 2 for a client there is
none of.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from tests.clients import report
from tests.clients.capability import Capability, Fate, Outcome
from tests.clients.catalogue import CLIENTS, Client
from tests.clients.environments import CannotInstall, environment
from tests.clients.namespace import command_inside
from tests.clients.room import OUTCOMES

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / ".cache" / "clients"
PAGE = ROOT / "docs" / "reference" / "clients.md"
# Two of them mostly sleep.
SIDE_BY_SIDE = 4
_START_SECONDS = 60
_INSTALLING = Lock()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.clients if name not in CLIENTS]:
        parser.error(f"no client {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    clients = [client for client in CLIENTS.values() if not options.clients or client.name in options.clients]
    # The longest sleepers start first.
    order = sorted(clients, key=lambda client: client.name != "airbyte-source-marketo")
    started = time.monotonic()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        outcomes = [outcome for rows in pool.map(_all_rows, order) for outcome in rows]
    print(report.printed(clients, outcomes))
    print(f"{time.monotonic() - started:.0f} s; logs in {LOGS.relative_to(ROOT)}")
    if options.keep:
        about = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        PAGE.write_text(report.page(clients, outcomes, datetime.now(UTC).date(), about), encoding="utf-8")
        print(f"kept in {PAGE.relative_to(ROOT)}")
    return 0 if report.whole(outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__.partition("\n")[0])
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"one of {', '.join(CLIENTS)}; all without")
    parser.add_argument("--keep", action="store_true", help="write docs/reference/clients.md")
    return parser


def _all_rows(client: Client) -> list[Outcome]:
    """An outcome for each capability, come what may."""
    rows = client.job().capabilities
    folder = LOGS / client.name.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        reason = _run(client, folder, rows)
    except (CannotInstall, RuntimeError) as missing:
        reason = str(missing)
    finished = _finished(folder / OUTCOMES)
    outcomes = [finished.get(row.name) or _not_run(client, row, reason) for row in rows]
    print(f"{client.name} {client.version}: {report.tally(outcomes)}", file=sys.stderr, flush=True)
    return outcomes


def _run(client: Client, folder: Path, rows: Sequence[Capability]) -> str:
    """Run the client's room to its end; the reason why rows may be missing. CannotInstall, RuntimeError: no room."""
    with _INSTALLING:  # they share the environment that builds
        environment(client.folder)
    command = command_inside([sys.executable, "-m", "tests.clients.room", client.name, str(folder)])
    within = _START_SECONDS + sum(row.within_seconds for row in rows)
    with (folder / "room.log").open("w", encoding="utf-8") as log:
        try:
            ended = subprocess.run(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=within, check=False
            )
        except subprocess.TimeoutExpired:
            return f"the room was not done after {within} s"
    return f"the room ended with {ended.returncode}: see room.log"


def _finished(written: Path) -> dict[str, Outcome]:
    if not written.exists():
        return {}
    rows = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
    return {row["capability"]: Outcome(**{**row, "fate": Fate(row["fate"])}) for row in rows}


def _not_run(client: Client, row: Capability, reason: str) -> Outcome:
    return Outcome(client=client.name, capability=row.name, fate=Fate.NOT_RUN, reason=reason)


if __name__ == "__main__":
    sys.exit(main())
