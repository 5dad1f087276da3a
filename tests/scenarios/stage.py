"""The stage of a scenario: an org, an instance, an administrator's client of each, and Syncline between them.

Lives here: setting up, letting time pass, starting Syncline and asking it. Not here: what a scenario says, or the
administrators' calls (`clients`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from syncline.engine import inbox
from syncline.engine.background import run_background
from syncline.engine.cycle import RunReport
from syncline.engine.explain import Explanation, explain, find_subjects
from syncline.engine.observe import meet
from syncline.engine.push import push
from syncline.engine.readiness import check, create_fields
from syncline.engine.verify import VerifyReport, verify
from syncline.engine.world import World
from syncline.spec.model import Sync
from syncline.wiring import load_project, open_world
from syncline_sandbox.core.clock import SandboxClock
from tests.scenarios.clients import Instance, Org
from tests.support.virtual import SeededRandom

T = TypeVar("T")
W = TypeVar("W")

CYCLE_SECONDS = 300.0
ENVIRON = {"SCENARIO_SECRET": "sandbox-secret"}


class StageClock:
    """Implements `ports.Clock` by the clock both sandboxes share: sleeping moves it."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


@dataclass(frozen=True, kw_only=True)
class Served:
    """The two sandboxes of the session, each behind a port, telling one time."""

    clock: SandboxClock
    org_url: str
    instance_url: str


class Stage:
    """One scenario's world: fresh data on both sides, and Syncline with a fresh state and the given preset."""

    def __init__(self, served: Served, folder: Path, preset: str, **sync: object) -> None:
        self.preset = preset
        self.org, self.instance = Org(served.org_url), Instance(served.instance_url)
        self._clock, self._served, self._folder = served.clock, served, folder
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._settings = sync

    def set_up(self) -> Stage:
        """Empty both systems, log in, start Syncline and make its custom fields."""
        self.org.control("reset")
        self.instance.control("reset")
        self.org.log_in()
        self.instance.log_in()
        self.instance.control("settings", {"enforce_limits": False})
        self.world, self.sync = self._start(self._settings)
        self._wait(self._make_fields())
        return self

    # -- Syncline ----------------------------------------------------------------------------------------------------

    def cycle(self, *, sweep: bool = False) -> RunReport:
        """Let one pause pass, then run as the background does; the run must be balanced and finished.

        AssertionError if the sync is disabled: use `background` there.
        """
        report = self.background(sweep=sweep)
        assert report is not None, "the sync is disabled"
        assert report.is_green, (report.stopped, report.unknown, [b for b in report.balances if not b.is_balanced])
        return report

    def background(self, *, sweep: bool = False) -> RunReport | None:
        """Let one pause pass and run as `syncline run` does; None if the sync is disabled."""
        self.wait(CYCLE_SECONDS)
        self._new_look()
        return self._wait(run_background(self.world, self.sync, sweep=sweep))

    def push(self, record: str | int) -> RunReport:
        """The explicit sync of one record, half a minute after what was done last: Marketo's reads may lag behind."""
        self.wait(30)
        self._new_look()
        return self._wait(push(self.world, self.sync, str(record)))

    def act(self, action: Callable[[World, Sync, W], Coroutine[Any, Any, T]], wanted: W) -> T:
        """An action on one person, as its command does it; half a minute after what was done last."""
        self.wait(30)
        self._new_look()
        return self._wait(action(self.world, self.sync, wanted))

    def wait(self, seconds: float) -> None:
        """Let time pass on both sides."""
        self._clock.advance(seconds)
        self.instance.renew()

    def enable(self, enabled: bool) -> None:
        self._wait(inbox.set_enabled(self.world.store, self.sync.name, enabled))

    def errors(self) -> list[dict[str, Any]]:
        """What `syncline errors` lists."""
        return list(self._wait(inbox.errors(self.world.store, self.sync.name)).iter_rows(named=True))

    def retry(self) -> int:
        """What `syncline retry` does: let everything refused be tried again in the next run."""
        return self._wait(inbox.retry(self.world, self.sync, None))

    def warnings(self) -> set[tuple[str, str]]:
        """Code and subject of everything `syncline check` finds."""
        readiness = self._wait(check(self.world, self.sync))
        return {(problem.code, problem.subject) for problem in readiness.problems}

    def verified(self) -> VerifyReport:
        """What `syncline verify` tells."""
        return self._wait(verify(self.world, self.sync))

    def explain(self, record: str | int) -> Explanation:
        """What `syncline explain` tells of one record."""
        return self._wait(self._explained(str(record)))

    def restart(self, **sync: object) -> None:
        """Stop Syncline and start it again on the same state with another configuration of the sync."""
        self._wait(self._open.aclose())
        self._open = AsyncExitStack()
        self.world, self.sync = self._start(sync)

    def close(self) -> None:
        self._wait(self._open.aclose())
        self._runner.close()
        self.org.close()
        self.instance.close()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _start(self, sync: Mapping[str, object]) -> tuple[World, Sync]:
        path = self._folder / "syncline.yaml"
        path.write_text(yaml.safe_dump(self._configuration(sync)), encoding="utf-8")
        project = load_project(path)
        opening = open_world(project, clock=StageClock(self._clock), chance=SeededRandom(), environ=ENVIRON)
        world = self._wait(self._open.enter_async_context(opening))
        return world, project.syncs["people"]

    def _configuration(self, sync: Mapping[str, object]) -> dict[str, object]:
        login = {"client_id": "sandbox-client", "client_secret": "env:SCENARIO_SECRET"}
        since = self._clock.now().date().isoformat()
        return {
            "state": f"sqlite:///{self._folder / 'state.db'}",
            "connections": {
                "crm": {"type": "salesforce", "url": self._served.org_url, **login},
                "marketing": {
                    "type": "marketo",
                    "url": self._served.instance_url,
                    "created_since": since,
                    **login,
                },
            },
            "syncs": {"people": {"a": "crm", "b": "marketing", "preset": self.preset, **sync}},
        }

    def _new_look(self) -> None:
        """What a new run begins with: nothing is taken over from the last one but the state."""
        self.world.schemas.clear()
        self.world.actors.clear()

    async def _make_fields(self) -> None:
        problems = await create_fields(self.world, await check(self.world, self.sync))
        assert not problems, problems

    async def _explained(self, record: str) -> Explanation:
        sync = await meet(self.world, self.sync)
        (subject,) = await find_subjects(self.world, sync, record)
        return await explain(self.world, sync, subject)


def linked_lead(stage: Stage, **values: object) -> tuple[str, int]:
    """A lead that a cycle has made a person of; both ids."""
    lead = stage.org.create(
        "Lead", FirstName="Ada", LastName="Byron", Company="Analytical", Email="ada@example.com", **values
    )
    stage.cycle()
    return lead, _person(stage, "ada@example.com")


def linked_contact(stage: Stage, **values: object) -> tuple[str, int]:
    """A contact that a cycle has made a person of; both ids."""
    account = stage.org.create("Account", Name="Colliers")
    contact = stage.org.create(
        "Contact", FirstName="Cal", LastName="Dunn", AccountId=account, Email="cal@example.com", **values
    )
    stage.cycle()
    return contact, _person(stage, "cal@example.com")


def _person(stage: Stage, email: str) -> int:
    (person,) = stage.instance.people(email)
    return int(person["id"])
