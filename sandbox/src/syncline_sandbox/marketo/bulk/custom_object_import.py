"""Imports of the records of a custom object.

Source: Marketo "Bulk Custom Object Import": upsert by the dedupe fields; a header that names no field is as if it were
not there, so that a key behind a blank is missing ("missing.dedupe.fields").
"""

from __future__ import annotations

from collections.abc import Sequence

from syncline_sandbox.marketo.bulk.targets import Members, Outcome, reason_text
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.custom_objects.room import CustomObjects
from syncline_sandbox.marketo.envelope import Refused

_CHUNK = 1_000
_REASONS = {"1002": "missing.dedupe.fields"}


class CustomObjectImport:
    """The import target of custom objects."""

    def __init__(self, objects: CustomObjects) -> None:
        self._objects = objects

    def checked(self, call: Call) -> Members:
        kind = self._objects.room(call).kind
        if kind.crm_managed:
            raise Refused(1018, "CRM Enabled")
        return {"name": kind.name}

    def run(self, call: Call, request: Members, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Outcome:
        room = self._objects.named(request["name"])
        kind, outcome = room.kind, Outcome()
        known = [name if name.lower() in kind.by_name else None for name in header]
        for start in range(0, len(rows), _CHUNK):
            records = [
                {name: cell for name, cell in zip(known, row, strict=False) if name is not None and cell != ""}
                for row in rows[start : start + _CHUNK]
            ]
            results = room.write(call, records, "createOrUpdate", kind.dedupe, twice=True)
            for index, result in enumerate(results, start):
                if result["status"] == "skipped":
                    reason = result["reasons"][0]
                    outcome.failures[index] = _REASONS.get(reason["code"]) or reason_text(kind.by_name, reason)
        return outcome
