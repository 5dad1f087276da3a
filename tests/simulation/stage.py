"""A history's stage: the ground, the true chronicle, everybody's luck and the story of what happened.

Lives here: what people and processes stand on, and starting a process over the disk. Not here: what people do
(`deeds`), what workers do (`workers`), what fails (`troubles`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from syncline import records
from syncline.connectors.marketo import MarketoConnector
from syncline.connectors.salesforce import SalesforceConnector
from syncline.engine.cycle import RunReport
from syncline.engine.world import World
from syncline.ports import Connector, HttpRequest
from syncline.records import Side
from syncline.spec.evaluate import DuckEvaluator
from syncline.spec.model import Sync
from syncline_sandbox.core.wire import Core, Response
from tests.simulation.chronicle import US, Chronicle, Row
from tests.simulation.ground import Ground
from tests.simulation.leases import Leases
from tests.simulation.ports import Line, Process, ProcessClock, ProcessStore, SimulatedTransport
from tests.simulation.pushed_bus import STRAGGLES, SimulatedBus
from tests.simulation.sending import Sending
from tests.simulation.variant import Variant
from tests.simulation.watching import Watch, WatchedConnector

SECRET = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
CRM = {"url": "http://org.test", **SECRET}
MARKETING = {"url": "http://marketo.test/rest", **SECRET}
SIDE_OF = {"crm": "a", "marketing": "b"}
EVALUATE = DuckEvaluator()


class Chance:
    """Implements `ports.Random` by a history's luck."""

    def __init__(self, luck: Random) -> None:
        self._luck = luck

    def uniform(self, low: float, high: float) -> float:
        return self._luck.uniform(low, high)

    def token(self, size_bytes: int) -> str:
        return self._luck.randbytes(size_bytes).hex()


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Somebody pushed a record by hand."""

    side: Side
    record_id: str
    at_us: int


@dataclass(frozen=True, kw_only=True)
class Return:
    """*gone* ended, *left* was alone in its link, and the same person was entered anew: *come*."""

    gone: Row
    left: Row
    come: Row


@dataclass(kw_only=True)
class Unseen:
    """A side on which nothing was to be seen from *since_us* until *until_us*; None: until now."""

    side: Side
    since_us: int
    until_us: int | None = None


@dataclass(kw_only=True)
class Stage:
    """Everything a history plays with. `shown`: value of a cell -> when something last showed it to us for good."""

    seed: int
    variant: Variant
    ground: Ground
    sync: Sync
    key: bytes
    luck: Random
    chronicle: Chronicle
    lines: dict[Side, Line] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    reports: list[RunReport] = field(default_factory=list)
    pushes: list[Pushed] = field(default_factory=list)
    approved_us: list[int] = field(default_factory=list)  # when somebody let through what a ceiling held
    undone: list[int] = field(default_factory=list)  # when somebody had something undone
    returns: list[Return] = field(default_factory=list)  # who came back after he was deleted
    yeses: list[tuple[Row, ...]] = field(default_factory=list)  # records of whom somebody's yes was the last word
    unseen: list[Unseen] = field(default_factory=list)  # when a side showed no rows
    shown: dict[tuple[Side, str, str, str], int] = field(default_factory=dict)
    based_us: dict[tuple[int, str], int] = field(default_factory=dict)  # link, mapping -> since when it has bases
    writes_sent: int = 0
    values_made: int = 0
    deaths: int = 0
    window_losses: int = 0
    excused: set[str] = field(default_factory=set)  # kinds of marks that may explain a difference in this history
    complaints: list[str] = field(default_factory=list)  # laws broken while it went on
    leases: Leases = field(init=False)
    sending: Sending = field(init=False)
    ended: bool = False  # people have stopped; everything rests
    _awaited: set[tuple[Side, int]] = field(default_factory=set)  # when something is due in a system

    def __post_init__(self) -> None:
        self.leases = Leases(ground=self.ground, complaints=self.complaints)
        self.sending = Sending(chronicle=self.chronicle, complaints=self.complaints)

    @staticmethod
    def over(ground: Ground, seed: int, variant: Variant, sync: Sync, key: bytes) -> Stage:
        chronicle = Chronicle(org=ground.org, instance=ground.instance, object_types=("Lead", "Contact"))
        stage = Stage(
            seed=seed,
            variant=variant,
            ground=ground,
            sync=sync,
            key=key,
            luck=Random(f"{seed}/stage"),
            chronicle=chronicle,
        )
        cores: dict[Side, Core] = {"a": ground.org, "b": ground.instance}
        for side, core in cores.items():
            stage.lines[side] = Line(core=core, luck=Random(f"{seed}/line {side}"), after=partial(stage.arrived, side))
        for side in records.SIDES:
            for row in chronicle.look(side, "before", 0):
                stage.recognise(row)
        return stage

    def now_us(self) -> int:
        return self.ground.time.now_us()

    def tell(self, text: str) -> None:
        self.story.append(f"{self.ground.time.now():%H:%M:%S.%f} {text}")

    def fresh(self, key: str) -> str:
        """A value of the field that nobody used before."""
        self.values_made += 1
        forms = {"phone": f"+1 555 01{self.values_made:05d}", "email": f"new{self.values_made}@x.example"}
        return forms.get(key, f"{key} {self.values_made}")

    # -- what happens in the systems ---------------------------------------------------------------------------------

    def arrived(self, side: Side, request: HttpRequest, answer: Response) -> None:
        """A request of ours reached a system and did there what it did."""
        if side == "b" and "/merge" in request.url:
            path, _, query = request.url.partition("?")
            self.chronicle.merged(path, request.body, query + "&" + request.body.decode(errors="replace"))
        if request.method != "GET" or side == "b":
            self.look(side, US)
        self._happen_in_time(side)

    def _happen_in_time(self, side: Side) -> None:
        """What is put off in a system happens when it is due, and not only when somebody asks for something next."""
        now = self.ground.time.now()
        if side == "a":
            seconds = [(late.due_at - now).total_seconds() for late in self.ground.org._request_faults._late]
        else:
            seconds = [at - now.timestamp() for at, _ in self.ground.instance._later]
        for wait in seconds:
            at_us = self.now_us() + int(wait * 1e6)
            if (side, at_us) not in self._awaited:
                self._awaited.add((side, at_us))
                asyncio.get_running_loop().call_later(max(0.0, wait), self.catch_up, side)

    def look(self, side: Side, actor: str) -> list[Row]:
        rows = self.chronicle.look(side, actor, self.now_us())
        for row in rows:
            if len(row.versions) == 1:
                self.recognise(row)
                if actor == US:
                    self.tell(f"  we create {side} {row.record_id}: {_told(row)}")
            elif actor == US:
                self.tell(f"  we change {side} {row.record_id}: {_changes(row)}")
        return rows

    def catch_up(self, side: Side) -> None:
        """What was due in a system by now happens, as ours or a flow's."""
        (self.ground.ask_org if side == "a" else self.ground.ask_instance)("GET", "clock")
        if side == "a":
            self.ground.org._request_faults._apply_due()
        self.look(side, US)

    def recognise(self, row: Row) -> None:
        """Tell who a record is: by our key, which names whom it was made for, else by the e-mail it began with."""
        if row.person is not None:
            return
        for far_side in records.SIDES:
            for far in self.chronicle.rows[far_side].values():
                if far.person is not None and f".{far.record_id}".lower() in row.now.cells["key"].lower():
                    row.person = far.person
                    return
        email = row.now.cells["email"]
        if email.startswith("p") and email.partition("@")[0][1:].isdigit():
            row.person = int(email.partition("@")[0][1:])

    def crm(self) -> dict[str, str]:
        """The org's settings; a stream is opened only where an endpoint is named."""
        return {**CRM, "stream_endpoint": "https://stream.test"} if self.variant.has_streams else CRM

    # -- our processes -----------------------------------------------------------------------------------------------

    def start(self, name: str) -> tuple[Process, World]:
        """A new process over the disk, and the world it works with."""
        number = len(self.processes)
        process = Process(
            name=f"{name}#{number}",
            time=self.ground.time,
            luck=Random(f"{self.seed}/process {number}"),
            section=self.ground.section,
        )
        if self.variant.skew_seconds:
            most = self.variant.skew_seconds
            process.skew_seconds = Random(f"{self.seed}/skew {number}").uniform(-most, most)
        self.processes.append(process)
        watch = Watch(stage=self, process=process)
        clock, chance = ProcessClock(process), Chance(Random(f"{self.seed}/chance {number}"))
        made: dict[str, Any] = {
            "crm": SalesforceConnector(self.crm(), SimulatedTransport(process, self.lines["a"]), clock, chance),
            "marketing": MarketoConnector(MARKETING, SimulatedTransport(process, self.lines["b"]), clock, chance),
        }
        if self.variant.has_streams:
            made["crm"]._streams._bus = SimulatedBus(
                self.ground.org, process, straggles=STRAGGLES in self.variant.crossings
            )
        watched: dict[str, Any] = {name: WatchedConnector(one, SIDE_OF[name], watch) for name, one in made.items()}
        connectors: dict[str, Connector] = watched
        store: Any = ProcessStore(self.ground.store(), process, watch, self.leases)
        world = World(
            store=store,
            connectors=connectors,
            clock=clock,
            random=chance,
            syncs={self.sync.name: self.sync},
            evaluate=EVALUATE,
            key=self.key,
        )
        return process, world


def _told(row: Row) -> dict[str, str]:
    return {key: value for key, value in row.now.cells.items() if value not in ("", "false")}


def _changes(row: Row) -> str:
    old, new = row.versions[-2], row.versions[-1]
    cells = {key: value for key, value in new.cells.items() if value != old.cells[key]}
    ends = " deleted" * (new.is_deleted and not old.is_deleted) + f" ended in {new.heir}" * (new.heir != old.heir)
    return f"{cells}{ends}"
