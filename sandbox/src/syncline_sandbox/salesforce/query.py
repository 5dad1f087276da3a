"""The query resources: query, queryAll, and the pages behind a locator.

Lives here: paging and its snapshots ("Query", "QueryAll", "Query Options Header" of the REST API Developer Guide).
SOQL itself is in `soql`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock

from .errors import OrgError
from .ids import IdSource
from .reading import Reading
from .schema import Schema
from .soql import CompiledQuery, RowShaper, SoqlError, compile_query
from .web import Answer, Call, Route

MAX_PAGE_ROWS = 2000
MIN_PAGE_ROWS = 200
LOCATOR_LIFE = timedelta(days=2)
_LOCATOR_PREFIX = "0r8"


@dataclass(frozen=True, kw_only=True)
class _Cursor:
    """The ids an open query found, in order. Values are read when a page is fetched."""

    compiled: CompiledQuery
    ids: Sequence[str]
    user_id: str
    opened_at: datetime


class QueryResources:
    """query, queryAll and their pages."""

    def __init__(self, schema: Schema, reading: Reading, ids: IdSource, clock: SandboxClock) -> None:
        self._schema = schema
        self._reading = reading
        self._ids = ids
        self._clock = clock
        self._cursors: dict[str, _Cursor] = {}

    def routes(self) -> list[Route]:
        run: dict[str, Callable[[Call], Answer]] = {
            "query": lambda call: self._run(call, include_deleted=False),
            "queryAll": lambda call: self._run(call, include_deleted=True),
        }
        return [
            *(Route("GET", name, handler) for name, handler in run.items()),
            *(Route("GET", f"{name}/{{*}}", self._more) for name in run),
        ]

    def forget(self) -> None:
        """Drop every open locator."""
        self._cursors.clear()

    def compile(self, call: Call, text: str, *, include_deleted: bool) -> CompiledQuery:
        """Compile SOQL for the caller. OrgError with the compiler's code and text."""
        try:
            return compile_query(
                text, self._schema, call.caller.rights, self._clock.now(), include_deleted=include_deleted
            )
        except SoqlError as refused:
            raise OrgError(refused.code, refused.message) from refused

    def _run(self, call: Call, *, include_deleted: bool) -> Answer:
        text = call.query.get("q", "")
        if not text:
            raise OrgError("MALFORMED_QUERY", "A query string has to be specified")
        compiled = self.compile(call, text, include_deleted=include_deleted)
        db = self._reading.connection(call.caller)
        if compiled.kind == "count":
            (total,) = db.execute(compiled.count_sql, compiled.parameters).fetchone()
            return Answer(body={"totalSize": total, "done": True, "records": []})
        page_rows = _page_rows(call)
        limit = page_rows + 1 if compiled.kind == "records" else -1
        rows = db.execute(compiled.sql, compiled.parameters).fetchmany(limit) if limit > 0 else None
        if rows is None or len(rows) <= page_rows:
            rows = rows if rows is not None else db.execute(compiled.sql, compiled.parameters).fetchall()
            return _page(call, compiled, rows, total=len(rows), rest=None)
        ids = [record_id for (record_id,) in db.execute(compiled.ids_sql, compiled.parameters)]
        locator = self._open(call, compiled, ids)
        return _page(call, compiled, rows[:page_rows], total=len(ids), rest=f"{locator}-{page_rows}")

    def _open(self, call: Call, compiled: CompiledQuery, ids: list[str]) -> str:
        now = self._clock.now()
        self._cursors = {key: open_ for key, open_ in self._cursors.items() if now - open_.opened_at <= LOCATOR_LIFE}
        locator = self._ids.new(_LOCATOR_PREFIX)
        self._cursors[locator] = _Cursor(compiled=compiled, ids=ids, user_id=call.caller.user_id, opened_at=now)
        return locator

    def _more(self, call: Call) -> Answer:
        # Some clients hand the whole nextRecordsUrl in as the locator.
        locator, _, offset_text = call.parts[0].rpartition("/")[2].partition("-")
        cursor = self._cursors.get(locator)
        start = int(offset_text) if offset_text.isdecimal() else 0
        if (
            cursor is None
            or cursor.user_id != call.caller.user_id
            or self._clock.now() - cursor.opened_at > LOCATOR_LIFE
            or start > len(cursor.ids)
        ):
            raise OrgError("INVALID_QUERY_LOCATOR", "invalid query locator")
        end = start + _page_rows(call)
        wanted = cursor.ids[start:end]
        db = self._reading.connection(call.caller)
        bound = (*cursor.compiled.page_parameters, orjson.dumps(wanted).decode())
        found = {row[0]: row for row in db.execute(cursor.compiled.page_sql, bound)}
        rows = [found[record_id] for record_id in wanted if record_id in found]
        rest = f"{locator}-{end}" if end < len(cursor.ids) else None
        return _page(call, cursor.compiled, rows, total=len(cursor.ids), rest=rest)


def _page(call: Call, compiled: CompiledQuery, rows: Sequence[Any], *, total: int, rest: str | None) -> Answer:
    shaper = RowShaper(compiled, call.data_url)
    body: dict[str, Any] = {"totalSize": total, "done": rest is None, "records": [shaper.record(row) for row in rows]}
    if rest is not None:
        body["nextRecordsUrl"] = f"{call.data_url}/query/{rest}"
    return Answer(body=body)


def _page_rows(call: Call) -> int:
    """The page size `Sforce-Query-Options: batchSize=n` asks for, within the bounds."""
    name, _, value = call.caller.headers.get("sforce-query-options", "").partition("=")
    if name.strip().lower() != "batchsize" or not value.strip().isdecimal():
        return MAX_PAGE_ROWS
    return min(MAX_PAGE_ROWS, max(MIN_PAGE_ROWS, int(value)))
