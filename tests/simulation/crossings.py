"""Who crosses whose way: answers that come after the next change, people who think twice, vendors that tire at the
wrong moment. Each is rare in life and costs most, so a history that draws it makes it likely.

Lives here: the crossings, each a task beside everybody else's, and which of them a history draws, from a luck of their
own. Not here: what a line does with a delay (`ports`), or what must hold (`laws`, `sending`).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

from syncline.ports import HttpRequest
from syncline.records import SIDES, Side, other
from syncline_sandbox.core.faults import Fault
from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.errors import OrgError
from tests.simulation.chronicle import US, Row
from tests.simulation.crossings_in_quiet import QUIET, with_quiet
from tests.simulation.crossings_of_lists import LISTS, of_lists
from tests.simulation.crossings_of_lives import LIVES, lived_to_the_end, with_lives
from tests.simulation.deeds import MARKETER, Hands
from tests.simulation.ground import ADMIN, Refused
from tests.simulation.operator import take_back
from tests.simulation.ports import Delay, Process
from tests.simulation.pushed_bus import STRAGGLES
from tests.simulation.stage import Stage
from tests.simulation.troubles import ORG_WRITES
from tests.simulation.variant import Variant
from tests.simulation.workers import push_one

ANSWER_SECONDS = (40.0, 62.0)
"""Of an answer that is long on its way: shorter than anybody stops waiting."""

NEWCOMERS = 1_000
"""From here on the people are numbered whom a crossing enters."""

Crossing = Callable[[Hands], Awaitable[None]]


def has_ended(stage: Stage) -> bool:
    """Asked anew after every wait: meanwhile people may have stopped."""
    return stage.ended


async def overtake(hands: Hands) -> None:
    """The answer to a reading is long on its way; meanwhile what it shows is changed, and the record is pushed."""
    stage, luck = hands.stage, hands.luck
    while not has_ended(stage):
        await asyncio.sleep(luck.uniform(0.0, 40.0))
        side: Side = luck.choice(SIDES)
        if has_ended(stage) or (row := hands.somebody(side)) is None:
            continue
        hands.write(row, {"title": stage.fresh("title")})
        delay = Delay(fits=_reads(row), after_seconds=luck.uniform(*ANSWER_SECONDS))
        if await _met(stage, side, delay) and not row.has_ended:
            await asyncio.sleep(1.5)
            hands.write(row, {"title": stage.fresh("title")})
            await push_one(stage, row, luck)


def _reads(row: Row) -> Callable[[Process, HttpRequest], bool]:
    """Whether a request asks for the changes of a record's kind."""
    path, word = ("/query", f"FROM+{row.object_type}+") if row.side == "a" else ("/leads.json", row.record_id)

    def fits(process: Process, request: HttpRequest) -> bool:
        url = request.url.replace("%20", "+")
        is_read = request.method == "GET" or "_method=GET" in url
        is_change = row.side == "b" or "SystemModstamp" in url.partition("WHERE")[2]
        return is_read and is_change and path in url and word in url and not process.name.startswith("push")

    return fits


async def _met(stage: Stage, side: Side, delay: Delay) -> bool:
    """Wait until a request meets *delay*; False if people stop before."""
    line = stage.lines[side]
    line.delays.append(delay)
    while not delay.met.is_set() and not has_ended(stage):
        await asyncio.sleep(0.7)
    if not delay.met.is_set():
        line.delays = [one for one in line.delays if one is not delay]
    return delay.met.is_set()


async def write_beside(hands: Hands) -> None:
    """Writes of ours are long on their way; meanwhile people change the records again, and have them pushed."""
    stage, luck = hands.stage, hands.luck
    for _ in range(3):
        if has_ended(stage):
            return
        await asyncio.sleep(luck.uniform(0.0, 30.0))
        rows = [row for side in SIDES if (row := hands.somebody(side)) is not None]
        for row in rows:
            hands.write(row, {"title": stage.fresh("title")})
        side: Side = luck.choice(SIDES)
        seconds, is_early = luck.uniform(*ANSWER_SECONDS), luck.random() < 0.5
        delay = Delay(fits=_writes, before_seconds=seconds * (not is_early), after_seconds=seconds * is_early)
        if await _met(stage, side, delay):
            for row in rows:
                if not row.has_ended:
                    hands.write(row, {"title": stage.fresh("title")})
                    await push_one(stage, row, luck)


def _writes(process: Process, request: HttpRequest) -> bool:
    return process.is_sending and request.method != "GET" and process.name.startswith("worker")


async def enter_and_push(hands: Hands) -> None:
    """Somebody enters a person and has it pushed at once; the answer to our making it over there is long on its way."""
    stage, luck = hands.stage, hands.luck
    number = NEWCOMERS
    while not has_ended(stage):
        await asyncio.sleep(luck.uniform(5.0, 60.0))
        if has_ended(stage):
            return
        number += 1
        hands.new("a", number, "Lead")
        rows = hands.living("a", number)
        if rows:
            delay = Delay(fits=_creates, after_seconds=luck.uniform(*ANSWER_SECONDS))
            stage.lines["b"].delays.append(delay)
            await push_one(stage, rows[0], luck)


