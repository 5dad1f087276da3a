"""Commands about when a sync runs: schedule, pause, resume."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from syncline.cli.beside import asked
from syncline.cli.output import console, print_json
from syncline.cli.screens.work import schedule_screen
from syncline.cli.session import DEFAULTS, OK, Options, chosen_sync, perform, session
from syncline.engine.world import World
from syncline.runtime import schedules
from syncline.spec.model import Sync
from syncline.spec.occurrences import next_few
from syncline.spec.schedule import Continuous, Grid, Once, Schedule
from syncline.wiring import load_project, open_world


def schedule(*, options: Options = DEFAULTS) -> int:
    """Show when the syncs run: the schedule in words, and the next five occurrences in its zone and in UTC."""

    async def command() -> int:
        project = load_project(options.config)
        chosen = [chosen_sync(project, options.sync)] if options.sync else list(project.syncs.values())
        async with open_world(project, read_only=True, connected=False) as world:
            found = [await _told(world, sync) for sync in chosen]
        if options.json:
            print_json(found)
        else:
            for one in found:
                schedule_screen(console(), one)
        return OK

    return perform(options, command)


async def _told(world: World, sync: Sync) -> dict[str, Any]:
    standing = await schedules.standing_of(world.store, sync)
    state = None
    if standing is not None:
        state = "paused" if standing.paused_at else "completed" if standing.is_completed else "active"
    return {
        "sync": sync.name,
        "rule": in_words(sync.schedule),
        "zone": sync.schedule.zone,
        "state": state,
        "paused_us": None
        if standing is None or standing.paused_at is None
        else int(standing.paused_at.timestamp() * 1e6),
        "next": [asdict(one) for one in next_few(sync.schedule, world.clock.now())],
    }


def in_words(schedule: Schedule) -> str:
    """A schedule as a person would say it."""
    rule = schedule.rule
    if isinstance(rule, Continuous):
        return f"again and again, {rule.pause_seconds:g} s after the end of each run"
    if isinstance(rule, Once):
        return "once, as soon as a worker sees it" if rule.at is None else f"once, {rule.at} ({schedule.zone})"
    assert isinstance(rule, Grid)
    every = rule.unit.value if rule.count == 1 else f"{rule.count} {rule.unit.value}s"
    until = "" if rule.end is None else f" until {rule.end}"
    return f"every {every} from {rule.start}{until} ({schedule.zone})"


def pause(*, options: Options = DEFAULTS) -> int:
    """Let no new run of the sync begin by its schedule; one under way ends by itself. Push still works."""
    return _turn(options, pausing=True)


def resume(*, options: Options = DEFAULTS) -> int:
    """Go on with the sync's schedule at its next occurrence, without making up for those that passed."""
    return _turn(options, pausing=False)


def _turn(options: Options, *, pausing: bool) -> int:
    async def command() -> int:
        name = chosen_sync(load_project(options.config), options.sync).name
        told = await asked(options, "pause" if pausing else "resume")
        if told is not None:
            changed = bool(told["changed"])
        else:
            async with session(options, connected=False) as (world, sync):
                act = schedules.pause if pausing else schedules.resume
                changed = await act(world.store, sync, f"command-{os.getpid()}")
        state = "paused" if pausing else "going on"
        if options.json:
            print_json({"sync": name, "state": state, "changed": changed})
        else:
            console().print(f"The sync {name!r} is {state}{'' if changed else ' already'}.")
        return OK

    return perform(options, command)
