"""Workers as real processes: two sandboxes behind ports, a project between them, `syncline` started and killed.

Time is real here: what is waited for is looked at again and again, and a wait that is too long fails with what the
processes said.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import polars as pl
import yaml

from syncline.store import open_store
from syncline.trees import Table
from syncline.wiring import SystemClock
from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg

SECRET = "sandbox-secret"
Found = TypeVar("Found")


class Site:
    """A project in *folder* whose state is at *state*."""

    def __init__(self, folder: Path, org: str, instance: str, state: str) -> None:
        self.folder, self.org, self.instance = folder, org, instance
        self.state_url = state.replace("sqlite:///", f"sqlite:///{folder}/") if state.startswith("sqlite") else state
        self.processes: list[subprocess.Popen[bytes]] = []
        self._http = httpx2.Client(timeout=30, verify=False)  # plain http: no authorities to load
        self.configure(pause_after="1s")

    def configure(self, **schedule: str) -> None:
        connections: dict[str, dict[str, Any]] = {
            "crm": {"type": "salesforce", "url": self.org},
            "marketing": {"type": "marketo", "url": self.instance, "created_since": "2026-03-01"},
        }
        for name, settings in connections.items():
            settings |= {"client_id": "sandbox-client", "client_secret": f"env:{name.upper()}_SECRET"}
        sync = {"a": "crm", "b": "marketing", "schedule": schedule}
        content = {"state": self.state_url, "connections": connections, "syncs": {"people": sync}}
        (self.folder / "syncline.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    # -- processes ---------------------------------------------------------------------------------------------------

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `syncline` in a process of its own; what it says goes to a file."""
        log = (self.folder / f"said-{len(self.processes)}.txt").open("wb")
        process = subprocess.Popen(self._line(words), env=self._environ(), stdout=log, stderr=log)
        log.close()
        self.processes.append(process)
        return process

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._line(words), env=self._environ(), capture_output=True, text=True, timeout=120, check=False
        )

    def _line(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "syncline.cli.main", *words, "-c", str(self.folder / "syncline.yaml")]

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "CRM_SECRET": SECRET, "MARKETING_SECRET": SECRET, "COLUMNS": "200"}

    def said(self) -> str:
        return "\n".join(path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("said-*.txt")))

    def end(self) -> None:
        """End whatever still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self._http.close()

    # -- the state ---------------------------------------------------------------------------------------------------

    def rows(self, table: Table, where: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Rows of the state, read beside whoever writes it."""

        async def read() -> pl.DataFrame:
            store = await open_store(self.state_url, SystemClock(), read_only=True, check=False)
            try:
                return await store.rows(table, where)
            finally:
                await store.close()

        return asyncio.run(read())

    def until(self, look: Callable[[], Found | None], *, seconds: float, what: str) -> Found:
        """What *look* finds, as soon as it finds something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                found = look()
            except Exception:  # noqa: BLE001  (a state that is only being made cannot be read yet)
                found = None
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {seconds} s.\n{self.said()[-4000:]}")

    def run_in_state(self, *states: str) -> dict[str, Any] | None:
        """The newest whole run, if it is in one of *states*."""
        rows = self.rows(Table.RUN, {"sync": "people", "kind": "run"}).sort("started_us")
        return rows.row(-1, named=True) if len(rows) and rows["state"][-1] in states else None

    # -- the systems -------------------------------------------------------------------------------------------------

    def seed(self, leads: int) -> None:
        people = [
            {"FirstName": "Ann", "LastName": f"Lee{n}", "Company": "Co", "Email": f"p{n}@x.com"} for n in range(leads)
        ]
        self.control(self.org, "seed", {"Lead": people})

    def slow(self, url: str, match: str, seconds: float, times: int = 1) -> None:
        """Answers of *url* whose request matches take *seconds* of real time."""
        fault = {"name": "slow_body", "match": match, "times": times, "parameters": {"seconds": seconds}}
        self.control(url, "faults", fault)

    def control(self, url: str, route: str, body: Any = None) -> Any:
        answer = self._http.request("GET" if body is None else "POST", f"{url}/_sandbox/{route}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def people(self, leads: int) -> list[str]:
        """The addresses of all people in the instance, as often as they are there."""
        wanted = {"field": "email", "values": [f"p{n}@x.com" for n in range(leads)], "fields": ["email"]}
        return sorted(row["email"] for row in self.control(self.instance, "people/read", wanted))


@contextmanager
def site(folder: Path, state: str = "sqlite:///state.db") -> Iterator[Site]:
    """A site with fresh sandboxes on the real clock, and its custom fields made."""
    clock = SandboxClock()
    with serve(SalesforceOrg(clock=clock)) as org, serve(MarketoInstance(clock=clock)) as instance:
        here = Site(folder, org, instance, state)
        try:
            here.control(instance, "settings", {"enforce_limits": False})
            made = here.run("init", "--create-fields")
            assert made.returncode == 0, made.stdout + made.stderr
            yield here
        finally:
            here.end()
