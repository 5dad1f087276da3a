"""Two sandboxes behind ports, a project of twenty people between them, and the command line over it.

The fixtures `served`, `ground`, `new_ground` and `synced` are taken over by the conftest of the suites that use them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.support.inprocess import SharedClock
from tests.support.shell import Said, Shell

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "sandbox-secret"
LEADS, CONTACTS, PEOPLE, SHARED = 12, 8, 6, 5
"""`PEOPLE` of Marketo, of whom `SHARED` are leads too: 21 persons in all."""
EVERYBODY = LEADS + CONTACTS + PEOPLE - SHARED


@dataclass(frozen=True)
class Served:
    """Both sandboxes and the one clock they tell."""

    clock: SandboxClock
    org: str
    instance: str


@contextmanager
def serving() -> Iterator[Served]:
    """Two new sandboxes behind ports."""
    clock = SandboxClock(frozen_at=START)
    with serve(SalesforceOrg(clock=clock)) as org, serve(MarketoInstance(clock=clock)) as instance:
        yield Served(clock, org, instance)


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


class Ground:
    """A project in a folder of its own, and the sandboxes' control endpoints."""

    def __init__(self, served: Served, folder: Path, shell: Shell) -> None:
        self.served, self.folder, self.shell = served, folder, shell
        self.state = folder / "state.db"
        self.state_url = "sqlite:///state.db"
        self.connections: dict[str, dict[str, Any]] = {
            "crm": {"type": "salesforce", "url": served.org},
            "marketing": {"type": "marketo", "url": served.instance, "created_since": "2026-03-01"},
        }
        for name, settings in self.connections.items():
            settings |= {"client_id": "sandbox-client", "client_secret": f"env:{name.upper()}_SECRET"}
        self.sync: dict[str, Any] = {"a": "crm", "b": "marketing"}
        self.syncs = {"people": self.sync}
        self._http = httpx2.Client(timeout=10, verify=False)  # plain http: no authorities to load

    # -- Syncline ----------------------------------------------------------------------------------------------------

    def syncline(self, command: str, *words: str) -> Said:
        """Run a command on the project as it is configured now, a cycle's pause after what was done last."""
        self.served.clock.advance(300)
        content = {"state": self.state_url, "connections": self.connections, "syncs": self.syncs}
        path = self.folder / "syncline.yaml"
        text = yaml.safe_dump(content, sort_keys=False)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        return self.shell(command, *words, "--config", str(path))

    def synced(self) -> None:
        """Make the custom fields and bring everybody into agreement for the first time."""
        made = self.syncline("init", "--create-fields", "--json")
        assert made.code == 0, made.out
        assert self.syncline("run", "--json").code == 0

    def assert_recovers(self) -> None:
        """Once the trouble is over ordinary runs bring both sides into agreement, nobody twice, nobody lost.

        The first may say that writes of unknown outcome are being read back; then there is one more.
        """
        first = self.syncline("run", "--json")
        assert first.code == (1 if first.json.get("unknown") else 0), (first.out, first.err)
        for _ in range(2 if first.code else 1):
            run = self.syncline("run", "--json")
            assert run.code == 0, (run.out, run.err)
        assert run.json["written"]["fields"] == 0
        verified = self.syncline("verify", "--json")
        assert verified.code == 0, (verified.out, verified.err)
        assert verified.json["pairs"] == LEADS + CONTACTS
        assert self.emails_of_people() == sorted(self.everybody())
        assert len(self.leads()) == LEADS
        assert SECRET.encode() not in self.state.read_bytes()

    # -- the systems -------------------------------------------------------------------------------------------------

    def org(self, route: str, body: Any = None) -> Any:
        return self._control(self.served.org, route, body)

    def instance(self, route: str, body: Any = None) -> Any:
        return self._control(self.served.instance, route, body)

    def faults_over(self) -> None:
        for url in (self.served.org, self.served.instance):
            self._http.delete(f"{url}/_sandbox/faults")

    def _control(self, url: str, route: str, body: Any) -> Any:
        method = "GET" if body is None else "POST"
        answer = self._http.request(method, f"{url}/_sandbox/{route}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def seed(self) -> None:
        """The same persons for every test; `SHARED` of them on both sides, with a field to give each way."""
        self.served.clock.set(START)
        self.org("reset", {})
        self.instance("reset", {})
        self.instance("settings", {"enforce_limits": False})
        (account,) = self.org("seed", {"Account": [{"Name": "Acme Ltd", "Industry": "Energy"}]})["Account"]
        leads = [
            {"FirstName": "Ann", "LastName": f"Lee{i}", "Company": "Co", "Email": f"p{i}@x.com", "Phone": f"0{i}55"}
            for i in range(LEADS)
        ]
        contacts = [
            {"FirstName": "Bob", "LastName": f"Ray{i}", "Email": f"c{i}@x.com", "AccountId": account, "Title": "CEO"}
            for i in range(CONTACTS)
        ]
        self.org("seed", {"Lead": leads, "Contact": contacts})
        people = [
            {"email": f"p{i}@x.com", "firstName": "Ann", "lastName": f"Lee{i}", "title": "VP", "city": "Ulm"}
            for i in range(SHARED)
        ]
        people.append({"email": "only@x.com", "firstName": "Zed", "lastName": "Only"})
        self.instance("seed", {"people": people})

    def everybody(self) -> list[str]:
        leads = [f"p{i}@x.com" for i in range(LEADS)]
        return [*leads, *(f"c{i}@x.com" for i in range(CONTACTS)), "only@x.com"]

    def emails_of_people(self) -> list[str]:
        """Of everybody in Marketo, whoever sees them."""
        found = self.instance("people/read", {"field": "email", "values": self.everybody(), "fields": ["email"]})
        return sorted(row["email"] for row in found)

    def leads(self) -> list[dict[str, Any]]:
        """All leads of the org as its administrator sees them."""
        return self.queried("SELECT Id, Email, Title, Phone FROM Lead")

    def queried(self, soql: str) -> list[dict[str, Any]]:
        """What the org's administrator is answered."""
        form = {
            "grant_type": "password",
            "client_id": "sandbox-client",
            "client_secret": SECRET,
            "username": "admin@sandbox.example",
            "password": "sandbox-password",
        }
        token = self._http.post(f"{self.served.org}/services/oauth2/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._http.get(f"{self.served.org}/services/data/v62.0/query", params={"q": soql}, headers=headers)
        rows: list[dict[str, Any]] = answer.json()["records"]
        return rows

    def writes_sent(self) -> list[str]:
        """What went to either system and could change it, since the logs were emptied last."""
        log = [*self.org("requests"), *self.instance("requests")]
        reads = ("/services/oauth2", "/identity/", "/composite/batch", "_method=GET", "/bulk/v1/leads/export")
        return [
            f"{row['method']} {row['path']}"
            for row in log
            if row["method"] != "GET" and not any(part in row["path"] + str(row["query"]) for part in reads)
        ]

    def forget_requests(self) -> None:
        for url in (self.served.org, self.served.instance):
            self._http.delete(f"{url}/_sandbox/requests")

    def requests(self) -> int:
        return len(self.org("requests")) + len(self.instance("requests"))

    def close(self) -> None:
        self._http.close()


@contextmanager
def _standing(
    served: Served, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ground]:
    """Twenty-one persons, nothing synced yet. Waiting moves the sandboxes' clock, so nothing waits."""
    patch.setattr("syncline.wiring.SystemClock", lambda: SharedClock(served.clock))
    for name in ("CRM", "MARKETING"):
        patch.setenv(f"{name}_SECRET", SECRET)
    shell = Shell(patch, capsys)
    shell.secrets.append(SECRET)
    with ExitStack() as stack:
        ground = Ground(served, folder, shell)
        stack.callback(ground.close)
        stack.callback(ground.faults_over)
        ground.seed()
        yield ground


@pytest.fixture
def ground(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ground]:
    """The session's sandboxes with fresh people; custom fields may be there from the test before."""
    with _standing(served, tmp_path, monkeypatch, capsys) as ground:
        yield ground


@pytest.fixture
def new_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Ground]:
    """Sandboxes of its own, without any custom field."""
    with serving() as served, _standing(served, tmp_path, monkeypatch, capsys) as ground:
        yield ground


@pytest.fixture
def synced(ground: Ground) -> Ground:
    """The same after the first copy."""
    ground.synced()
    return ground
