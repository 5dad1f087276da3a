"""What goes wrong around the workers: faults of both vendors, rights taken and given back, and operators' commands.

Lives here: the catalogue and the tasks that draw from it. Everything is over, and every right is given back, when the
history comes to rest.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from syncline.records import Side
from syncline_sandbox.core.faults import Fault
from tests.simulation.chronicle import RULE
from tests.simulation.deeds import Hands
from tests.simulation.stage import Stage
from tests.simulation.workers import push_now

ORG_WRITES = r"^(POST|PATCH|DELETE) /services/data/.*/composite|^POST /services/Soap"
ORG_READS = r"query|^GET /services/data/.*/sobjects"
WRITES = r"^POST /rest/v1/leads\.json$|merge\.json|delete\.json"
READS = r"^GET /rest/v1/(leads|activities|lead)"

FAULTS: dict[Side, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "a": (
        ("lost_reply", ORG_WRITES, {}),
        ("lost_reply", ORG_WRITES, {}),
        ("connection_reset", ORG_WRITES, {"processed": False}),
        ("timeout", ORG_WRITES, {"processed": True}),
        ("late_write", ORG_WRITES, {"delay_seconds": 90}),
        ("late_write", ORG_WRITES, {"delay_seconds": 400}),
        # People's alone: what this vendor has answered as written, and shown in the same call, is committed.
        ("late_commit", "_sandbox/write", {"delay_seconds": 30}),
        ("late_commit", "_sandbox/write", {"delay_seconds": 60}),
        ("html_page", ORG_READS, {}),
        ("html_page", ORG_WRITES, {"processed": True}),
        ("http_status", ORG_READS, {"status": 503}),
        ("http_status", ORG_WRITES, {"status": 502, "processed": True}),
        ("half_body", ORG_WRITES, {}),
        ("server_error", ORG_WRITES, {"processed": True}),
        ("server_error", ORG_READS, {}),
        ("rate_limit", "/services/data", {}),
        ("expired_token", "", {}),
        ("expired_locator", "", {}),
        ("partial_failure", ORG_WRITES, {"index": 0}),
        ("partial_failure", ORG_WRITES, {"index": 1, "code": "UNABLE_TO_LOCK_ROW"}),
        ("replica_lag", ORG_READS, {"delay_seconds": 8}),
        ("clock_skew", ORG_READS, {"seconds": 1.5}),
    ),
    "b": (
        ("lost_reply", WRITES, {}),
        ("lost_reply", WRITES, {}),
        ("timeout", WRITES, {"processed": True}),
        ("timeout", WRITES, {"processed": False}),
        ("late_write", WRITES, {"delay_seconds": 45}),
        ("late_write", WRITES, {"delay_seconds": 200}),
        ("late_commit", WRITES, {"delay_seconds": 120}),
        ("html_page", READS, {}),
        ("html_page", WRITES, {"processed": True}),
        ("server_error", WRITES, {"processed": True}),
        ("server_error", READS, {}),
        ("error_code", WRITES, {"code": 713}),
        ("error_code", READS, {"code": 611}),
        ("rate_limit", "/rest/v1", {}),
        ("concurrency", "", {}),
        ("expired_token", "", {}),
        ("expired_page_token", "", {}),
        ("partial_failure", WRITES, {"indexes": [0]}),
        ("partial_failure", WRITES, {"every": 2, "code": 1018}),
        ("empty_page", "activities", {}),
        ("duplicate_rows", "activities|leads.json", {"share": 0.5}),
        ("reorder_rows", "activities", {}),
        ("replica_lag", READS, {"delay_seconds": 5}),
    ),
}


STREAM_FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("missing_events", "PUBLISH", {}),
    ("gap_events", "PUBLISH", {}),
    ("overflow", "PUBLISH", {}),
    ("missing_events", "GRPC", {"count": 1}),
    ("reorder_events", "GRPC", {}),
    ("duplicate_events", "GRPC", {"count": 2}),
    ("stream_reset", "GRPC", {"events": 1}),
)


async def fail(stage: Stage) -> None:
    """Faults are installed now and then, sometimes several at once."""
    luck = Random(f"{stage.seed}/faults")
    while not stage.ended:
        await asyncio.sleep(luck.choice((0.0, 10.0, 60.0, 150.0)) * luck.uniform(0.5, 1.5))
        side: Side = luck.choice(("a", "b"))
        pushed = STREAM_FAULTS if side == "a" and stage.variant.has_streams and luck.random() < 0.5 else ()
        name, match, parameters = luck.choice(pushed or FAULTS[side])
        times = luck.choice((1, 1, 2))
        plan = stage.ground.org.faults if side == "a" else stage.ground.instance.faults
        plan.install(Fault(name=name, match=match, times=times, after=luck.randint(0, 2), parameters=parameters))
        stage.tell(f"{side} will have {name} {parameters} × {times}")


async def govern(stage: Stage) -> None:
    """An administrator takes the right to a field away, and gives it back."""
    luck = Random(f"{stage.seed}/admin")
    while not stage.ended:
        await asyncio.sleep(luck.uniform(5.0, 150.0))
        field, column = luck.choice((("Lead.Title", "title"), ("Lead.Phone", "phone")))
        how = luck.choice(("hidden", "read_only", "person hidden", "person read only"))
        stage.tell(f"rights: {field} {how}")
        if how.startswith("person"):
            key = "hidden" if how.endswith("hidden") else "read_only"
            stage.ground.ask_instance("POST", "fields", {"name": column, key: True})
        else:
            stage.ground.ask_org("POST", "rights", {f"{how}_fields": [field]})
        await asyncio.sleep(luck.uniform(20.0, 400.0))
        give_back(stage)


def give_back(stage: Stage) -> None:
    stage.ground.ask_org("POST", "rights", {})
    for column in ("title", "phone"):
        stage.ground.ask_instance("POST", "fields", {"name": column, "hidden": False})
        stage.ground.ask_instance("POST", "fields", {"name": column, "read_only": False})


async def override(stage: Stage) -> None:
    """Flows of either system replace a value we write, a few times."""
    luck = Random(f"{stage.seed}/flows")
    for number in range(luck.randint(1, 3)):
        await asyncio.sleep(luck.uniform(1.0, 100.0))
        if stage.ended:
            return
        value = f"title {RULE} {number}"
        if luck.random() < 0.5:
            stage.ground.org.faults.install(
                Fault(name="override_field", times=1, parameters={"object": "Lead", "field": "Title", "value": value})
            )
        else:
            parameters = {"field": "title", "value": value}
            stage.ground.instance.faults.install(
                Fault(name="override_field", match=WRITES, times=1, parameters=parameters)
            )
        stage.tell(f"a flow will set {value}")


async def arrive_late(stage: Stage) -> None:
    """Writes of ours take effect after the time in which they might, and people's changes show behind the stamps."""
    luck = Random(f"{stage.seed}/late")
    while not stage.ended:
        await asyncio.sleep(luck.uniform(0.0, 60.0))
        kind = luck.choice(("ours on a", "ours on b", "people"))
        if kind == "ours on a":
            fault = Fault(name="late_write", match=ORG_WRITES, times=1, parameters={"delay_seconds": 900})
            stage.ground.org.faults.install(fault)
        elif kind == "ours on b":
            fault = Fault(name="late_write", match=WRITES, times=1, parameters={"delay_seconds": 420})
            stage.ground.instance.faults.install(fault)
        else:
            fault = Fault(name="late_commit", match="_sandbox/write", times=1, parameters={"delay_seconds": 30})
            stage.ground.org.faults.install(fault)
        stage.tell(f"something will be late: {kind}")


FOUGHT_OVER = "email_opt_out"


def set_back(hands: Hands, number: int) -> None:
    """A rule of b lifts the same person's opt-out again; somebody on a set it the first time."""
    pairs = [(row, far) for row in hands.living("a") for far in hands.living("b", row.person) if row.person is not None]
    if not pairs:
        return
    row, far = min(pairs, key=lambda pair: pair[0].record_id)
    if not number:
        hands.write(row, {FOUGHT_OVER: "true"})
    if far.now.cells[FOUGHT_OVER] == "true":
        hands.write(far, {FOUGHT_OVER: "false"}, is_person=False)


async def push_often(stage: Stage) -> None:
    luck = Random(f"{stage.seed}/pushes")
    while not stage.ended:
        await asyncio.sleep(luck.choice((1.0, 20.0, 200.0)) * luck.uniform(0.5, 1.5))
        if not stage.ended:
            await push_now(stage, luck)


def over(stage: Stage) -> None:
    """Everything works again."""
    stage.ground.org.faults.clear()
    stage.ground.instance.faults.clear()
    give_back(stage)
    for line in stage.lines.values():
        line.slow_share = line.lost_share = 0.0
        line.delays.clear()
    for process in stage.processes:
        process.plan.clear()
