"""PK chunking: one query of a whole table as many, each over a range of record ids.

Bulk API Developer Guide, "PK Chunking": the header of the job, the ranges (ids of deleted records count), 100,000
records a chunk unless told, 250,000 at most. The batch that holds the query is never processed itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from sqlite3 import Connection

from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.schema import SObject

from .notation import AsyncError

DEFAULT_CHUNK, MAX_CHUNK = 100_000, 250_000
_STANDARD = frozenset(
    "Account Asset Campaign CampaignMember Case Contact Event EventRelation Lead LoginHistory Opportunity Task User "
    "WorkOrder WorkOrderLineItem".split()
)
_WHERE = re.compile(r"\bWHERE\b", re.IGNORECASE)
# What stands behind the conditions of a query, or in brackets before them: such a query is not cut.
_UNCUT = re.compile(r"\b(ORDER\s+BY|LIMIT|GROUP\s+BY|OFFSET|FOR\s+(VIEW|REFERENCE))\b|\(\s*SELECT\b", re.IGNORECASE)
_QUOTED = re.compile(r"'(\\.|[^'\\])*'")


@dataclass(frozen=True, kw_only=True)
class PkChunking:
    """How a job's queries are cut."""

    size: int = DEFAULT_CHUNK
    start: str | None = None


def chunking_of(header: str | None, sobject: SObject) -> PkChunking | None:
    """What `Sforce-Enable-PKChunking` asks for. AsyncError InvalidJob for what makes no sense."""
    text = (header or "").strip().rstrip(";")
    if not text or text.lower() == "false":
        return None
    given = {} if text.lower() == "true" else dict(_setting(part) for part in text.split(";") if part.strip())
    if unknown := given.keys() - {"chunksize", "parent", "startrow", "true"}:
        raise AsyncError("InvalidJob", f"Sforce-Enable-PKChunking has no {', '.join(sorted(unknown))}")
    if not sobject.name.endswith("__c") and sobject.name not in _STANDARD and "parent" not in given:
        raise AsyncError("InvalidJob", f"PK chunking is not supported for {sobject.name}")
    size = given.get("chunksize", str(DEFAULT_CHUNK))
    if not size.isdigit() or not 1 <= int(size) <= MAX_CHUNK:
        raise AsyncError("InvalidJob", f"Invalid chunk size: {size}. The maximum is {MAX_CHUNK}")
    start = full_id(given["startrow"]) if "startrow" in given else None
    if "startrow" in given and start is None:
        raise AsyncError("InvalidJob", f"Invalid startRow: {given['startrow']}")
    return PkChunking(size=int(size), start=start)


def _setting(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip()


def can_be_cut(soql: str) -> bool:
    """True for a query that has nothing but conditions."""
    return _UNCUT.search(_QUOTED.sub("''", soql)) is None


def ranges(db: Connection, sobject: SObject, chunking: PkChunking) -> list[tuple[str, str | None]]:
    """From which id on, and below which, each chunk goes; the last is open. An empty table has none."""
    sql = (
        f'SELECT id FROM (SELECT "Id" AS id, row_number() OVER (ORDER BY "Id") AS n FROM "{sobject.table}" '
        'WHERE "Id" >= ?) WHERE (n - 1) % ? = 0 ORDER BY id'
    )
    firsts = [record_id for (record_id,) in db.execute(sql, (chunking.start or "", chunking.size))]
    return list(zip(firsts, [*firsts[1:], None], strict=True))


def predicate(bounds: tuple[str, str | None]) -> tuple[str, tuple[str, ...]]:
    """The SQL that holds for the records of one range."""
    first, below = bounds
    if below is None:
        return '{row}."Id" >= ?', (first,)
    return '{row}."Id" >= ? AND {row}."Id" < ?', (first, below)


def cut(soql: str, bounds: tuple[str, str | None]) -> str:
    """The query over one range, as the batch shows it."""
    first, below = bounds
    limits = f"Id >= '{first}'" + (f" AND Id < '{below}'" if below else "")
    where = _WHERE.search(soql)
    if where is None:
        return f"{soql.rstrip()} WHERE {limits}"
    return f"{soql[: where.end()]} {limits} AND ({soql[where.end() :].strip()})"
