"""Bulk API 2.0 of the org sandbox against SQLite alone, in the same run and without HTTP.

Run as ``python benchmarks/sandbox/bench_bulk.py [leads]`` (200,000 if not said). The query: all leads with 25 fields,
job to last page, against fetching the same columns and csv.writer. The ingest: upload to last result file, against a
bare ``executemany`` of ready rows into a table with the same columns and indexes. Ratios are the floor's seconds by
ours: 1 is as quick as the floor, less is slower.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from syncline_sandbox.core.wire import Request, Response
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET

TEXTS = (
    "FirstName LastName Company Title Phone MobilePhone Fax Street City State PostalCode Country Website Description "
    "LeadSource Industry Rating Status"
).split()
FIELDS = [*TEXTS, "Email", "AnnualRevenue", "NumberOfEmployees", "DoNotCall", "HasOptedOutOfEmail"]
QUERIED = [*FIELDS, "Id", "SystemModstamp"]
JOB_ROWS = 100_000


class Caller:
    """Speaks Bulk 2.0 to an org in process."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
        answer = org.handle(Request(method="POST", path="/services/oauth2/token", body=form.encode()))
        self._headers = {"authorization": f"Bearer {json.loads(answer.body)['access_token']}"}

    def send(self, method: str, path: str, body: Any = None, query: str = "") -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        path = f"/services/data/v59.0/jobs/{path}"
        answer = self._org.handle(
            Request(method=method, path=path, query_string=query, headers=self._headers, body=raw)
        )
        assert answer.status < 300, answer.body
        return answer

    def query(self, fields: list[str]) -> int:
        """Read all leads; the bytes of all pages."""
        spec = {"operation": "query", "query": f"SELECT {', '.join(fields)} FROM Lead"}
        job, locator, length = json.loads(self.send("POST", "query", spec).body)["id"], "", 0
        while locator != "null":
            page = self.send("GET", f"query/{job}/results", query=f"locator={locator}" if locator else "")
            length += len(page.body)
            locator = dict(page.headers)["Sforce-Locator"]
        self.send("DELETE", f"query/{job}")
        return length

    def ingest(self, operation: str, content: bytes, **more: str) -> None:
        spec = {"object": "Lead", "operation": operation, "contentType": "CSV", **more}
        job = json.loads(self.send("POST", "ingest", spec).body)["id"]
        self.send("PUT", f"ingest/{job}/batches", content)
        self.send("PATCH", f"ingest/{job}", {"state": "UploadComplete"})
        info = json.loads(self.send("GET", f"ingest/{job}").body)
        assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 0), info
        for kind in ("successfulResults", "failedResults", "unprocessedRecords"):
            self.send("GET", f"ingest/{job}/{kind}")
        self.send("DELETE", f"ingest/{job}")


def cells(number: int) -> list[str]:
    texts = [f"{name} {number}"[:30] for name in TEXTS]
    texts[TEXTS.index("Status")] = "Open - Not Contacted"
    return [*texts, f"lead{number}@x{number % 997}.example", f"{number}.5", str(number % 5000), "false", "true"]


def uploads(rows: int) -> Iterator[bytes]:
    """CSV files of the size a client would send."""
    for start in range(0, rows, JOB_ROWS):
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(cells(number) for number in range(start, min(start + JOB_ROWS, rows)))
        yield text.getvalue().encode()


@contextmanager
def open_org(folder: Path, name: str) -> Iterator[SalesforceOrg]:
    org = SalesforceOrg(str(folder / name))
    yield org
    org.storage.db.close()


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def bare_insert(source: Path, target: Path) -> float:
    """The rows of *source*'s leads by executemany into the same table of a fresh file."""
    with sqlite3.connect(source) as full:
        made = full.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'Lead' AND sql IS NOT NULL").fetchall()
        stored = [row[1] for row in full.execute('PRAGMA table_info("Lead")')]
        rows = full.execute(
            f'SELECT {", ".join(f"{chr(34)}{name}{chr(34)}" for name in stored)} FROM "Lead"'
        ).fetchall()
    names = ", ".join(f'"{name}"' for name in stored)
    bare = sqlite3.connect(target, isolation_level=None)
    bare.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
    for (sql,) in sorted(made, reverse=True):  # the table before its indexes
        bare.execute(sql)

    def insert() -> None:
        bare.execute("BEGIN")
        bare.executemany(f'INSERT INTO "Lead" ({names}) VALUES ({", ".join("?" * len(stored))})', rows)
        bare.execute("COMMIT")

    taken = seconds(insert)
    bare.close()
    return taken


def bare_query(path: Path, names: list[str]) -> float:
    """Fetching the columns and writing them as CSV, into memory a page at a time."""
    with sqlite3.connect(path) as full:
        sql = f'SELECT {", ".join(f"{chr(34)}{name}{chr(34)}" for name in names)} FROM "Lead"'

        def read() -> None:
            rows = full.execute(sql)
            while page := rows.fetchmany(50_000):
                text = io.StringIO(newline="")
                csv.writer(text).writerows(page)

        return seconds(read)


def show(what: str, rows: int, ours: float, floor: float) -> None:
    print(f"{what:<8} {rows:>9,} rows  {ours:7.2f} s  floor {floor:6.2f} s  ratio {floor / ours:.2f}")


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with open_org(folder, "org.sqlite") as org:
            caller = Caller(org)
            loaded = 0.0
            for content in uploads(rows):
                loaded += seconds(lambda content=content: caller.ingest("insert", content))  # type: ignore[misc]
            org.storage.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            asked = min(seconds(lambda: caller.query(QUERIED)) for _ in range(2))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        floor = min(bare_query(folder / "org.sqlite", QUERIED) for _ in range(2))
        show("query", rows, asked, floor)
        show("insert", rows, loaded, bare_insert(folder / "org.sqlite", folder / "bare.sqlite"))
        print(f"memory   {peak:,.0f} MB at the most, before the floors")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
