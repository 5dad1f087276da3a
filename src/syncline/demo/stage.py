"""The stage of the demo: both sandboxes, Syncline's world over them and their common clock.

Lives here: setting up, running and pushing as the command line would, and proving every run. Both chapters stand on it;
what is played, and who is there before, is the business of `play` and of `life`.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from syncline.demo.clock import DemoClock
from syncline.demo.ground import NOBODY, Ground, write_configuration
from syncline.demo.sandboxes import Sandboxes, running_sandboxes
from syncline.engine import readiness
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.laws import balances
from syncline.engine.push import push
from syncline.engine.world import Progress, World
from syncline.errors import OurBug
from syncline.spec.model import Sync
from syncline.trees import Table
from syncline.wiring import load_project, open_world

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""When the first copy begins, by every clock."""


@dataclass(kw_only=True)
class Stage:
    """Everything a demo plays with. `ground` is who was there before Syncline came; `runs` are all runs so far, pushes
    too; `balanced` whether their books balance."""

    world: World
    sync: Sync
    sandboxes: Sandboxes
    clock: DemoClock
    configuration: str
    ground: Ground = NOBODY
    runs: list[RunReport] = field(default_factory=list)
    balanced: bool = True

    async def cycle(self) -> RunReport:
        """One run, as every run meets both systems anew."""
        self.world = replace(self.world, schemas={}, actors={})
        return await self._kept(await run_cycle(self.world, self.sync))

    async def push(self, who: str) -> RunReport:
        self.world = replace(self.world, schemas={}, actors={})
        return await self._kept(await push(self.world, self.sync, who))

    async def backlog(self) -> int:
        return await self.world.store.count(Table.DIRTY, {"sync": self.sync.name})

    async def _kept(self, report: RunReport) -> RunReport:
        laws = await balances(self.world.store, self.sync.name, report.run_id)
        self.balanced = self.balanced and all(law.is_balanced for law in laws)
        self.runs.append(report)
        return report


@asynccontextmanager
async def open_stage(seed: int, report: Callable[[Progress], None]) -> AsyncIterator[Stage]:
    """Both systems running and empty, Syncline connected to them; everything gone at the end.

    Raises ConfigError SYN-180, SYN-182: the sandboxes are not installed or do not start.
    """
    with tempfile.TemporaryDirectory(prefix="syncline-demo-") as name:
        folder = Path(name)
        with running_sandboxes(folder, seed) as sandboxes:
            clock = DemoClock(MORNING, sandboxes.both())
            path, secrets = write_configuration(folder, sandboxes)
            project = load_project(path)
            async with open_world(project, clock=clock, environ=secrets, report=report) as world:
                sync = project.syncs["people"]
                await _make_fields(world, sync)
                configuration = path.read_text(encoding="utf-8")
                yield Stage(world=world, sync=sync, sandboxes=sandboxes, clock=clock, configuration=configuration)


async def _make_fields(world: World, sync: Sync) -> None:
    """What `init --create-fields` does, then `check`."""
    await readiness.create_fields(world, await readiness.check(world, sync))
    world.schemas.clear()
    found = await readiness.check(world, sync)
    if not found.is_ready:
        raise OurBug(f"The demo's systems are not ready: {[problem.message for problem in found.problems]}")
