"""What every command shares: options, exit codes, opening the world, progress, errors in words.

Exit codes (same list as docs/reference/exit-codes.md):

    0   done, and everything is as it should be
    1   done, but something waits for a person or differs (held, dead, unknown, unexplained)
    2   the command line was not understood
    3   the configuration is wrong                      SYN-1xx
    4   access was refused or is missing                SYN-2xx
    5   a system cannot be reached or is at its limit   SYN-3xx, SYN-4xx
    6   the state cannot be used                        SYN-7xx
    7   a system answered what we do not understand     SYN-5xx
    8   stopped for safety                              SYN-6xx
    70  our bug                                         SYN-9xx
    130 interrupted
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from syncline.engine.world import Progress, World
from syncline.errors import ConfigError, SynclineError
from syncline.spec.model import Sync
from syncline.wiring import DEFAULT_FILE, Project, load_project, open_world

OK, NOT_GREEN, INTERRUPTED = 0, 1, 130
_EXIT = {"1": 3, "2": 4, "3": 5, "4": 5, "5": 7, "6": 8, "7": 6, "9": 70}


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Options every command takes."""

    config: Annotated[Path, Parameter(alias="-c", help="The configuration file.")] = DEFAULT_FILE
    sync: Annotated[str | None, Parameter(alias="-s", help="The sync; needed only if the file has several.")] = None
    json: Annotated[bool, Parameter(negative=(), help="Print one JSON object instead of text.")] = False


DEFAULTS = Options()


def console() -> Console:
    return Console(highlight=False)


def exit_code(error: SynclineError) -> int:
    """The exit code of an error, by the hundreds of its stable code."""
    return _EXIT.get(error.code.removeprefix("SYN-")[:1], 70)


def perform(options: Options, command: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a command's coroutine; errors become words (or JSON) and an exit code."""
    try:
        return asyncio.run(command())
    except SynclineError as error:
        show_error(options, error)
        return exit_code(error)
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted. What was sent is journalled; the next run continues from it.")
        return INTERRUPTED


def show_error(options: Options, error: SynclineError) -> None:
    """What happened, to what, and what to do; the code beside it."""
    if options.json:
        shown = {"code": error.code, "message": error.message, "remedy": error.remedy, "evidence": error.evidence}
        print_json({"error": shown})
        return
    out = Console(stderr=True, highlight=False, soft_wrap=True)
    out.print(f"[bold red]{error.code}[/] ", end="")
    out.print(error.message, markup=False)
    if error.remedy:
        out.print("→ " + error.remedy, markup=False)


def print_json(value: object) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def chosen_sync(project: Project, name: str | None) -> Sync:
    """The sync that was named, or the only one there is; ConfigError SYN-151 otherwise."""
    if name is None and len(project.syncs) == 1:
        return next(iter(project.syncs.values()))
    if name is None or name not in project.syncs:
        known = ", ".join(sorted(project.syncs))
        what = f"There is no sync {name!r}." if name else "The file has several syncs."
        raise ConfigError(what, code="SYN-151", remedy=f"Name one with --sync: {known}.")
    return project.syncs[name]


@asynccontextmanager
async def session(options: Options, *, read_only: bool = False) -> AsyncIterator[tuple[World, Sync]]:
    """The world and the chosen sync, with progress bars where somebody watches."""
    project = load_project(options.config)
    sync = chosen_sync(project, options.sync)
    with Watching(options) as report:
        async with open_world(project, report=report, read_only=read_only) as world:
            yield world, sync


class Watching:
    """A context manager whose value shows `Progress` as bars on a terminal, and nothing elsewhere."""

    def __init__(self, options: Options) -> None:
        out = Console(stderr=True)
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

    def __enter__(self) -> Callable[[Progress], None]:
        if self._bars is not None:
            self._bars.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def _show(self, step: Progress) -> None:
        if self._bars is None:
            return
        key = (step.phase, step.subject)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(f"{step.phase} {step.subject}", total=step.total)
        self._bars.update(self._tasks[key], completed=step.done, total=step.total)
