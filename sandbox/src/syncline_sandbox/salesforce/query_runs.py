"""Running a query for a caller: compile, the first page, the pages behind a locator.

This is the one way from SOQL to rows: REST answers what `Page.body` says, the other APIs take its parts. "Query",
"Query More Results", "Query Options Header" of the REST API Developer Guide; "API Query Cursor Limits" of the limits
cheat sheet: a locator lives two days, for one user, and can be read again at any offset. A locator holds ids; the
values are read when a page is fetched, and a record gone meanwhile is left out of its page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock

from .caller import Caller
from .errors import OrgError
from .ids import IdSource
from .reading import Reading
from .schema import Schema
from .soql import CompiledQuery, RowsById, RowShaper, SoqlError, Style
from .soql.compiler import compile_parsed
from .soql.functions import zone_named
from .soql.parser import parse
from .soql.statement import Statement

MAX_PAGE_ROWS = 2000
MIN_PAGE_ROWS = 200
CHILD_BATCH_ROWS = 500
"""Recorded answers end the first page of children at 499, with wide rows at 199: the parent counts as one."""
LOCATOR_LIFE = timedelta(days=2)
ID_CHARACTERS = 18
_LOCATOR_PREFIX = "0r8"
_TOO_COMPLICATED = "Query is either selecting too many fields or the filter conditions are too complicated."
_TOO_MANY_GROUPS = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of an answer. `next_locator` (`0r8…-2000`) is None on the last one."""

    total: int
    records: list[dict[str, Any]]
    next_locator: str | None

    def body(self, base: str) -> dict[str, Any]:
        """The REST answer; *base* is the version's path."""
        done = self.next_locator is None
        shown: dict[str, Any] = {"totalSize": self.total, "done": done, "records": self.records}
        return shown if done else {**shown, "nextRecordsUrl": f"{base}/query/{self.next_locator}"}


