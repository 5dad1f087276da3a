"""What the first copy of many people costs beside the bare floor: the same calls without engine, store and matching.

    python benchmarks/bench_first_copy.py                 # 10,000 people, Marketo empty, without and with rate limits
    python benchmarks/bench_first_copy.py --people 100000 --rounds 1
    python benchmarks/bench_first_copy.py --twins 0.5     # half of them are in Marketo already, with other details
    python benchmarks/bench_first_copy.py --cycles        # and what the cycles after the copy cost

Floor and engine take turns, each in a fresh process with fresh sandboxes (processes of their own) seeded alike through
their control endpoints. The floor is told who is whom; it reads with the connectors' `read_all` and hands `write` what
the engine would. Nobody waits: a clock that both sandboxes share jumps, and what was jumped is counted apart
(`waited_seconds`). One JSON line per setting: `ratio` is engine to floor, of real seconds without rate limits, of real
and waited ones with them; `cpu_ratio` is the same of CPU seconds, ours and the sandboxes' together, which other work on
the machine does not lengthen. What the numbers mean is said in README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncline.engine import readiness
from syncline.engine.cycle import RunReport, run_cycle
from syncline.engine.observe import meet
from syncline.engine.world import World
from syncline.records import Operation, Write
from syncline.spec.model import Sync
from syncline.wiring import load_project, open_world

SEED_ROWS = 5_000  # a call of the control endpoints
MINUTES_10 = 600.0


# --- the two systems --------------------------------------------------------------------------------------------------


def call(url: str, body: object | None = None) -> Any:
    """One call of a control endpoint."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


@contextmanager
def sandboxes(limits: bool) -> Iterator[dict[str, dict[str, Any]]]:
    """Both sandboxes in processes of their own, by name; `pid` names the process."""
    command = [sys.executable, "-m", "syncline_sandbox.cli", "up", "--json"]
    command += ["--salesforce-port", "0", "--marketo-port", "0", *([] if limits else ["--no-limits"])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        places = json.loads(process.stdout.readline())["sandboxes"]
        for place, pid in zip(places, _servers(process.pid), strict=True):
            place["pid"] = pid
        yield {place["name"]: place for place in places}
    finally:
        process.terminate()
        process.wait(30)


def _servers(parent: int) -> list[int]:
    """The sandboxes' processes, in the order in which they were started; nothing but Linux tells."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def seed(places: dict[str, dict[str, Any]], people: int, twins: float) -> None:
    """Half leads, half contacts of people / 10 accounts; the first *twins* of them in Marketo too, without phone."""
    org, instance = places["salesforce"]["control"], places["marketo"]["control"]
    accounts = [{"Name": f"Account {i}", "Industry": "Energy", "Website": f"a{i}.example"} for i in range(people // 10)]
    made: list[str] = []
    for at in range(0, len(accounts), SEED_ROWS):
        made += call(org + "seed", {"Account": accounts[at : at + SEED_ROWS]})["Account"]
    for at in range(0, people, SEED_ROWS):
        numbers = range(at, min(at + SEED_ROWS, people))
        leads = [lead_of(i) for i in numbers if i % 2 == 0]
        contacts = [contact_of(i, made[i % len(made)]) for i in numbers if i % 2]
        call(org + "seed", {"Lead": leads, "Contact": contacts})
        known = [person_of(i) for i in numbers if i < people * twins]
        if known:
            call(instance + "seed", {"people": known})


def lead_of(number: int) -> dict[str, str]:
    return {
        **_name(number),
        "Phone": _phone(number),
        "Company": f"Company {number % 5000}",
        "Title": f"Title {number % 300}",
        "Street": f"{number % 900} Main Street",
        "City": f"City {number % 700}",
        "PostalCode": f"{number % 90000 + 10000}",
        "Country": "Australia",
        "LeadSource": "Web",
    }


def contact_of(number: int, account: str) -> dict[str, str]:
    lead = lead_of(number)
    moved = {f"Mailing{name}": lead.pop(name) for name in ("Street", "City", "PostalCode", "Country")}
    return {name: value for name, value in lead.items() if name != "Company"} | moved | {"AccountId": account}


def person_of(number: int) -> dict[str, str]:
    """The twin: same name and address of e-mail, a mobile phone that Salesforce has not."""
    name = _name(number)
    return {
        "firstName": name["FirstName"],
        "lastName": name["LastName"],
        "email": name["Email"],
        "mobilePhone": _phone(number + 7),
        "city": f"City {number % 700}",
    }


def _name(number: int) -> dict[str, str]:
    return {
        "FirstName": f"First{number % 2000}",
        "LastName": f"Last{number % 9000}",
        "Email": f"person{number}@mail{number % 50}.example",
    }


def _phone(number: int) -> str:
    return f"({number % 800 + 200}) 555-{number % 10000:04}"


# --- one measured process ---------------------------------------------------------------------------------------------


class JumpingClock:
    """Implements `ports.Clock`: sleeping moves this clock and the sandboxes' on at once, summed in `waited_seconds`."""

    def __init__(self, controls: Sequence[str]) -> None:
        self.waited_seconds = 0.0
        self._controls = controls
        self._moving = asyncio.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.waited_seconds)

    async def sleep(self, seconds: float) -> None:
        # Those who wait at the same time wait together.
        until = self.waited_seconds + seconds
        async with self._moving:
            step = until - self.waited_seconds
            if step > 0:
                self.waited_seconds = until
                for control in self._controls:
                    call(control + "clock", {"advance_seconds": step})


