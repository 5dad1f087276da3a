"""Exports of the records of a custom object.

Source: Marketo "Bulk Custom Object Extract": only objects linked to leads directly, not those a CRM brings; exactly one
filter, updatedAt or a list of leads. The texts of those refusals are not documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncline_sandbox.marketo.bulk import request as form
from syncline_sandbox.marketo.bulk.files import Row
from syncline_sandbox.marketo.bulk.request import Members
from syncline_sandbox.marketo.bulk.sources import SMART, STATIC, ListFilters
from syncline_sandbox.marketo.custom_objects.room import CustomObjects
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.objects.kind import Kind, Link
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import as_csv_expression


class CustomObjectSource:
    """Rows of custom objects."""

    def __init__(self, store: Store, settings: Settings, objects: CustomObjects, lists: ListFilters) -> None:
        self._store = store
        self._settings = settings
        self._objects = objects
        self._lists = lists

    def checked(self, name: str, document: Members) -> Members:
        kind = self._objects.named(name).kind
        if kind.crm_managed:
            raise Refused(1003, "CRM custom objects not allowed")
        if _lead_link(kind) is None:
            raise Refused(1003, f"Custom object '{kind.name}' is not linked to leads")
        names = form.named_fields(document.get("fields"), lambda asked: _resolved(kind, asked))
        return {**form.shape(document), "fields": names, **self._filter(document.get("filter"))}

    def _filter(self, wanted: Any) -> Members:
        name, value = form.one_filter(wanted)
        if name in (*STATIC, *SMART):
            return self._lists.checked(name, value)
        if name != "updatedAt":
            raise form.bad_filter()
        if not self._settings.export_by_updated_at:
            raise form.unsupported_filter(name)
        return {"filter": name, **form.window(value)}

    def rows(self, name: str, request: Members) -> Iterator[Row]:
        kind = self._objects.named(name).kind
        fields = [kind.by_name[asked.lower()] for asked in request["fields"]]
        selected = ", ".join(as_csv_expression(field, f'"{field.name}"') for field in fields)
        condition, parameters = self._condition(kind, request)
        sql = f'SELECT {selected} FROM "{kind.table}" WHERE {condition} ORDER BY id'
        return self._store.connection.execute(sql, parameters)

    def _condition(self, kind: Kind, request: Members) -> tuple[str, list[Any]]:
        if request["filter"] == "updatedAt":
            return '"updatedAt" BETWEEN ? AND ?', [request["start"], request["end"]]
        link = _lead_link(kind)
        assert link is not None
        members, parameters = self._lists.condition(request)
        return f'"{link.field}" IN (SELECT "{link.column}" FROM leads WHERE id IN {members})', parameters


def _lead_link(kind: Kind) -> Link | None:
    return next((link for link in kind.links if link.table == "leads"), None)


def _resolved(kind: Kind, asked: str) -> str | None:
    field = kind.by_name.get(asked.lower())
    return None if field is None else field.name
