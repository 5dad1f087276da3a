"""The program member endpoints: describe, query, status, data, delete, and the older ones by lead.

Source: Marketo "Program Members"; "Leads" (Get Leads by Program Id, Get Programs by Lead Id); the reference of "Change
Lead Program Status".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import window
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.leads import API_SOURCE, DEFAULT_FIELDS, Leads
from syncline_sandbox.marketo.members.fields import DEFAULT
from syncline_sandbox.marketo.members.roll import MemberOrder, MemberRoll
from syncline_sandbox.marketo.partial_failure import Refusals
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store, marks
from syncline_sandbox.marketo.tokens import cursor, read_cursor
from syncline_sandbox.marketo.values import iso, parse_instant

Members = dict[str, Any]
MAX_FILTER_VALUES = 300
MAX_MEMBERS = 100_000
_LONGEST_WINDOW = timedelta(days=7)
_DESCRIBED_AT = "2021-03-20T01:30:05Z"  # of the vendor's sample
_MEMBERSHIP = (
    "programId statusName isExhausted acquiredBy reachedSuccess membershipDate updatedAt trackName nurtureCadence"
).split()


class ProgramMembers:
    """Answers the endpoints over the roll."""

    def __init__(
        self,
        store: Store,
        leads: Leads,
        programs: Programs,
        roll: MemberRoll,
        settings: Settings,
        refused: Callable[[Call, int], Refusals],
    ) -> None:
        self._store = store
        self._leads = leads
        self._programs = programs
        self._roll = roll
        self._fields = roll.fields
        self._settings = settings
        self._refused = refused

    # -- describe and query -----------------------------------------------------------------------------------------

    def describe(self, call: Call) -> Members:
        searched = {
            "dedupeFields": ["leadId", "programId"],
            "searchableFields": [[name] for name in self._fields.searchable()],
        }
        (plain,) = self.describe_plainly(call)["result"]
        fields = plain.pop("fields")
        return {"result": [{**plain, **searched, "fields": fields}]}

    def describe_plainly(self, _call: Call) -> Members:
        """The older path: without what can be searched."""
        fields = [self._described(field) for field in self._fields.all() if field.visible]
        head = {"name": "API Program Membership", "description": "Map for API program membership fields"}
        return {"result": [{**head, "createdAt": _DESCRIBED_AT, "updatedAt": _DESCRIBED_AT, "fields": fields}]}

    def _described(self, field: Field) -> Members:
        length = {} if field.length is None else {"length": field.length}
        head = {"name": field.name, "displayName": field.name, "dataType": field.type, **length}
        return {**head, "updateable": self._fields.updateable(field), "crmManaged": False}

    def query(self, call: Call) -> Members:
        program = self._program(call)
        condition, parameters = self._filter(call)
        names = self._wanted(call)
        query, size = f"members|{program['id']}|{condition}|{parameters}|{names}", call.batch_size()
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        where = f"m.program_id = ? AND {condition}"
        if not after and "m.lead_id IN" not in condition:
            self._refuse_too_many(program["id"], where, parameters)
        clause = f"{where} AND m.lead_id > ? ORDER BY m.lead_id LIMIT ?"
        rows = list(self._roll.rows(names, clause, (program["id"], *parameters, after, size + 1)))
        more = {"nextPageToken": cursor(query, rows[size - 1]["leadId"])} if len(rows) > size else {}
        page = [{"seq": seq, **self._roll.shown(row)} for seq, row in enumerate(rows[:size])]
        return {"result": page, **more, "moreResult": bool(more)}

    def _wanted(self, call: Call) -> list[str]:
        names = call.many("fields") or DEFAULT
        if unknown := [name for name in names if self._fields.find(name) is None]:
            raise Refused(1006, f"Field '{unknown[0]}' not found")
        return list(dict.fromkeys(("leadId", *names)))

    def _filter(self, call: Call) -> tuple[str, list[Any]]:
        kind, values = call.one("filterType"), call.many("filterValues")
        if kind is None:
            raise Refused(1003, "filterType not specified")
        if kind.lower() == "updatedat":
            return "m.updatedAt BETWEEN ? AND ?", self._window(call)
        name = next((name for name in self._fields.searchable() if name.lower() == kind.lower()), None)
        if name is None:
            raise Refused(1003, f"Invalid filterType '{kind}'")
        if not values:
            raise Refused(1003, "filterValues not specified")
        if len(values) > MAX_FILTER_VALUES:
            raise Refused(1003, f"Too many values in filterValues: {len(values)}, maximum {MAX_FILTER_VALUES}")
        field = self._fields.any(name)
        assert field is not None
        accepted: list[Any] = values
        if field.type == "integer":
            accepted = [to_number(value) for value in values]
        elif field.type == "boolean":
            accepted = [int(value.lower() in ("true", "1")) for value in values]
        return f"{self._fields.expression(name)} IN {marks(accepted)}", accepted

    @staticmethod
    def _window(call: Call) -> list[Any]:
        texts = call.one("startAt"), call.one("endAt")
        if None in texts:
            raise Refused(1003, "startAt and endAt are required with filterType 'updatedAt'")
        try:
            start, end = (parse_instant(str(text)) for text in texts)
        except (ValueError, OverflowError) as wrong:
            raise Refused(1003, f"Invalid date range: {texts}") from wrong
        if end - start > _LONGEST_WINDOW or end < start:
            raise Refused(1003, "The date range of startAt and endAt must be 7 days or less")
        return [iso(start), iso(end)]

    def _refuse_too_many(self, program_id: int, where: str, parameters: list[Any]) -> None:
        """The two texts are of two configurations of instances."""
        total = self._settings.member_limit_counts_all
        condition, values = ("m.program_id = ?", []) if total else (where, parameters)
        sql = f"SELECT count(*) FROM (SELECT 1 FROM program_members m WHERE {condition} LIMIT {MAX_MEMBERS + 1})"
        (count,) = self._store.one(sql, (program_id, *values))
        if count <= MAX_MEMBERS:
            return
        if total:
            raise Refused(1003, f"Total membership size: {count:,} exceeds the limit allowed 100,000 for the filter")
        raise Refused(1003, f"Matching membership size: {count:,} exceeds the limit allowed (100,000) for this api")

    # -- writes -----------------------------------------------------------------------------------------------------

    def set_status(self, call: Call) -> Members:
        program, (document, records) = self._program(call), call.inputs()
        name = document.get("statusName")
        if not isinstance(name, str) or not name:
            raise Refused(1002, "Missing value for the required parameter 'statusName'")
        order = self._order(call, "syncProgramMemberStatus")
        try:
            status = self._roll.status(program, name)
        except Refused as refused:
            if not self._settings.unknown_member_status_per_record:
                raise
            return _numbered([skipped(int(refused.code), refused.message) for _ in records])
        return self._written(call, records, lambda spared: self._roll.join(program, _ids(spared), status, order))

    def change(self, call: Call) -> Members:
        program, (_, records) = self._program(call), call.inputs()
        order = self._order(call, "syncProgramMemberData")
        return self._written(call, records, lambda spared: self._roll.change(program, spared, order))

    def delete(self, call: Call) -> Members:
        program, (_, records) = self._program(call), call.inputs()
        order = self._order(call, "deleteProgramMember")
        return self._written(call, records, lambda spared: self._roll.remove(program, _ids(spared), order))

    def _written(self, call: Call, records: list[Any], deed: Callable[[list[Any]], list[Members]]) -> Members:
        """The deed done to all records but those a partial failure hits."""
        refusals = self._refused(call, len(records))
        results = iter(deed([record for index, record in enumerate(records) if index not in refusals]))
        return _numbered(
            [skipped(*refusals[index]) if index in refusals else next(results) for index in range(len(records))]
        )

    def change_status_of_members(self, call: Call) -> Members:
        """The superseded call: people who are no members stay so."""
        program, (document, records) = self._program(call), call.inputs()
        status = self._roll.status(program, str(document.get("status") or ""))
        ids, order = _ids(records, "id"), self._order(call, "changeLeadProgramStatus")
        members = self._roll.among(program["id"], ids)
        results = iter(self._roll.join(program, [number for number in ids if number in members], status, order))
        told = [next(results) if number in members else self._no_member(number) for number in ids]
        return {"result": [{"id": row.pop("leadId"), **row} for row in told]}

    def _no_member(self, lead_id: Any) -> Members:
        known = isinstance(lead_id, int) and abs(lead_id) < 2**63
        if known and self._store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)):
            return skipped(1013, "Membership not found", leadId=lead_id)
        return skipped(1004, "Lead not found", leadId=lead_id)

    # -- by lead ----------------------------------------------------------------------------------------------------

    def leads_of_program(self, call: Call) -> Members:
        program, size = self._program(call), call.batch_size()
        names = call.many("fields") or list(DEFAULT_FIELDS)
        wanted = self._leads.wanted(call)
        query = f"leads of program {program['id']}|{names}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        clause = "m.program_id = ? AND m.lead_id > ? ORDER BY m.lead_id LIMIT ?"
        roll = list(self._roll.rows(["leadId", *_MEMBERSHIP], clause, (program["id"], after, size + 1)))
        by_lead = {row.pop("leadId"): row for row in roll[:size]}
        rows = self._store.leads_where(wanted, f"id IN {marks([*by_lead])} ORDER BY id", [*by_lead])
        rows = self._leads.as_seen(call, rows, wanted)
        more = {"nextPageToken": cursor(query, [*by_lead][-1])} if len(roll) > size else {}
        result = [
            {**self._leads.shown(row), "membership": self._membership(program, by_lead[row["id"]])} for row in rows
        ]
        return {"result": result, **more}

    def programs_of_lead(self, call: Call) -> Members:
        lead_id, size = to_number(call.captured["id"]), call.batch_size()
        if self._store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)) is None:
            raise Refused(1004, "Lead not found")
        dates, bounds = window(call)
        condition, parameters = f"m.lead_id = ?{dates}", [lead_id, *bounds]
        if (kind := call.one("filterType")) is not None:
            if kind.lower() != "programid":
                raise Refused(1003, f"Invalid filterType '{kind}'")
            ids = [to_number(text) for text in call.many("filterValues")]
            condition, parameters = f"{condition} AND m.program_id IN {marks(ids)}", [*parameters, *ids]
        query = f"programs|{condition}|{parameters}"
        after = read_cursor(token, query) if (token := call.one("nextPageToken")) else 0
        clause = f"{condition} AND m.program_id > ? ORDER BY m.program_id LIMIT ?"
        rows = list(self._roll.rows(_MEMBERSHIP, clause, (*parameters, after, size + 1)))
        more = {"nextPageToken": cursor(query, rows[size - 1]["programId"])} if len(rows) > size else {}
        result = []
        for row in rows[:size]:
            program = self._programs.get(row["programId"])
            assert program is not None
            membership = self._membership(program, row)
            membership.pop("progressionStatusType")
            result.append(membership)
        return {"result": result, **more, "moreResult": bool(more)}

    def _membership(self, program: Row, row: Row) -> Members:
        row = self._roll.shown(row)
        stream, cadence, status = row.pop("trackName"), row.pop("nurtureCadence"), row.pop("statusName")
        nurture = {"stream": stream, "nurtureCadence": cadence} if program["type"] == "Engagement" else {}
        head = {"id": row.pop("programId"), "progressionStatus": status, "progressionStatusType": status}
        return {**head, **row, **nurture}

    # -- shared -----------------------------------------------------------------------------------------------------

    def _program(self, call: Call) -> Row:
        program = self._programs.shelf.of_call(call)
        if program is None:
            raise Refused(1013, "Object not found")
        return program

    @staticmethod
    def _order(call: Call, method: str) -> MemberOrder:
        cause = Cause(source=API_SOURCE, api_method=method, user=call.user, request_id=call.request_id)
        return MemberOrder(cause=cause, reason=API_SOURCE, commit_delay_seconds=call.commit_delay_seconds)


def _ids(records: list[Any], name: str = "leadId") -> list[Any]:
    """The lead ids of the input; what is no id comes back as it was and is nobody's."""
    found = []
    for record in records:
        value = record.get(name) if isinstance(record, dict) else None
        text = isinstance(value, str) and value.strip().isdigit() and len(value) < 19
        usable = isinstance(value, int) and not isinstance(value, bool)
        found.append(int(str(value)) if text else value if usable else None)
    return found


def _numbered(results: list[Members]) -> Members:
    """By position; the vendor's samples of skipped records have no leadId."""
    for row in results:
        if row["status"] == "skipped":
            row.pop("leadId", None)
    return {"result": [{"seq": seq, **row} for seq, row in enumerate(results)]}
