"""Imports of program members: people upserted by e-mail, then made members with the status the call names.

Source: Marketo "Bulk Program Member Import": the e-mail is mandatory; a bad address is imported with a warning. Fields
of the membership may stand beside fields of the person. Who is in or past the status already stays there.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.bulk.lead_import import SOURCE, LeadImport
from syncline_sandbox.marketo.bulk.targets import Members, Outcome, reason_text
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.members.roll import MemberOrder, MemberRoll
from syncline_sandbox.marketo.store import Row

Rows = Sequence[Sequence[str]]


class MemberImport:
    """The import target of program members."""

    def __init__(self, leads: LeadImport, programs: Programs, roll: MemberRoll) -> None:
        self._leads = leads
        self._programs = programs
        self._roll = roll

    def checked(self, call: Call) -> Members:
        program_id, status = to_number(call.captured["id"]), call.one("programMemberStatus")
        if status is None:
            raise Refused(1002, "Missing value for the required parameter 'programMemberStatus'")
        self._roll.status(self._program(program_id), status)
        return {"program": program_id, "status": status}

    def run(self, call: Call, request: Members, header: Sequence[str], rows: Rows) -> Outcome:
        program = self._program(request["program"])
        own = [index for index, name in enumerate(header) if self._is_of_membership(name)]
        persons = [index for index in range(len(header)) if index not in own]
        wanted = {"lookupField": "email", "partitionName": None}
        people = [[row[index] for index in persons if index < len(row)] for row in rows]
        outcome, ids = self._leads.write(call, wanted, [header[index] for index in persons], people, lenient=True)
        cause = Cause(source=SOURCE, api_method="importProgramMember", user=call.user, request_id=call.request_id)
        order = MemberOrder(cause=cause, reason=SOURCE)
        status = self._roll.status(program, request["status"])
        self._roll.join(program, [*dict.fromkeys(ids.values())], status, order)
        if own:
            self._write_own(program, [(at, ids[at], rows[at]) for at in sorted(ids)], header, own, order, outcome)
        return outcome

    def _write_own(
        self,
        program: Row,
        members: Sequence[tuple[int, int, Sequence[str]]],
        header: Sequence[str],
        own: Sequence[int],
        order: MemberOrder,
        outcome: Outcome,
    ) -> None:
        records = [
            {"leadId": lead_id, **{header[at]: row[at] for at in own if at < len(row) and row[at] != ""}}
            for _, lead_id, row in members
        ]
        known = {field.name.lower(): field for field in self._roll.fields.all()}
        results = self._roll.change(program, records, order)
        for (position, _, _), result in zip(members, results, strict=True):
            if result["status"] == "skipped":
                outcome.failures[position] = reason_text(known, result["reasons"][0])

    def _is_of_membership(self, name: str) -> bool:
        field = self._roll.fields.find(name)
        return field is not None and self._roll.fields.updateable(field)

    def _program(self, program_id: int) -> Row:
        program = self._programs.get(program_id)
        if program is None:
            raise Refused(1013, "Object not found")
        return program
