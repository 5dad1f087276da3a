"""Marketo's bulk import and lead export against bare SQLite in the same run: what the instance adds to its database.

Run as ``python benchmarks/sandbox/bench_marketo_bulk.py [people]`` (200,000 if not said). Everything in process, in
files, the best of three. Import: multipart uploads of at most 10 MB, with the look-up of every address and a New Lead
activity for every person; its floor is one `executemany` of ready tuples into a table and indices like those of leads.
Export: a job from creation to the downloaded file; its floor is a plain SELECT of the same columns through a csv
writer into a file. Ratios are the floor's seconds / the instance's: more is better.
"""

from __future__ import annotations

import csv
import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo import MarketoInstance
from syncline_sandbox.marketo.identity import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET

ROUNDS = 3
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = "2026-03-02T09:00:00Z"
MAX_FILE = 9_800_000
FIELDS = (
    "email firstName lastName title phone mobilePhone fax address city state country postalCode department leadSource "
    "leadStatus rating leadScore doNotCall dateOfBirth salutation middleName company industry website annualRevenue"
).split()
HIDDEN = ("id", "leadPartitionId", "createdAt", "updatedAt", "_changedAt")


def people(count: int) -> Iterator[list[Any]]:
    for n in range(count):
        yield [
            *(f"person.{n}@example{n % 977}.com", f"First{n % 997}", f"Last{n % 7919}", f"Title {n % 97}"),
            *(f"+49 30 {n:07}", f"+49 170 {n:07}", "", f"Street {n % 499}\nBuilding {n % 7}", f"City {n % 311}"),
            *(f"State {n % 16}", "Germany", f"{n % 99999:05}", f"Department {n % 12}", "Web", "Open", "Warm"),
            *(n % 100, "true" if n % 3 else "false", f"19{n % 90 + 10}-0{n % 9 + 1}-1{n % 9}", "Dr.", ""),
            *(f"Company {n % 4999}, Inc.", "Mining", f"https://www.example{n % 4999}.com", float(n % 9999)),
        ]


class Caller:
    """Calls an instance in process."""

    def __init__(self, database: Path) -> None:
        self.instance = MarketoInstance(database, clock=SandboxClock(frozen_at=START))
        query = {"client_id": DEFAULT_CLIENT_ID, "client_secret": DEFAULT_CLIENT_SECRET}
        query["grant_type"] = "client_credentials"
        body = self._send("GET", "/identity/oauth/token", query, b"", {})
        self._headers = {"authorization": f"Bearer {json.loads(body)['access_token']}"}

    def _send(self, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> bytes:
        request = Request(method=method, path=path, query_string=urlencode(query), headers=headers, body=body)
        return self.instance.handle(request).body

    def call(self, method: str, path: str, document: Any = None) -> Any:
        headers, body = {**self._headers, "content-type": "application/json"}, b""
        if document is not None:
            body = json.dumps(document).encode()
        (result,) = json.loads(self._send(method, path, {}, body, headers))["result"]
        return result

    def file(self, path: str) -> bytes:
        return self._send("GET", path, {}, b"", self._headers)

    def upload(self, content: bytes) -> Any:
        head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n'
        headers = {**self._headers, "content-type": "multipart/form-data; boundary=X"}
        body = head + content + b"\r\n--X--\r\n"
        (job,) = json.loads(self._send("POST", "/bulk/v1/leads.json", {"format": "csv"}, body, headers))["result"]
        return self.call("GET", f"/bulk/v1/leads/batch/{job['batchId']}.json")


def uploads(count: int, folder: Path) -> list[Path]:
    """The people in files that are small enough."""
    files: list[Path] = []
    rows = people(count)
    while chunk := list(islice(rows, 500)):
        files.append(folder / f"part{len(files)}.csv")
        with files[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(FIELDS)
            while chunk:
                writer.writerows(chunk)
                chunk = list(islice(rows, 500)) if file.tell() < MAX_FILE else []
    return files


class Taken(NamedTuple):
    """Seconds by the clock on the wall, and of the processor: the latter alone mean something on a busy machine."""

    wall: float
    processor: float


def timed(work: Callable[[], object]) -> Taken:
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def best(of: Iterable[Taken]) -> Taken:
    """The least of each."""
    return Taken(*map(min, zip(*of, strict=True)))


def bare_insert(rows: list[list[Any]], folder: Path) -> Taken:
    """Ready tuples into the table of leads of a fresh instance, past everything else."""
    caller = Caller(folder / f"bare{time.monotonic_ns()}.sqlite")
    ready = [
        (number, 1, NOW, NOW, NOW, *(value if value != "" else None for value in row))
        for number, row in enumerate(rows, 1)
    ]
    store = caller.instance.store

    def insert() -> None:
        with store.transaction():
            store.insert("leads", (*HIDDEN, *FIELDS), ready)

    try:
        return timed(insert)
    finally:
        caller.instance.close()


def imported(files: list[Path], count: int, folder: Path) -> tuple[Taken, Caller]:
    caller = Caller(folder / f"import{time.monotonic_ns()}.sqlite")
    done: list[int] = []
    seconds = timed(lambda: done.extend(caller.upload(file.read_bytes())["numOfLeadsProcessed"] for file in files))
    assert sum(done) == count, done
    return seconds, caller


def bare_export(caller: Caller, folder: Path) -> Taken:
    selected = ", ".join(f'"{name}"' for name in FIELDS)

    def export() -> None:
        with (folder / "bare.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(FIELDS)
            writer.writerows(caller.instance.store.connection.execute(f"SELECT {selected} FROM leads ORDER BY id"))

    return timed(export)


def exported(caller: Caller) -> Taken:
    window = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00Z"}
    base = "/bulk/v1/leads/export"
    caller.instance.settings.export_bytes_per_day = 10**12

    def export() -> None:
        job = caller.call("POST", f"{base}/create.json", {"fields": FIELDS, "filter": {"createdAt": window}})
        caller.call("POST", f"{base}/{job['exportId']}/enqueue.json")
        done = caller.call("GET", f"{base}/{job['exportId']}/status.json")
        assert len(caller.file(f"{base}/{job['exportId']}/file.json")) == done["fileSize"]

    return timed(export)


def peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = uploads(count, folder)
        size = sum(file.stat().st_size for file in files) / 1e6
        before = peak_memory()
        taken, caller = imported(files, count, folder)
        out = best(exported(caller) for _ in range(ROUNDS))
        memory = peak_memory()
        bare_out = best(bare_export(caller, folder) for _ in range(ROUNDS))
        caller.instance.close()
        rows = list(people(count))
        bare_in = bare_insert(rows, folder)
        for _ in range(ROUNDS - 1):
            again, caller = imported(files, count, folder)
            caller.instance.close()
            taken, bare_in = best((taken, again)), best((bare_in, bare_insert(rows, folder)))
    print(f"{count:,} people x {len(FIELDS)} fields, {len(files)} uploads of {size:.0f} MB")
    for what, bare, ours in (("import", bare_in, taken), ("export", bare_out, out)):
        ratios = f"ratio {bare.wall / ours.wall:.2f}, of processor time {bare.processor / ours.processor:.2f}"
        speed = count / ours.wall
        print(f"{what}  bare {bare.wall:6.2f} s  instance {ours.wall:6.2f} s  {speed:9,.0f} people/s  {ratios}")
    print(f"memory  {memory:.0f} MB at most, {before:.0f} MB before; the file of an export is read whole")


if __name__ == "__main__":
    main(int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 200_000)