@dataclass
class Meter:
    """Costs of what happens between two looks: real, CPU and waited seconds, and calls."""

    world: World
    clock: JumpingClock
    pids: Sequence[int]

    def look(self) -> dict[str, float]:
        return {
            "seconds": time.perf_counter(),
            "cpu_seconds": time.process_time(),
            "sandbox_cpu_seconds": sum(_cpu_seconds(pid) for pid in self.pids),
            "waited_seconds": self.clock.waited_seconds,
            "calls": sum(connector.usage().calls_sent for connector in self.world.connectors.values()),
        }

    @staticmethod
    def between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
        return {name: round(after[name] - before[name], 3) for name in before}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes() -> float:
    """The most memory this process ever held. Not `ru_maxrss`, which a child inherits from its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@asynccontextmanager
async def opened(places: dict[str, dict[str, Any]], folder: Path, limits: bool) -> AsyncIterator[tuple[World, Sync]]:
    """The world of both sandboxes with a state file in *folder*, and our custom fields made."""
    org, instance = places["salesforce"], places["marketo"]
    secrets = {"CRM": org["credentials"]["client_secret"], "MARKETING": instance["credentials"]["client_secret"]}
    file = {
        "state": "sqlite:///state.db",
        "connections": {
            "crm": {
                "type": "salesforce",
                "url": org["url"],
                "client_id": org["credentials"]["client_id"],
                "client_secret": "env:CRM",
            },
            "marketing": {
                "type": "marketo",
                "url": instance["url"],
                "client_id": instance["credentials"]["client_id"],
                "client_secret": "env:MARKETING",
                "calls_per_20_seconds": "100" if limits else "1000000",
                "created_since": (datetime.now(UTC) - timedelta(days=20)).date().isoformat(),
            },
        },
        "syncs": {"people": {"a": "crm", "b": "marketing"}},
    }
    path = folder / "syncline.yaml"
    path.write_text(json.dumps(file), encoding="utf-8")
    project = load_project(path)
    clock = JumpingClock([place["control"] for place in places.values()])
    async with open_world(project, clock=clock, environ={**os.environ, **secrets}) as world:
        sync = project.syncs["people"]
        failed = await readiness.create_fields(world, await readiness.check(world, sync))
        if failed:
            raise SystemExit(f"custom fields could not be made: {failed}")
        world.schemas.clear()  # described before the fields were there
        await meet(world, sync)
        yield world, sync


async def floor(world: World, sync: Sync, meter: Meter) -> dict[str, float]:
    """Download both sides and upload what differs, with the connectors alone."""
    writes: dict[tuple[str, str], list[Write]] = {}
    sync = world.syncs[sync.name]
    people = await _download(world, sync, "b", "lead")
    by_email = {row["email"]: row for row in people}
    for object_type in sync.a.object_types:
        for row in await _download(world, sync, "a", object_type):
            for place, write in _copies(sync, object_type, row, by_email.get(row["Email"])):
                writes.setdefault(place, []).append(write)
    rows = cells = 0
    for (connection, object_type), own in writes.items():
        connector = world.connectors[connection]
        size = connector.capabilities(object_type).write_rows_per_batch
        for at in range(0, len(own), size):
            answer = await connector.write(own[at : at + size])
            rows += sum(outcome.status.value == "written" for outcome in answer.outcomes)
        cells += sum(len(write.cells) for write in own)
    return {"rows_written": rows, "cells_sent": cells}


async def _download(world: World, sync: Sync, side: str, object_type: str) -> list[dict[str, str]]:
    spec = sync.side("a" if side == "a" else "b")
    schema = world.schema(spec.connection, object_type)
    fields = [name for name in world.fields_read(spec.connection, object_type) if schema.field(name)]
    rows: list[dict[str, str]] = []
    async for page in world.connectors[spec.connection].read_all(object_type, fields):
        rows += page.rows.to_dicts()
    return rows


def _copies(
    sync: Sync, object_type: str, row: dict[str, str], twin: dict[str, str] | None
) -> Iterator[tuple[tuple[str, str], Write]]:
    """What one Salesforce row makes of its twin, or of nobody."""
    there, back = {}, {}
    own = row | {"@id": row["_id"], "@type": object_type, "@deleted": "false"}
    for mapping in sync.fields:
        end, far = mapping.a.get(object_type), mapping.b["lead"]
        if end is None or far.field is None or end.inputs[0] not in own:
            continue
        value, held = own[end.inputs[0]] or "", (twin or {}).get(far.field) or ""
        if value and value != held:
            there[far.field] = value
        elif held and not value and end.field is not None:
            back[end.field] = held
    if twin is None:
        key = f"people.a.{object_type}.{row['_id']}".lower()
        yield (
            (sync.b.connection, "lead"),
            Write(
                operation=Operation.CREATE,
                object_type="lead",
                cells=there,
                key_field=sync.b.key_fields["lead"],
                key=key,
            ),
        )
        return
    if there:
        update = Write(operation=Operation.UPDATE, object_type="lead", cells=there, record_id=twin["_id"])
        yield (sync.b.connection, "lead"), update
    if back:
        update = Write(operation=Operation.UPDATE, object_type=object_type, cells=back, record_id=row["_id"])
        yield (sync.a.connection, object_type), update


async def engine(world: World, sync: Sync, meter: Meter) -> dict[str, float]:
    report = await run_cycle(world, sync)
    return told(report)


def told(report: RunReport) -> dict[str, Any]:
    return {
        "rows_written": len(report.sheets.outline()),
        "cells_sent": report.sheets.outline()["fields"].sum(),
        "links_made": report.links_made,
        "balanced": report.is_balanced,
        "stopped": str(report.stopped) if report.stopped else None,
        "counts": {side: report.counts(side) for side in ("a", "b")},
    }


async def cycles(world: World, sync: Sync, meter: Meter, places: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The cycles after the copy: its echoes, nothing, 100 changes, three new people, three more."""
    out: dict[str, Any] = {}
    for name, life in _LIFE.items():
        life(places)
        await meter.clock.sleep(MINUTES_10)
        before = meter.look()
        report = await run_cycle(world, sync)
        out[name] = meter.between(before, meter.look()) | told(report)
    return out


