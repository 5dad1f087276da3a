"""DBOS Transact, behind one door: launching it, its queues, its two workflows, what is cancelled and what is dropped.

Lives here: everything that imports `dbos`. DBOS decides when something runs, that it runs once, and by whom; a workflow
carries no record and no state of ours, only names: it continues from what the store says. Its executor id is the
worker's, new at every start of a process, so it never recovers anything by itself; what a dead worker held is cancelled
here and asked for anew under the next number. Not here: what a run or a unit does (`conduct`).
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import error as dbos_error

from syncline.errors import StateError
from syncline.ports import Lane

APPLICATION = "syncline"
WORKFLOWS_VERSION = "1"
"""Raised only when workflows under way could not go on under the new code: work of another version is not taken up."""

SCHEMA = "syncline_runtime"
POLL_SECONDS = 0.2
RUN_QUEUE = "runs"
# How many units one worker does at once, by lane: each lane has places of its own, so none waits behind another's.
PLACES: dict[Lane, int] = {Lane.LIVE: 4, Lane.BULK: 2, Lane.AUDIT: 1}
MOST_RUNS = 32
CANCELLED = "cancelled"
_Result = TypeVar("_Result")
_BATCH = 500


class Crew(Protocol):
    """Who does what the workflows ask for. Both return a word for what came of it and raise nothing."""

    async def conduct(self, run_id: str, attempt: int) -> str: ...

    async def do_unit(self, order: dict[str, Any]) -> dict[str, Any]: ...


@dataclass
class _Present:
    crew: Crew | None = None


_present = _Present()  # DBOS has one instance in a process


@DBOS.workflow(name="syncline.run")
async def _run(run_id: str, attempt: int) -> str:
    assert _present.crew is not None
    return await _aside(_present.crew.conduct(run_id, attempt))


@DBOS.workflow(name="syncline.unit")
async def _unit(order: dict[str, Any]) -> dict[str, Any]:
    assert _present.crew is not None
    return await _aside(_present.crew.do_unit(order))


async def _aside(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do the work outside of the workflow's context: what it asks DBOS for is no step of this workflow, which is never
    replayed."""
    return await asyncio.get_running_loop().create_task(work, context=Context())


def runtime_url(state_url: str) -> str:
    """Where DBOS keeps its rows: a file beside the state's, or the same PostgreSQL database in a schema of its own."""
    prefix = "sqlite:///"
    return f"{state_url}.runtime" if state_url.startswith(prefix) else state_url


def launch(url: str, worker_id: str, crew: Crew) -> None:
    """Start DBOS in this process; to be called inside the event loop on which *crew* works.

    Raises StateError: SYN-711 SQLite is too old for DBOS on this Python, SYN-712 its database cannot be used.
    """
    config = DBOSConfig(
        name=APPLICATION,
        system_database_url=url,
        application_version=WORKFLOWS_VERSION,
        executor_id=worker_id,
        dbos_system_schema=SCHEMA,
        log_level="CRITICAL",  # what fails comes back to us, and is told in our words
        enable_otlp=False,
        notification_listener_polling_interval_sec=POLL_SECONDS,
    )
    if url.startswith("sqlite"):
        engine_kwargs = _sqlite_module()
        _prepare(Path(url.removeprefix("sqlite:///")))
        if engine_kwargs is not None:
            config["db_engine_kwargs"] = {"module": engine_kwargs}
    _present.crew = crew
    try:
        DBOS(config=config)
        DBOS.launch()
    except Exception as error:
        DBOS.destroy()
        raise StateError(
            f"The runtime's own database cannot be used ({type(error).__name__}).", code="SYN-712"
        ) from error


async def open_queues() -> None:
    """Make the queues known: runs, and one for the units of each lane but urgent, which waits in no queue."""
    await DBOS.register_queue_async(RUN_QUEUE, worker_concurrency=MOST_RUNS, polling_interval_sec=POLL_SECONDS)
    for lane, places in PLACES.items():
        await DBOS.register_queue_async(lane.value, worker_concurrency=places, polling_interval_sec=POLL_SECONDS)


async def ask_for_run(run_id: str, attempt: int) -> None:
    """Have somebody conduct the run; asked twice under one number, it is conducted once."""
    with _reaching(), SetWorkflowID(f"{run_id}.{attempt}"):
        await DBOS.enqueue_workflow_async(RUN_QUEUE, _run, run_id, attempt)


async def have_unit_done(lane: Lane, name: str, order: dict[str, Any]) -> dict[str, Any]:
    """Have somebody do a unit, and wait for what came of it; `{"came": CANCELLED}` if its worker was lost."""
    with _reaching(), SetWorkflowID(name):
        handle = await DBOS.enqueue_workflow_async(lane.value, _unit, order)
    try:
        with _reaching():
            return await handle.get_result(polling_interval_sec=POLL_SECONDS)
    except (dbos_error.DBOSAwaitedWorkflowCancelledError, dbos_error.DBOSWorkflowCancelledError):
        return {"came": CANCELLED}


async def cancel_what_held(worker_ids: list[str]) -> int:
    """Cancel every workflow that these dead workers had in hand; how many that were."""
    with _reaching():
        held = await DBOS.list_workflows_async(
            executor_id=worker_ids, status="PENDING", load_input=False, load_output=False
        )
        if held:
            await DBOS.cancel_workflows_async([one.workflow_id for one in held])
    return len(held)


async def drop_before(instant: datetime) -> int:
    """Delete workflows that ended before *instant*; how many that were."""
    dropped = 0
    while True:
        with _reaching():
            old = await DBOS.list_workflows_async(
                completed_before=instant.isoformat(), limit=_BATCH, load_input=False, load_output=False
            )
            if old:
                await DBOS.delete_workflows_async([one.workflow_id for one in old])
        if not old:
            return dropped
        dropped += len(old)


async def leave() -> None:
    """Take nothing up any more, and close. What the crew has in hand must have ended."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_after_leaving)
    await loop.run_in_executor(None, DBOS.destroy)
    _present.crew = None


def _after_leaving(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A workflow that was cut off cannot tell DBOS how it ended, for DBOS is closed: nobody needs to hear of that."""
    if not isinstance(context.get("exception"), RuntimeError):
        loop.default_exception_handler(context)


@contextmanager
def _reaching() -> Iterator[None]:
    """What goes wrong with DBOS's database as StateError SYN-713: it passes, as a server that is started again."""
    try:
        yield
    except dbos_error.DBOSAwaitedWorkflowCancelledError:
        raise
    except Exception as error:
        raise StateError(
            f"The runtime's own database does not answer now ({type(error).__name__}).", code="SYN-713"
        ) from error


def _sqlite_module() -> ModuleType | None:
    """The module to use in place of Python's own; None: its own will do."""
    if not is_too_old(sys.version_info[:2], sqlite3.sqlite_version_info[:2]):
        return None
    try:
        return import_module("pysqlite3.dbapi2")
    except ImportError:
        raise StateError(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} here comes with SQLite {sqlite3.sqlite_version}; "
            "workers need 3.42 or newer.",
            code="SYN-711",
        ) from None


def is_too_old(python: tuple[int, ...], sqlite: tuple[int, ...]) -> bool:
    """Whether DBOS cannot tell the time on this SQLite: it asks for fractions of seconds from Python 3.12 on, which
    SQLite knows since 3.42 (https://sqlite.org/lang_datefunc.html, the modifier 'subsec')."""
    return python >= (3, 12) and sqlite < (3, 42)


def _prepare(path: Path) -> None:
    """Make the file, for its owner's eyes, with a write-ahead log: DBOS sets none, and two to five times as fast."""
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