def _creates(process: Process, request: HttpRequest) -> bool:
    return process.is_sending and process.name.startswith("push") and b"createOnly" in request.body


async def think_twice(hands: Hands) -> None:
    """Our write of somebody's change arrives when all have given it up, and he has changed his mind since."""
    stage, luck = hands.stage, hands.luck
    await asyncio.sleep(luck.uniform(0.0, 30.0))
    side: Side = luck.choice(SIDES)
    rows = [row for row in hands.living(side) if row.person is not None and hands.living(other(side), row.person)]
    if not rows:
        return
    row = luck.choice(rows)
    hands.left_alone.add(row.person)
    value = stage.fresh("title")
    hands.write(row, {"title": value})
    delay = Delay(fits=lambda process, request: _is_of_one(process, request, value), before_seconds=1_600.0)
    stage.lines[other(side)].delays.append(delay)
    while not has_ended(stage):
        await asyncio.sleep(5.0)
    if not row.has_ended:
        hands.write(row, {"title": stage.fresh("title")})


def _is_of_one(process: Process, request: HttpRequest, value: str) -> bool:
    """Whether a request writes one record, and this value there."""
    return process.rows_sent == 1 and process.is_sending and value.encode() in request.body


async def commit_late(hands: Hands) -> None:
    """A transaction of somebody's lasts minutes: what it changed shows then, with the stamp of its beginning."""
    stage, luck = hands.stage, hands.luck
    org = stage.ground.org
    while not has_ended(stage):
        await asyncio.sleep(luck.uniform(0.0, 90.0))
        if has_ended(stage) or (row := hands.somebody("a")) is None:
            continue
        version, stamp, value = row.now, org.stamp(), stage.fresh("title")
        left = luck.choice((30.0, 120.0, 400.0))
        while left > 0 and not has_ended(stage):
            await asyncio.sleep(min(left, 10.0))
            left -= 10.0
        stage.catch_up("a")
        if row.now is version:  # else its lock would have been in somebody's way
            what = f"{row.record_id} title := {value!r}, begun {stamp}"
            hands.do("a", what, lambda row=row, stamp=stamp, value=value: _transact(stage, row, value, stamp))  # type: ignore[misc]


def _transact(stage: Stage, row: Row, value: str, stamp: str) -> None:
    org = stage.ground.org
    request = Request(
        method="PATCH",
        path=f"/services/data/v60.0/sobjects/{row.object_type}/{row.record_id}",
        query_string="",
        headers={"host": "org.test", "content-type": "application/json"},
        body=json.dumps({"Title": value}).encode(),
        scheme="http",
    )
    try:
        org.serve_data(request, org.people.user_id(ADMIN), stamp=stamp)
    except OrgError as refused:
        raise Refused(str(refused)) from refused


async def regret(hands: Hands) -> None:
    """Somebody changes what we have just written; a while later the run that wrote it is undone."""
    stage, luck = hands.stage, hands.luck
    runs = 0
    while not has_ended(stage):
        await asyncio.sleep(luck.uniform(3.0, 10.0))
        written = [report for report in stage.reports if report.records_written]
        ours = [one for one in stage.chronicle.edits if one.actor == US and one.key == "title" and one.new]
        if len(written) <= runs or not ours:
            continue
        runs = len(written)
        row = stage.chronicle.rows[ours[-1].side][ours[-1].record_id]
        if row.has_ended or row.now.cells["title"] != ours[-1].new:
            continue
        hands.write(row, {"title": stage.fresh("title")})
        await asyncio.sleep(luck.uniform(35.0, 50.0))
        process, world = stage.start("operator")
        await take_back(stage, process, world, written[-1].run_id)


async def move_house(hands: Hands) -> None:
    """Who said no gets a new e-mail address, of which the vendor knows no no. Not often: that would be a fight."""
    stage, luck = hands.stage, hands.luck
    moves = 0
    while not has_ended(stage) and moves < 2:
        await asyncio.sleep(luck.uniform(0.0, 60.0))
        rows = [row for row in hands.living("b") if row.person is not None and hands.living("a", row.person)]
        if has_ended(stage) or not rows:
            continue
        told_no = [row for row in rows if row.now.cells["email_opt_out"] == "true"]
        row = luck.choice(told_no or rows)
        if not told_no:
            hands.write(row, {"email_opt_out": "true"})
            continue
        far = hands.living("a", row.person)[0]
        if far.now.cells["email_opt_out"] == "true":
            hands.write(row, {"email": stage.fresh("email")})
            moves += 1


async def tire(hands: Hands) -> None:
    """A vendor that was not asked for long is busy, and says so in an answer that looks successful."""
    stage = hands.stage
    last_us = stage.now_us()

    def is_asked_late(process: Process, request: HttpRequest) -> bool:
        nonlocal last_us
        if "/activities.json" not in request.url:
            return False
        gap_us, last_us = stage.now_us() - last_us, stage.now_us()
        if gap_us > 320_000_000 and not has_ended(stage):
            stage.tell("b is busy")
            stage.ground.instance.faults.install(
                Fault(name="error_code", match="activities.json", parameters={"code": 611})
            )
        return False

    stage.lines["b"].delays.append(Delay(fits=is_asked_late))


