"""The query resources: query, queryAll, and the pages behind a locator.

Lives here: what stands in the URL and the headers ("Query", "QueryAll", "Query Options Header" of the REST API
Developer Guide). Running a query is in `query_runs.py`, SOQL itself in `soql`, plans in `query_plans.py`, columns in
`query_columns.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from syncline_sandbox.core.clock import SandboxClock

from .caller import Caller
from .errors import OrgError
from .ids import IdSource
from .query_columns import columns
from .query_plans import plans
from .query_runs import MAX_PAGE_ROWS, MIN_PAGE_ROWS, QueryRuns, not_too_complicated
from .reading import Reading
from .schema import Schema
from .web import Answer, Call, Route

_BATCH_SIZE = re.compile(r"\bbatchSize\s*=\s*(\d{1,9})", re.IGNORECASE)


class QueryResources:
    """query, queryAll and their pages. `runs` is for the other APIs that query."""

    def __init__(self, schema: Schema, reading: Reading, ids: IdSource, clock: SandboxClock) -> None:
        self._schema = schema
        self._reading = reading
        self.runs = QueryRuns(schema, reading, ids, clock)

    def routes(self) -> list[Route]:
        run: dict[str, Callable[[Call], Answer]] = {
            "query": partial(self._run, include_deleted=False),
            "queryAll": partial(self._run, include_deleted=True),
        }
        return [
            *(Route("GET", name, handler) for name, handler in run.items()),
            *(Route("GET", f"{name}/{{*}}", self._more) for name in run),
        ]

    def forget(self) -> None:
        """Drop every open locator."""
        self.runs.forget()

    def _run(self, call: Call, *, include_deleted: bool) -> Answer:
        explained = call.query.get("explain", "")
        if explained:
            compiled = self.runs.compile(call.caller, explained, include_deleted=include_deleted)
            db = self._reading.connection(call.caller)
            with not_too_complicated():
                return Answer(body={"plans": plans(explained, compiled, self._schema, db)})
        text = call.query.get("q", "")
        if not text:
            raise OrgError("MALFORMED_QUERY", "A query string has to be specified")
        if call.query.get("columns", "").lower() == "true":
            compiled = self.runs.compile(call.caller, text, include_deleted=include_deleted)
            return Answer(body=columns(text, compiled, self._schema))
        page = self.runs.run(call.caller, text, include_deleted=include_deleted, page_rows=page_rows(call.caller))
        return Answer(body=page.body(call.data_url))

    def _more(self, call: Call) -> Answer:
        # Some clients hand the whole nextRecordsUrl in as the locator.
        locator = call.parts[0].rpartition("/")[2]
        page = self.runs.more(call.caller, locator, page_rows=page_rows(call.caller))
        return Answer(body=page.body(call.data_url))


def page_rows(caller: Caller) -> int:
    """The page size `Sforce-Query-Options: batchSize=n` asks for, within the bounds."""
    found = _BATCH_SIZE.search(caller.headers.get("sforce-query-options", ""))
    return MAX_PAGE_ROWS if found is None else min(MAX_PAGE_ROWS, max(MIN_PAGE_ROWS, int(found[1])))
