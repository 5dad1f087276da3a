"""The schema endpoints of program member fields.

Source: Marketo "Program Members" (Query Fields, Create Fields, Update Field: one custom field). Hidden fields are told
too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.fields import Field, schema_record
from syncline_sandbox.marketo.members.fields import MemberFields
from syncline_sandbox.marketo.tokens import cursor, read_cursor

Members = dict[str, Any]
_ALWAYS = {"description": "description", "isHtmlEncodingInEmail": "is_html_encoded", "isSensitive": "is_sensitive"}
_OF_CUSTOM = {"displayName": "label", "isHidden": "is_hidden"}


class MemberSchema:
    """Answers them."""

    def __init__(self, fields: MemberFields) -> None:
        self._fields = fields

    def browse(self, call: Call) -> Members:
        after = read_cursor(token, "member fields") if (token := call.one("nextPageToken")) else 0
        size = call.batch_size()
        later = sorted((field for field in self._fields.all() if field.id > after), key=lambda field: field.id)
        more = {"nextPageToken": cursor("member fields", later[size - 1].id)} if len(later) > size else {}
        return {"result": [schema_record(field) for field in later[:size]], **more, "moreResult": bool(more)}

    def one(self, call: Call) -> Members:
        return {"result": [schema_record(self._field(call))]}

    def create(self, call: Call) -> Members:
        _, records = call.inputs()
        return {"result": [self._create(record) for record in records]}

    def _create(self, record: Any) -> Members:
        try:
            field = self._fields.make(record if isinstance(record, dict) else {})
        except Refused as refused:
            return skipped(int(refused.code), refused.message)
        return {"name": field.name, "status": "created"}

    def update(self, call: Call) -> Members:
        field, (_, records) = self._field(call), call.inputs(1)
        if not field.custom:
            raise Refused(1003, f"Field '{field.name}' is a standard field and cannot be updated")
        known = _ALWAYS | _OF_CUSTOM
        record = records[0] if isinstance(records[0], dict) else {}
        if not record or not set(record) <= set(known):
            raise Refused(1003, f"Only {sorted(known)} can be updated")
        self._fields.keep(replace(field, **{known[name]: value for name, value in record.items()}))
        return {"result": [{"name": field.name, "status": "updated"}]}

    def _field(self, call: Call) -> Field:
        name = call.captured["name"]
        field = self._fields.any(name)
        if field is None:
            raise Refused(1006, f"Field '{name}' not found")
        return field
