"""What somebody asks of the workers: a row that the urgent loop of one of them sees, does and answers.

Lives here: asking, doing and answering a push. It waits behind nothing but other pushes: it has places of its own and
takes part in no queue. Not here: what a push does (`engine.push`).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import polars as pl

from syncline.engine.push import push
from syncline.engine.tenure import begin
from syncline.engine.world import World
from syncline.errors import StopRequested, SynclineError
from syncline.trees import TABLES, AlreadyThere, Commit, Fenced, Store, Table

PLACES = 4
"""Pushes that one worker does at once."""

ANSWER_SECONDS = 0.1
URGENT = "urgent"
"""The topic by which workers are woken for a request."""


async def ask_for_push(store: Store, sync: str, subject: str, request_id: str) -> None:
    """Ask the workers to push a record (an id or address). Asked twice under one id, it is done once."""
    row = {
        "request_id": request_id,
        "sync": sync,
        "kind": "push",
        "subject": subject,
        "options": "{}",
        "state": "asked",
        "asked_us": await store.clock_us(),
    }
    frame = pl.DataFrame([row], schema=dict(TABLES[Table.REQUEST][0]))
    try:
        await store.commit(Commit(add={Table.REQUEST: frame}))
    except AlreadyThere:
        return
    await store.notify(URGENT)


async def answer_to(store: Store, request_id: str) -> dict[str, Any] | None:
    """What came of a request: `{"run_id": …}` or `{"error": {…}}`; None while nobody has answered."""
    rows = await store.rows(Table.REQUEST, {"request_id": request_id, "state": ["done", "failed"]})
    answer: dict[str, Any] | None = json.loads(rows["answer"][0]) if len(rows) else None
    return answer


async def open_requests(store: Store) -> list[dict[str, Any]]:
    """Requests that nobody has answered, oldest first."""
    rows = await store.rows(Table.REQUEST, {"state": "asked"})
    return rows.sort("asked_us").to_dicts()


async def do_request(world: World, worker_id: str, request: dict[str, Any]) -> bool:
    """Do what was asked and answer it; False, and nothing done, while another worker has it in hand."""
    own = await begin(world, f"push:{request['request_id']}", worker_id)
    if own is None:
        return False
    try:
        sync = world.syncs.get(request["sync"])
        if sync is None:
            answer = _error("SYN-151", f"No sync {request['sync']!r} is in this worker's file.", "")
        else:
            report = await push(own, sync, request["subject"])
            answer = {"run_id": report.run_id, "stopped": str(report.stopped) if report.stopped else None}
        await _answer(own, worker_id, request, answer)
    except Fenced:
        return False  # another worker took it up meanwhile and answers
    except SynclineError as error:
        await _answer(own, worker_id, request, _error(error.code, error.message, error.remedy))
    except (StopRequested, asyncio.CancelledError):
        raise  # it stays asked: the next worker takes it up
    finally:
        if own.tenure is not None:
            await own.tenure.end()
    return True


def _error(code: str, message: str, remedy: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "remedy": remedy}}


async def _answer(world: World, worker_id: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
    """Store the answer; whom it was about is not kept."""
    row = {
        "request_id": request["request_id"],
        "subject": "",
        "state": "failed" if "error" in answer else "done",
        "answered_us": await world.store.clock_us(),
        "worker": worker_id,
        "answer": json.dumps(answer),
    }
    await world.store.commit(Commit(amend={Table.REQUEST: [pl.DataFrame([row])]}))
