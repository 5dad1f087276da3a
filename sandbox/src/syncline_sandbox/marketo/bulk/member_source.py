"""Exports of program members, with fields of the membership and of the person.

Source: Marketo "Bulk Program Member Extract": programId, or programIds (ten at most) with a leading column programId;
further filters are joined by AND; an unknown status is 1003. A name that both have is the membership's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.bulk import request as form
from syncline_sandbox.marketo.bulk.files import Row
from syncline_sandbox.marketo.bulk.request import Members
from syncline_sandbox.marketo.members.fields import MemberFields
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store, lead_expression, marks
from syncline_sandbox.marketo.values import as_csv_expression, is_plain

MAX_PROGRAMS = 10
_ALLOWED = {"programId", "programIds", "isExhausted", "nurtureCadence", "statusNames", "updatedAt"}
_CADENCES = {"norm": "norm", "pause": "paus", "paus": "paus"}


class MemberSource:
    """Rows of program members."""

    def __init__(self, store: Store, settings: Settings, programs: Programs, fields: MemberFields) -> None:
        self._store = store
        self._settings = settings
        self._programs = programs
        self._fields = fields

    def checked(self, _name: str, document: Members) -> Members:
        wanted = document.get("filter")
        if (
            not isinstance(wanted, dict)
            or set(wanted) - _ALLOWED
            or ("programId" in wanted) == ("programIds" in wanted)
        ):
            raise form.bad_filter()
        programs = self._checked_programs(wanted)
        names = form.named_fields(document.get("fields"), self._resolved)
        if "programIds" in wanted:
            names = ["programId", *(name for name in names if name != "programId")]
        checks: dict[str, Callable[[Any, list[int]], Any]] = {
            "isExhausted": _checked_flag,
            "nurtureCadence": _checked_cadence,
            "statusNames": self._checked_statuses,
            "updatedAt": self._checked_window,
        }
        filters = {name: check(wanted[name], programs) for name, check in checks.items() if name in wanted}
        return {**form.shape(document), "fields": names, "programs": programs, **filters}

    def _resolved(self, name: str) -> str | None:
        return name if self._fields.find(name) or self._store.fields.find(name) else None

    def _checked_programs(self, wanted: Members) -> list[int]:
        ids = [wanted["programId"]] if "programId" in wanted else wanted["programIds"]
        if (
            not isinstance(ids, list)
            or not 0 < len(ids) <= MAX_PROGRAMS
            or not all(type(one) is int and is_plain(one) for one in ids)
        ):
            raise form.bad_filter()
        if any(self._programs.get(one) is None for one in ids):
            raise form.bad_filter()
        return ids

    def _checked_statuses(self, wanted: Any, programs: list[int]) -> list[str]:
        rows = [row for one in programs if (row := self._programs.get(one)) is not None]
        known = {status.name for row in rows for status in self._programs.statuses(row)}
        if not isinstance(wanted, list) or not wanted or not all(name in known for name in map(str, wanted)):
            raise form.bad_filter()
        return [str(name) for name in wanted]

    def _checked_window(self, wanted: Any, _programs: list[int]) -> Members:
        if not self._settings.export_by_updated_at:
            raise form.unsupported_filter("updatedAt")
        return form.window(wanted)

    def rows(self, _name: str, request: Members) -> Iterator[Row]:
        condition, parameters = f"m.program_id IN {marks(request['programs'])}", [*request["programs"]]
        if "isExhausted" in request:
            condition, parameters = f"{condition} AND m.isExhausted = ?", [*parameters, int(request["isExhausted"])]
        if "nurtureCadence" in request:
            condition, parameters = f"{condition} AND m.nurtureCadence = ?", [*parameters, request["nurtureCadence"]]
        if names := request.get("statusNames"):
            condition, parameters = f"{condition} AND m.statusName IN {marks(names)}", [*parameters, *names]
        if span := request.get("updatedAt"):
            condition = f"{condition} AND m.updatedAt BETWEEN ? AND ?"
            parameters += [span["start"], span["end"]]
        selected = ", ".join(map(self._expression, request["fields"]))
        sql = f"SELECT {selected} FROM program_members m WHERE {condition} ORDER BY m.program_id, m.id"
        return self._store.connection.execute(sql, parameters)

    def _expression(self, name: str) -> str:
        if (field := self._fields.find(name)) is not None:
            return as_csv_expression(field, self._fields.expression(name))
        own = f"(SELECT {lead_expression(name)} FROM leads WHERE leads.id = m.lead_id)"
        return as_csv_expression(self._store.fields[name], own)


def _checked_flag(wanted: Any, _programs: list[int]) -> bool:
    if not isinstance(wanted, bool):
        raise form.bad_filter()
    return wanted


def _checked_cadence(wanted: Any, _programs: list[int]) -> str:
    """`pause` is documented; the field holds four characters."""
    if (stored := _CADENCES.get(str(wanted))) is None:
        raise form.bad_filter()
    return stored