def _nothing(_places: dict[str, dict[str, Any]]) -> None:
    """Nobody does anything."""


def _hundred_changes(places: dict[str, dict[str, Any]]) -> None:
    control = places["marketo"]["control"]
    emails = [_name(i)["Email"] for i in range(100)]
    people = [{"email": email, "title": "Changed"} for email in emails]
    call(control + "people", {"action": "updateOnly", "lookupField": "email", "input": people})


def _three_new(places: dict[str, dict[str, Any]], first: int = 0) -> None:
    names = [{"LastName": f"New{i}", "Company": "New", "Email": f"new{i}@new.example"} for i in range(first, first + 3)]
    call(places["salesforce"]["control"] + "seed", {"Lead": names})


_LIFE: dict[str, Callable[[dict[str, dict[str, Any]]], None]] = {
    "echoes": _nothing,
    "quiet": _nothing,
    "hundred_changes": _hundred_changes,
    "three_new": _three_new,
    "three_more": lambda places: _three_new(places, 3),
}


async def measured(kind: str, places: dict[str, dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with opened(places, Path(folder), options.limits == "on") as (world, sync):
            assert isinstance(world.clock, JumpingClock)
            meter = Meter(world, world.clock, [place["pid"] for place in places.values()])
            idle = peak_megabytes()
            before = meter.look()
            done = await (engine if kind == "engine" else floor)(world, sync, meter)
            out = {"kind": kind, **meter.between(before, meter.look()), **done}
            out |= {"peak_megabytes": round(peak_megabytes()), "idle_megabytes": round(idle)}
            if kind == "engine" and options.cycles:
                out["cycles"] = await cycles(world, sync, meter, places)
            return out


# --- the comparison ---------------------------------------------------------------------------------------------------


def run(kind: str, options: argparse.Namespace, limits: str) -> dict[str, Any]:
    """One measured process beside fresh sandboxes."""
    with sandboxes(limits == "on") as places:
        seed(places, options.people, options.twins)
        command = [sys.executable, __file__, "--measure", kind, "--limits", limits]
        command += ["--cycles"] if options.cycles else []
        done = subprocess.run(command, input=json.dumps(places), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return dict(json.loads(done.stdout))


def compared(options: argparse.Namespace, limits: str) -> dict[str, Any]:
    runs = [run(kind, options, limits) for _ in range(options.rounds) for kind in ("floor", "engine")]
    cost = {kind: [_cost(one, limits) for one in runs if one["kind"] == kind] for kind in ("floor", "engine")}
    middle = {kind: statistics.median(costs) for kind, costs in cost.items()}
    last = {one["kind"]: one for one in runs}
    busy = {kind: one["cpu_seconds"] + one["sandbox_cpu_seconds"] for kind, one in last.items()}
    return {
        "people": options.people,
        "twins": options.twins,
        "rate_limits": limits,
        "ratio": round(middle["engine"] / middle["floor"], 2),
        "cpu_ratio": round(busy["engine"] / busy["floor"], 2),
        "engine_seconds": round(middle["engine"], 2),
        "floor_seconds": round(middle["floor"], 2),
        "records_per_second": round(options.people / middle["engine"]),
        "engine_cpu_seconds_above_floor": round(last["engine"]["cpu_seconds"] - last["floor"]["cpu_seconds"], 2),
        "engine": last["engine"],
        "floor": last["floor"],
    }


def _cost(one: dict[str, Any], limits: str) -> float:
    waited = one["waited_seconds"] if limits == "on" else 0.0
    return float(one["seconds"] + waited)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--twins", type=float, default=0.0, help="the share that is in Marketo already")
    parser.add_argument("--rounds", type=int, default=3, help="floor and engine take turns so often; medians count")
    parser.add_argument("--limits", choices=["on", "off", "both"], default="both")
    parser.add_argument("--cycles", action="store_true", help="also measure the cycles after the copy")
    parser.add_argument("--measure", choices=["engine", "floor"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asyncio.run(measured(options.measure, json.load(sys.stdin), options))))
        return
    for limits in ("off", "on") if options.limits == "both" else (options.limits,):
        print(json.dumps(compared(options, limits)), flush=True)


if __name__ == "__main__":
    main()
