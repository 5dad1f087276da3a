"""Exports of leads.

Source: Marketo "Bulk Lead Extract": exactly one filter; blank is the word null; `updatedAt` looks at the hidden time of
the last change of any field; the lists as they are when the job runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from syncline_sandbox.marketo.bulk import request as form
from syncline_sandbox.marketo.bulk.files import Row
from syncline_sandbox.marketo.bulk.request import Members
from syncline_sandbox.marketo.bulk.sources import SMART, STATIC, ListFilters
from syncline_sandbox.marketo.past import LeadPast
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row as Stored
from syncline_sandbox.marketo.store import Store, lead_expression, marks
from syncline_sandbox.marketo.values import as_csv_expression

# filter → the column it looks at; updatedAt means the hidden time of the last change of any field
TIME_FILTERS = {"createdAt": "createdAt", "updatedAt": "_changedAt"}


class LeadSource:
    """Rows of leads."""

    def __init__(self, store: Store, past: LeadPast, settings: Settings, lists: ListFilters) -> None:
        self._store = store
        self._past = past
        self._settings = settings
        self._lists = lists

    def checked(self, _name: str, document: Members) -> Members:
        names = form.named_fields(document.get("fields"), self._resolved)
        return {**form.shape(document), "fields": names, **self._filter(document.get("filter"))}

    def _resolved(self, name: str) -> str | None:
        return None if self._store.fields.find(name) is None else name

    def _filter(self, wanted: Any) -> Members:
        name, value = form.one_filter(wanted)
        if name in (*STATIC, *SMART):
            return self._lists.checked(name, value)
        if name == "updatedAt" and not self._settings.export_by_updated_at:
            raise form.unsupported_filter(name)
        if name not in TIME_FILTERS:
            raise form.bad_filter()
        return {"filter": name, **form.window(value)}

    def rows(self, _name: str, request: Members) -> Iterator[Row]:
        unseen = self._past.seen(0.0)
        fields = [self._store.fields[name] for name in request["fields"]]
        selected = ", ".join(as_csv_expression(field, lead_expression(field.name)) for field in fields)
        condition, parameters = self._condition(request)
        if unseen:
            condition, parameters = f"{condition} AND id NOT IN {marks([*unseen])}", [*parameters, *unseen]
        # By the filter's own index where it has one, so that nothing is sorted.
        order = TIME_FILTERS.get(request["filter"], "id")
        sql = f'SELECT {selected} FROM leads WHERE {condition} ORDER BY "{order}", id'
        rows = self._store.connection.execute(sql, parameters)
        if not unseen:
            return rows
        past = (self._past_row(row, request["fields"]) for row in unseen.values() if self._matched(row, request))
        return chain(rows, past)

    def _condition(self, request: Members) -> tuple[str, list[Any]]:
        if (column := TIME_FILTERS.get(request["filter"])) is not None:
            return f'"{column}" BETWEEN ? AND ?', [request["start"], request["end"]]
        members, parameters = self._lists.condition(request)
        return f"id IN {members}", parameters

    def _matched(self, past: Stored | None, request: Members) -> bool:
        """Whether a row that readers still see is asked for. Lists are looked at as they are now."""
        if past is None:
            return False
        if (column := TIME_FILTERS.get(request["filter"])) is not None:
            return bool(request["start"] <= past[column] <= request["end"])
        members, parameters = self._lists.condition(request)
        return bool(self._store.one(f"SELECT ? IN {members}", (past["id"], *parameters))[0])

    def _past_row(self, past: Stored | None, names: Sequence[str]) -> list[Any]:
        shown = []
        for name in names:
            value = (past or {}).get(name)
            if self._store.fields[name].type == "boolean":
                value = "true" if value else "false"
            shown.append("null" if value is None else value)
        return shown
