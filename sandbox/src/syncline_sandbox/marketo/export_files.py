"""The files of finished export jobs: rows of leads or of activities as CSV, TSV or SSV.

Source: Marketo "Bulk Lead Extract" and "Bulk Activity Extract": a header row, blank is the word null, the attributes of
an activity are one JSON object.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activities import COLUMNS, activity_record, hidden_changes
from syncline_sandbox.marketo.export_request import DELIMITERS, TIME_FILTERS
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.store import Row, Store, lead_expression, marks
from syncline_sandbox.marketo.values import as_csv_expression

Members = dict[str, Any]


class ExportFiles:
    """Renders a checked request as readers see the data now: the file and its number of records."""

    def __init__(self, store: Store, past: LeadPast, clock: SandboxClock) -> None:
        self._store = store
        self._past = past
        self._clock = clock

    def render(self, kind: str, request: Members) -> tuple[bytes, int]:
        rows = self._leads(request) if kind == "leads" else self._activities(request)
        content = io.BytesIO()
        text = io.TextIOWrapper(content, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter=DELIMITERS[request["format"]], lineterminator="\n")
        writer.writerow([request["headers"].get(name, name) for name in request["fields"]])
        records = _written(writer, rows)
        text.flush()
        return content.getvalue(), records

    def _leads(self, request: Members) -> Iterator[Sequence[Any]]:
        column = TIME_FILTERS[request["filter"]]
        unseen = self._past.seen(0.0)
        fields = [self._store.fields[name] for name in request["fields"]]
        selected = ", ".join(as_csv_expression(field, lead_expression(field.name)) for field in fields)
        condition = f'"{column}" BETWEEN ? AND ? AND id NOT IN {marks([*unseen])} ORDER BY id'
        window = (request["start"], request["end"])
        sql = f"SELECT {selected} FROM leads WHERE {condition}"
        yield from self._store.connection.execute(sql, (*window, *unseen))
        for past in unseen.values():
            if past is not None and window[0] <= past[column] <= window[1]:
                yield self._past_row(past, request["fields"])

    def _past_row(self, past: Row, names: Sequence[str]) -> list[Any]:
        shown = []
        for name in names:
            value = past.get(name)
            if self._store.fields[name].type == "boolean":
                value = "true" if value else "false"
            shown.append("null" if value is None else value)
        return shown

    def _activities(self, request: Members) -> Iterator[Sequence[Any]]:
        types = request["types"]
        unseen, hidden = hidden_changes(self._store)
        window = [_epoch(request["start"]), _epoch(request["end"]), self._clock.now().timestamp()]
        sql = (
            f"SELECT {COLUMNS} FROM activities a LEFT JOIN causes c ON c.id = a.cause_id "
            f"WHERE a.at BETWEEN ? AND ? AND a.visible_at <= ? AND a.type_id IN {marks(types)}{unseen} "
            "ORDER BY a.at, a.id"
        )
        for row in self._store.connection.execute(sql, (*window, *types, *hidden)):
            record = activity_record(row)
            said = {item["name"]: item["value"] for item in record["attributes"]}
            cells = {**record, "attributes": orjson.dumps(said).decode(), "actionResult": "succeeded"}
            yield ["null" if (value := cells.get(name)) is None else value for name in request["fields"]]


def _written(writer: Any, rows: Iterable[Sequence[Any]]) -> int:
    records = 0
    for row in rows:
        writer.writerow(row)
        records += 1
    return records


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())
