"""Builds the world from a configuration file: the only place that knows everybody, and the only one with a real clock.

Lives here: construction and closing. No behaviour.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from syncline.connectors.registry import connector_class, manifest_of
from syncline.connectors.settings import STORED, at_once, settings_of, stored_settings
from syncline.engine.cycle import close_cut_off
from syncline.engine.ledger import StoreLedger
from syncline.engine.world import Progress, World
from syncline.errors import ConfigError
from syncline.logs import hide_with
from syncline.net.redaction import clean_of_all
from syncline.net.transport import HttpxTransport
from syncline.ports import Clock, Connector, Random, Sharing
from syncline.reconcile.match_score import Score
from syncline.records import SIDES, Side
from syncline.runtime.conduct import Told
from syncline.runtime.door import door_of
from syncline.runtime.presence import Me
from syncline.runtime.retention import Retention
from syncline.scoring.weigh import scorer
from syncline.spec.evaluate import DuckEvaluator
from syncline.spec.file import File, load
from syncline.spec.model import Sync
from syncline.spec.resolve import resolve
from syncline.store import is_untouched, open_store
from syncline.store import moving as moving
from syncline.trees import Store
from syncline.vault.keys import keys_from
from syncline.vault.stored import open_secrets

if TYPE_CHECKING:
    from syncline.runtime.worker import Worker

DEFAULT_FILE = Path("syncline.yaml")

hide_with(clean_of_all)


class SystemClock:
    """Real time. Implements `ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemRandom:
    """Real chance. Implements `ports.Random`."""

    def uniform(self, low: float, high: float) -> float:
        return random.uniform(low, high)

    def token(self, size_bytes: int) -> str:
        return secrets.token_hex(size_bytes)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A configuration file and what it means. Relative paths in it count from its folder."""

    path: Path
    file: File
    syncs: Mapping[str, Sync]

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work on the state at the same time."""
        return not self.file.state.startswith("sqlite:")

    @property
    def store_url(self) -> str:
        prefix = "sqlite:///"
        target = self.file.state.removeprefix(prefix)
        if not self.file.state.startswith(prefix) or target == ":memory:" or Path(target).is_absolute():
            return self.file.state
        return prefix + str((self.path.parent / target).resolve())


def load_project(path: Path) -> Project:
    """Read the configuration; raises ConfigError with everything that can be seen without a connection."""
    file = load(path)
    project = Project(path=path, file=file, syncs=resolve(file))
    for sync in project.syncs.values():
        for side in SIDES:
            _require_objects(project, sync, side)
    score_of(project.syncs)
    return project


def score_of(syncs: Mapping[str, Sync]) -> Score | None:
    """What weighs pairs by probability, if a sync asks for it. ConfigError SYN-125 if it is not installed."""
    asks = any(rule.probabilities for sync in syncs.values() for rule in sync.match_rules)
    return scorer() if asks else None


def _require_objects(project: Project, sync: Sync, side: Side) -> None:
    """Each side's connector must speak of the object types the sync has there: a swapped a and b is found here."""
    spec = sync.side(side)
    kind = _kind_of(project, spec.connection)
    known = manifest_of(kind).object_types
    if unknown := [name for name in spec.object_types if name not in known]:
        raise ConfigError(
            f"Sync {sync.name!r}, side {side}: {spec.connection} is a {kind} connection, which has no {unknown[0]!r}.",
            code="SYN-122",
            remedy=f"It has {', '.join(known)}. Are a and b swapped?",
        )


def _kind_of(project: Project, connection: str) -> str:
    given = project.file.connections[connection]
    if "type" not in given:
        raise ConfigError(f"Connection {connection!r} needs a `type`.", code="SYN-141", remedy="salesforce or marketo.")
    return str(given["type"])


def connect(
    project: Project, name: str, settings: Mapping[str, str], clock: Clock, chance: Random
) -> tuple[Connector, HttpxTransport]:
    """The connector of one connection with its *settings* (every reference resolved), and the transport to close after
    it."""
    if settings.get("ca_file"):
        settings = {**settings, "ca_file": str(project.path.parent / settings["ca_file"])}
    transport = HttpxTransport(ca_file=settings.get("ca_file"))
    return connector_class(_kind_of(project, name))(settings, transport, clock, chance), transport


def _all_connected(
    project: Project, settings: Mapping[str, Mapping[str, str]], clock: Clock, chance: Random, stack: AsyncExitStack
) -> dict[str, Connector]:
    """The connectors of these connections, closed with *stack*."""
    connectors: dict[str, Connector] = {}
    faults: list[ConfigError] = []
    for name, given in settings.items():
        try:
            connectors[name], transport = connect(project, name, given, clock, chance)
        except ConfigError as fault:
            faults.append(fault)
            continue
        stack.push_async_callback(transport.aclose)
        stack.push_async_callback(connectors[name].aclose)
    if faults:
        raise at_once(faults)
    return connectors


def settings_of_all(project: Project, environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """By connection its settings, without the stored ones. ConfigError with every fault of every connection at once."""
    faults: list[ConfigError] = []
    out: dict[str, dict[str, str]] = {}
    for name, given in project.file.connections.items():
        try:
            out[name] = settings_of(name, given, manifest_of(_kind_of(project, name)), environ, project.path.parent)
        except ConfigError as fault:
            faults.append(fault)
    if faults:
        raise at_once(faults)
    return out


async def add_stored(
    project: Project, store: Store, settings: Mapping[str, dict[str, str]], environ: Mapping[str, str]
) -> None:
    """Put what the state keeps sealed into *settings*. No key is asked for where nothing is stored."""
    wanted = [
        (name, setting)
        for name in settings
        for setting in stored_settings(project.file.connections[name], manifest_of(_kind_of(project, name)))
    ]
    if wanted:
        for (name, setting), secret in (await open_secrets(store, keys_from(environ), wanted)).items():
            settings[name][setting] = secret


def secret_setting(project: Project, connection: str, setting: str) -> bool:
    """Whether the file says that this secret is stored. SYN-189: no such connection, or no secret setting of it."""
    given = project.file.connections.get(connection)
    if given is None:
        known = ", ".join(sorted(project.file.connections))
        raise ConfigError(f"There is no connection {connection!r}.", code="SYN-189", remedy=f"Known: {known}.")
    secret = [one.name for one in manifest_of(_kind_of(project, connection)).settings if one.is_secret]
    if setting not in secret:
        raise ConfigError(
            f"Connection {connection!r} has no secret setting {setting!r}.",
            code="SYN-189",
            remedy=f"Its secrets: {', '.join(secret)}.",
        )
    return given.get(setting) == STORED


def new_worker_id() -> str:
    """Names one start of a process as a worker; told to `open_world` and `worker_of` alike."""
    return f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"


def worker_of(project: Project, world: World, worker_id: str, *, stopping: asyncio.Event, tell: Told) -> Worker:
    """A worker on the project's state; it works once its `work` is awaited, until *stopping* is set.

    ConfigError SYN-159 for a state in memory: nothing would be left for the next start.
    """
    from syncline.runtime.durable import runtime_url  # DBOS takes a second to load: only workers wait for it
    from syncline.runtime.worker import Worker

    if not project.is_shared and project.store_url.endswith(":memory:"):
        raise ConfigError("Workers need a state that outlives them.", code="SYN-159")
    me = Me(
        worker_id=worker_id,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("syncline"),
    )
    keep = project.file.keep
    return Worker(
        world,
        me,
        url=runtime_url(project.store_url),
        door_path=None if project.is_shared else door_of(Path(project.store_url.removeprefix("sqlite:///"))),
        open_store=(lambda: open_store(project.store_url, world.clock)) if project.is_shared else None,
        retention=Retention(runs=keep.runs_days, parts=keep.units_days),
        stopping=stopping,
        tell=tell,
    )


def _share_budgets(
    project: Project, connectors: Mapping[str, Connector], store: Store, worker: str | None, *, may_write: bool
) -> None:
    """Let the connectors spend by the state. One process at a time writes a state in a file, all its lanes by the same
    connectors: it is alone."""
    is_alone = not may_write or project.store_url.startswith(("sqlite:", ":memory:"))
    holder = worker or secrets.token_hex(8)
    for name, connector in connectors.items():
        if isinstance(connector, Sharing):
            connector.share_budget(StoreLedger(store, name, may_write=may_write), holder, alone=is_alone)


@asynccontextmanager
async def open_world(
    project: Project,
    *,
    clock: Clock | None = None,
    chance: Random | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    read_only: bool = False,
    connected: bool = True,
    store: Store | None = None,
    environ: Mapping[str, str] = os.environ,
    worker: str | None = None,
) -> AsyncIterator[World]:
    """The world of a project: its state opened, its connectors built; closed again at the end.

    With *read_only* the state is opened beside a running process and nothing may be written. Not *connected*: no
    connector is built, and no secret is needed. *worker* is who calls the systems, one of several on this state: they
    share every connection's limits. None: nobody else does, or whoever does is no worker.
    """
    clock, chance = clock or SystemClock(), chance or SystemRandom()
    settings = settings_of_all(project, environ) if connected else {}  # before any state is made for a faulty file
    async with AsyncExitStack() as stack:
        if store is None:
            url = ":memory:" if read_only and await is_untouched(project.store_url) else project.store_url
            store = await open_store(url, clock, read_only=read_only and url == project.store_url)
            stack.push_async_callback(store.close)
            if not read_only and not project.is_shared:
                await close_cut_off(store)
        await add_stored(project, store, settings, environ)
        connectors = _all_connected(project, settings, clock, chance, stack)
        _share_budgets(project, connectors, store, worker, may_write=not read_only)
        yield World(
            store=store,
            connectors=connectors,
            clock=clock,
            random=chance,
            syncs=dict(project.syncs),
            evaluate=DuckEvaluator(),
            key=await store.installation_key(),
            report=report,
            score=score_of(project.syncs),
        )
