"""What every command shares: options, exit codes, opening the world, progress.

Exit codes (docs/reference/exit-codes.md is made from `EXIT_CODES`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from syncline import wiring
from syncline.cli.output import as_bug, console, show_error
from syncline.cli.stopping import Stop
from syncline.cli.waiting import ToldClock
from syncline.engine.world import READING, Progress, World
from syncline.errors import ConfigError, StopRequested, SynclineError
from syncline.logs import about, get_log, start_logging
from syncline.records import SIDES
from syncline.runtime.commands import as_command
from syncline.spec.model import Sync
from syncline.wiring import DEFAULT_FILE, Project, load_project, open_world

OK, NOT_GREEN, NOT_UNDERSTOOD_LINE = 0, 1, 2

EXIT_CODES: Mapping[int, tuple[str, str]] = {
    0: ("", "Done, and everything is as it should be. Also: `run --every` ended by SIGTERM."),
    1: ("", "Done, but something waits for a person or differs: held, dead, unknown, unexplained, not ready."),
    2: (
        "SYN-15x, SYN-167, SYN-168, SYN-188 to SYN-190",
        "The command line was not understood, or names a sync, record, hold, run or pause that is not there.",
    ),
    3: ("SYN-1xx", "The configuration is wrong; nothing was started."),
    4: (
        "SYN-2xx",
        "Access was refused or a right is missing. So says `check` too, of a login; a right it misses is a 1.",
    ),
    5: (
        "SYN-3xx, SYN-4xx",
        "A system cannot be reached, is busy or at its limit: run again later. `check` says so too.",
    ),
    6: ("SYN-7xx", "The state cannot be used: damaged, held by another process, disk full."),
    7: ("SYN-5xx", "A system answered what we do not understand; nothing more was sent."),
    8: ("SYN-6xx", "Stopped for safety."),
    70: ("SYN-9xx", "A bug of ours."),
    130: ("", "Interrupted (Ctrl-C). A second Ctrl-C does not wait for the present batch."),
    129: ("", "Ended by SIGHUP: the terminal was closed."),
    143: ("", "Ended by SIGTERM, outside `run --every`."),
}
_BY_PREFIX = {
    "15": 2,
    "167": 2,
    "168": 2,
    "188": 2,
    "189": 2,
    "190": 2,
    "1": 3,
    "2": 4,
    "3": 5,
    "4": 5,
    "5": 7,
    "6": 8,
    "7": 6,
    "9": 70,
}


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Options every command takes."""

    config: Annotated[Path, Parameter(alias="-c", help="The configuration file.")] = DEFAULT_FILE
    sync: Annotated[str | None, Parameter(alias="-s", help="The sync; needed only if the file has several.")] = None
    json: Annotated[bool, Parameter(negative=(), show_default=False, help="Print JSON instead of text.")] = False


DEFAULTS = Options()


def exit_code(error: SynclineError) -> int:
    """The exit code of an error, by the longest prefix of its stable code."""
    digits = error.code.removeprefix("SYN-")
    return next((_BY_PREFIX[digits[:n]] for n in (3, 2, 1) if digits[:n] in _BY_PREFIX), 70)


def perform(options: Options, command: Callable[[], Coroutine[Any, Any, int]], stop: Stop | None = None) -> int:
    """Run a command's coroutine; errors become words (or JSON) and an exit code, and never a traceback."""
    stop = stop or Stop()

    async def listened() -> int:
        with stop.listening():
            return await command()

    try:
        start_logging(os.environ)
        return asyncio.run(listened())
    except SynclineError as error:
        get_log("cli").error("a command failed", **about(error))
        show_error(error, as_json=options.json)
        return exit_code(error)
    except (KeyboardInterrupt, asyncio.CancelledError, StopRequested):
        console(stderr=True).print("Stopped. What was sent is journalled; the next run continues from it.")
        return stop.exit_code
    except Exception as error:  # noqa: BLE001  (the last line: a person is told, with the code of a bug)
        get_log("cli").error("a command failed by a bug", exc_info=error)
        bug = as_bug(error)
        show_error(bug, as_json=options.json)
        return exit_code(bug)


def chosen_sync(project: Project, name: str | None) -> Sync:
    """The sync that was named, or the only one there is; ConfigError SYN-151 otherwise."""
    if name is None and len(project.syncs) == 1:
        return next(iter(project.syncs.values()))
    if name is None or name not in project.syncs:
        known = ", ".join(sorted(project.syncs))
        what = f"There is no sync {name!r}." if name else "The file has several syncs."
        raise ConfigError(what, code="SYN-151", remedy=f"Name one with --sync: {known}.")
    return project.syncs[name]


def names_of(sync: Sync) -> dict[str, str]:
    """What a person calls the two sides: their connections."""
    return {side: sync.side(side).connection for side in SIDES}


@asynccontextmanager
async def preview(options: Options) -> AsyncIterator[tuple[World, Sync]]:
    """As `session`, on a copy of the state that is thrown away: nothing is written anywhere, and it works beside a
    running process."""
    async with session(options, read_only=True) as (world, sync):
        scratch = await world.store.copy()
        try:
            yield replace(world, store=scratch), sync
        finally:
            await scratch.close()


@asynccontextmanager
async def session(
    options: Options, *, read_only: bool = False, connected: bool = True, stop: Stop | None = None
) -> AsyncIterator[tuple[World, Sync]]:
    """The world and the chosen sync, with progress bars where somebody watches. Each step that is reported is a safe
    point to stop at. Commands about our own state alone are not *connected*: they need no secret."""
    project = load_project(options.config)
    sync = chosen_sync(project, options.sync)
    watching = Watching(options, stop)
    clock = ToldClock(wiring.SystemClock(), watching.waits)
    with watching as report:
        async with open_world(project, clock=clock, report=report, read_only=read_only, connected=connected) as world:
            if read_only or not project.is_shared:
                yield world, sync
                return
            async with as_command(world) as own:
                yield own, sync


class Watching:
    """A context manager whose value shows `Progress` as bars on a terminal, and nothing elsewhere."""

    def __init__(self, options: Options, stop: Stop | None) -> None:
        out = console(stderr=True)
        self._stop = stop
        self._bars = (
            Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=out,
                transient=True,
            )
            if out.is_terminal and not options.json
            else None
        )
        self._tasks: dict[tuple[str, str], Any] = {}
        self._wait: Any = None
        self._waits = 0

    def __enter__(self) -> Callable[[Progress], None]:
        if self._bars is not None:
            self._bars.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
        if self._stop is not None:
            self._stop.is_only_reading = False

    def waits(self, seconds: float | None) -> None:
        """A wait of *seconds* begins; None: one is over. The line stands while there is any."""
        self._waits += -1 if seconds is None else 1
        if self._bars is None:
            return
        if seconds is not None and self._wait is None:
            words = f"waits {seconds:.0f} s: a system is busy, at its limit or not done yet"
            self._wait = self._bars.add_task(words, total=None)
        elif not self._waits and self._wait is not None:
            self._bars.remove_task(self._wait)
            self._wait = None

    def _show(self, step: Progress) -> None:
        if self._bars is not None:
            key = (step.phase, step.subject)
            if key not in self._tasks:
                self._tasks[key] = self._bars.add_task(f"{step.phase} {step.subject}", total=step.total)
            self._bars.update(self._tasks[key], completed=step.done, total=step.total)
        if self._stop is not None:
            self._stop.is_only_reading = step.phase == READING
            self._stop.check()