class _Ids:
    """Ids in order, packed: locators stay open for two days, and there is no ceiling on how many."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._text = "".join(ids)
        self._count = len(ids)

    def __len__(self) -> int:
        return self._count

    def cut(self, start: int, end: int) -> list[str]:
        """The ids from place *start* up to, not including, *end*."""
        places = range(start * ID_CHARACTERS, min(end, self._count) * ID_CHARACTERS, ID_CHARACTERS)
        return [self._text[place : place + ID_CHARACTERS] for place in places]


@dataclass(frozen=True, kw_only=True)
class _Cursor:
    """What an open query found."""

    by_id: RowsById
    ids: _Ids
    user_id: str
    opened_at: datetime


@contextmanager
def not_too_complicated() -> Iterator[None]:
    """What the compiler lets through and SQLite finds too deep or too long is QUERY_TOO_COMPLICATED."""
    try:
        yield
    except sqlite3.OperationalError as refused:
        raise OrgError("QUERY_TOO_COMPLICATED", _TOO_COMPLICATED) from refused


class QueryRuns:
    """Queries and their open locators, of one org."""

    def __init__(self, schema: Schema, reading: Reading, ids: IdSource, clock: SandboxClock) -> None:
        self._schema = schema
        self._reading = reading
        self._ids = ids
        self._clock = clock
        self._cursors: dict[str, _Cursor] = {}

    def forget(self) -> None:
        """Drop every open locator."""
        self._cursors.clear()

    def compile(
        self,
        caller: Caller,
        text: str,
        *,
        include_deleted: bool = False,
        style: Style = "rest",
        also: tuple[str, Sequence[object]] | None = None,
    ) -> CompiledQuery:
        """Compile SOQL for the caller (see `compile_query`). OrgError with the compiler's code and text, HTTP 400."""
        try:
            statement = self.statement(caller, text, include_deleted=include_deleted, also=also)
            return compile_parsed(parse(text), statement, style=style)
        except SoqlError as refused:
            raise OrgError(refused.code, refused.message, status=400) from refused

    def statement(
        self,
        caller: Caller,
        text: str,
        *,
        include_deleted: bool = False,
        also: tuple[str, Sequence[object]] | None = None,
    ) -> Statement:
        """Who asks, when and of what: for `compile_parsed`, which raises SoqlError."""
        now, version = self._now(caller), float(caller.version)
        return Statement(text, self._schema, caller.rights, now, include_deleted, version, also)

    def run(self, caller: Caller, text: str, *, include_deleted: bool = False, page_rows: int = MAX_PAGE_ROWS) -> Page:
        """The first page of a query. OrgError with the vendor's code and text for what cannot be answered."""
        compiled = self.compile(caller, text, include_deleted=include_deleted)
        with not_too_complicated():
            return self._first(caller, compiled, MIN_PAGE_ROWS if compiled.wide else page_rows)

    def more(self, caller: Caller, locator: str, *, page_rows: int = MAX_PAGE_ROWS) -> Page:
        """The page behind a locator, `0r8…` or `0r8…-4000`. OrgError INVALID_QUERY_LOCATOR."""
        key, _, offset = locator.partition("-")
        cursor = self._cursors.get(key)
        start = int(offset) if offset.isdecimal() and len(offset) < 10 else 0
        if (
            cursor is None
            or cursor.user_id != caller.user_id
            or self._clock.now() - cursor.opened_at > LOCATOR_LIFE
            or start > len(cursor.ids)
        ):
            raise OrgError("INVALID_QUERY_LOCATOR", "invalid query locator")
        end = start + page_rows
        wanted = cursor.ids.cut(start, end)
        by_id = cursor.by_id
        bound = (*by_id.parameters, orjson.dumps(wanted).decode())
        found = {row[0]: row for row in self._reading.connection(caller).execute(by_id.sql, bound)}
        rows = [found[record_id] for record_id in wanted if record_id in found]
        rest = f"{key}-{end}" if end < len(cursor.ids) else None
        return self._page(caller, by_id, rows, len(cursor.ids), rest, page_rows)

    def _first(self, caller: Caller, compiled: CompiledQuery, page_rows: int) -> Page:
        db = self._reading.connection(caller)
        if compiled.kind == "count":
            (total,) = db.execute(compiled.count_sql, compiled.parameters).fetchone()
            return Page(total=total, records=[], next_locator=None)
        rows = db.execute(compiled.sql, compiled.parameters).fetchmany(page_rows + 1)
        if len(rows) <= page_rows:
            return self._page(caller, compiled.by_id, rows, len(rows), None, page_rows)
        if compiled.kind == "aggregate":
            raise OrgError("EXCEEDED_ID_LIMIT", _TOO_MANY_GROUPS)
        first = rows[:page_rows]
        ids = self._ids_after(db, compiled, [row[0] for row in first])
        locator = self._open(caller, compiled.by_id, ids)
        return self._page(caller, compiled.by_id, first, len(ids), f"{locator}-{page_rows}", page_rows)

    def _ids_after(self, db: sqlite3.Connection, compiled: CompiledQuery, first: list[str]) -> list[str]:
        """All ids of the answer. Another statement may order ties otherwise: those already shown stay in front."""
        shown = set(first)
        ids = [record_id for (record_id,) in db.execute(compiled.ids_sql, compiled.parameters)]
        return [*first, *(record_id for record_id in ids if record_id not in shown)][: len(ids)]

    def _open(self, caller: Caller, by_id: RowsById, ids: list[str]) -> str:
        now = self._clock.now()
        self._cursors = {key: open_ for key, open_ in self._cursors.items() if now - open_.opened_at <= LOCATOR_LIFE}
        locator = self._ids.new(_LOCATOR_PREFIX)
        self._cursors[locator] = _Cursor(by_id=by_id, ids=_Ids(ids), user_id=caller.user_id, opened_at=now)
        return locator

    def _page(
        self, caller: Caller, by_id: RowsById, rows: Sequence[Any], total: int, rest: str | None, page_rows: int
    ) -> Page:
        shaper = RowShaper(
            by_id,
            f"/services/data/v{caller.version}",
            child_rows=min(page_rows, CHILD_BATCH_ROWS) - 1,
            open_children=partial(self._open, caller),
        )
        return Page(total=total, records=[shaper.record(row) for row in rows], next_locator=rest)

    def _now(self, caller: Caller) -> datetime:
        """The time on the caller's wall: days begin and end there ("Date Formats and Date Literals in WHERE")."""
        sql = 'SELECT "TimeZoneSidKey" FROM "User" WHERE "Id" = ?'
        found = self._reading.connection(caller).execute(sql, (caller.user_id,)).fetchone()
        zone = zone_named(found[0]) if found and found[0] else None
        now = self._clock.now()
        return now if zone is None else now.astimezone(zone)