CAMPAIGN = 27
"""More records than are compared one by one."""


async def campaign(hands: Hands) -> None:
    """A list of new people is entered; later a campaign changes them all at once, and the org refuses one."""
    stage, luck = hands.stage, hands.luck
    people = range(NEWCOMERS, NEWCOMERS + CAMPAIGN)
    records = [
        {"FirstName": f"First{n}", "LastName": f"Last{n}", "Email": f"p{n}@x.example", "Company": "Acme"}
        for n in people
    ]
    hands.left_alone |= set(people)
    body = {"as": ADMIN, "object": "Lead", "operation": "create", "records": records}
    hands.do("a", f"enters {CAMPAIGN} people", lambda: stage.ground.ask_org("POST", "write", body))
    for row in stage.chronicle.rows["a"].values():
        stage.recognise(row)
    while not has_ended(stage):
        await asyncio.sleep(5.0)
        far = [row for row in stage.chronicle.rows["b"].values() if row.person in people and not row.has_ended]
        if len(far) == CAMPAIGN:
            await asyncio.sleep(luck.uniform(30.0, 60.0))
            _campaign(stage, hands, far)
            return


def _campaign(stage: Stage, hands: Hands, far: list[Row]) -> None:
    changed = [{"id": int(row.record_id), "title": stage.fresh("title")} for row in far]
    by = {"source": "Marketo Flow Action", "user": MARKETER, "action": "updateOnly", "lookupField": "id"}
    hands.do("b", "a campaign", lambda: stage.ground.ask_instance("POST", "people", {**by, "input": changed}))
    refused = Fault(name="partial_failure", match=ORG_WRITES, times=1, parameters={"index": 1})
    stage.ground.org.faults.install(refused)


async def change_quickly(hands: Hands) -> None:
    """Somebody changes his mind within seconds, and the event of his first change is late (`pushed_bus`)."""
    stage, luck = hands.stage, hands.luck
    while not has_ended(stage):
        await asyncio.sleep(luck.uniform(5.0, 25.0))
        row = hands.somebody("a")
        for _ in range(2):
            if row is not None and not has_ended(stage) and not row.has_ended:
                hands.write(row, {"title": stage.fresh("title")})
                await asyncio.sleep(luck.uniform(1.5, 4.0))


CROSSINGS: dict[str, tuple[Crossing, float, Callable[[Variant], bool]]] = {
    "overtake": (overtake, 0.10, lambda v: v.has_faults and v.skew_seconds <= 1.0),
    "write beside": (write_beside, 0.10, lambda v: v.has_faults),
    "enter and push": (enter_and_push, 0.10, lambda v: v.has_faults and v.workers == 1),
    "think twice": (think_twice, 0.10, lambda v: v.has_faults and not (v.begins_empty or v.has_late)),
    "commit late": (commit_late, 0.10, lambda v: v.has_faults),
    "regret": (regret, 0.06, lambda v: v.workers == 1),
    "move house": (move_house, 0.10, lambda v: True),
    "tire": (tire, 0.20, lambda v: v.has_faults),
    STRAGGLES: (change_quickly, 0.4, lambda v: v.has_streams and v.has_faults),
    "campaign": (campaign, 0.02, lambda v: v.has_faults),
}
"""By name: the task, in what share of the histories it is, and in which it can be."""

ENDS_READING = "ends reading"
"""Not a task: processes that end right after they stored how far they have read (`workers.fated`)."""

ASKED = "SYNCLINE_CROSSINGS"
"""Set in the environment where crossings are drawn: hunts for planted defects do. With them about one history in a
hundred breaks a law without any defect planted (docs/explanation/simulation.md), so other histories have none yet."""


def with_crossings(seed: int, variant: Variant) -> Variant:
    """*variant* with the crossings that the history of *seed* draws, where they are asked for."""
    if ASKED not in os.environ or variant.has_unseen or variant.has_altering:
        return variant  # what shows there is told by its own tasks
    if (quiet := with_quiet(seed, variant)) is not None:
        return quiet
    luck = Random(f"{seed}/variant crossings")
    drawn = [name for name, (_, share, fits) in CROSSINGS.items() if luck.random() < share and fits(variant)]
    if luck.random() < 0.12 and variant.has_faults:
        drawn.append(ENDS_READING)
    return with_lives(seed, replace(variant, crossings=(*drawn, *of_lists(seed, variant))))


def begin(hands: Hands) -> list[Awaitable[None]]:
    """The tasks of the crossings of a history, each with hands and luck of its own."""
    stage, known = hands.stage, {**CROSSINGS, **LISTS}
    own = {name: replace(hands, luck=Random(f"{stage.seed}/{name}")) for name in stage.variant.crossings}
    told = {name: one[0] for name, one in LIVES.items()} | {name: one[0] for name, one in QUIET.items()}
    lives = [lived_to_the_end(told[name], one) for name, one in own.items() if name in told]
    return [*(known[name][0](one) for name, one in own.items() if name in known), *lives]
