"""The clients, unmodified from their registries, in the order of the table.

Lives here: their names, where their lock is and which sandbox they talk to. What each does is the module of `jobs`
named here, imported only where it is run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module

from tests.clients.capability import Job
from tests.clients.environments import FOLDER


@dataclass(frozen=True, kw_only=True)
class Client:
    """`package` is its name at the registry, `folder` the one of its lock beside this file, `module` its job's."""

    name: str
    package: str
    folder: str
    vendor: str
    module: str

    def job(self) -> Job:
        """What it is asked to do."""
        job = import_module(f"tests.clients.jobs.{self.module}").JOB
        assert isinstance(job, Job)
        return job

    @property
    def version(self) -> str:
        """The version its lock pins."""
        lock = FOLDER / self.folder / "requirements.lock"
        if lock.exists():
            found = re.search(rf"^{re.escape(self.package)}==(\S+)", lock.read_text(), re.MULTILINE)
            assert found, f"{lock.name} of {self.folder} does not pin {self.package}"
            return found[1]
        pinned = json.loads((FOLDER / self.folder / "package-lock.json").read_text())
        return str(pinned["packages"][f"node_modules/{self.package}"]["version"])


def _client(name: str, vendor: str, *, package: str | None = None, folder: str | None = None) -> Client:
    module = (folder or name).replace("-", "_")
    return Client(name=name, package=package or name, folder=folder or name, vendor=vendor, module=module)


_ALL = (
    _client("simple-salesforce", "salesforce"),
    _client("jsforce", "salesforce"),
    _client("tap-salesforce", "salesforce"),
    _client("airbyte-source-salesforce", "salesforce"),
    _client("salesforce-cli", "salesforce", package="@salesforce/cli", folder="sf"),
    _client("salesforce-pubsub-api-client", "salesforce", folder="pubsub"),
    _client("tap-marketo", "marketo"),
    _client("airbyte-source-marketo", "marketo"),
    _client("marketorestpython", "marketo"),
    _client("node-marketo-rest", "marketo", folder="node-marketo"),
)

CLIENTS = {client.name: client for client in _ALL}
