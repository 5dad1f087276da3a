"""Push Lead to Marketo and Submit Form.

Source: Marketo "Leads" (Push Lead to Marketo, Submit Form): always an upsert, one activity for each person, which
belongs to a program; a form's e-mail address finds the person changed last. Whom a push or form creates, the program
acquired. Forms are made by the control endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause
from syncline_sandbox.marketo.activity_types import FILL_OUT_FORM, PUSH_LEAD
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import APP_URL, WORKSPACE, Parent, asset_time, found
from syncline_sandbox.marketo.assets.shelf import SHARED, Shelf
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.capture.cookies import Cookies
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.members.roll import MemberOrder, MemberRoll
from syncline_sandbox.marketo.record import folded
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.sync import Writes
from syncline_sandbox.marketo.writer import LeadWriter

TABLES = f"CREATE TABLE IF NOT EXISTS forms ({SHARED}, fields TEXT NOT NULL, programId INTEGER);"
Members = dict[str, Any]
FORM_SOURCE = "Web form fillout"
_VISITOR = {"leadClientIpAddress": "Client IP Address", "userAgentString": "User Agent"}


class Intake:
    """Answers push and submitForm."""

    def __init__(
        self,
        store: Store,
        clock: SandboxClock,
        log: ActivityLog,
        writer: LeadWriter,
        writes: Writes,
        leads: Leads,
        programs: Programs,
        roll: MemberRoll,
        cookies: Cookies,
    ) -> None:
        self._store = store
        self._log = log
        self._writer = writer
        self._writes = writes
        self._leads = leads
        self._programs = programs
        self._roll = roll
        self._cookies = cookies
        self.forms = Shelf(store, clock, "forms", "Form", ("fields", "programId"))

    def make_form(self, name: str, parent: Parent, fields: Sequence[str], program_id: int | None) -> int:
        """A new form; its id. Without fields it takes any."""
        return self.forms.put(name, parent, fields=orjson.dumps([*fields]).decode(), programId=program_id)

    # -- push -------------------------------------------------------------------------------------------------------

    def push(self, call: Call) -> Members:
        document, records = call.inputs()
        program = self._named_program(document.get("programName"))
        status = None
        if document.get("programStatus") is not None:
            status = self._roll.status(program, str(document["programStatus"]))
        if document.get("lookupField") == "mktToken":
            raise Refused(
                1003, "Invalid value for field 'lookupField': no e-mail was sent that could carry an mktToken"
            )
        plain = [self._without_cookies(record) for record in records]
        order = self._leads.order(call, {**document, "action": "createOrUpdate"})
        order = replace(order, cause=replace(order.cause, api_method="pushLead"))
        results = self._writes.write(call, plain, order)
        reached = {result["id"]: result["status"] for result in results if result["status"] != "skipped"}
        self._tell_push(document, program, [*reached], order.cause, call)
        for result, record in zip(results, records, strict=True):
            if result["status"] != "skipped" and isinstance(record, dict) and record.get("cookies"):
                self._cookies.give(self._cookies.token(str(record["cookies"])), result["id"])
        if status is not None:
            for outcome in ("created", "updated"):
                ids = [lead_id for lead_id, said in reached.items() if said == outcome]
                acquires = MemberOrder(cause=order.cause, reason="Push Lead", acquires=outcome == "created")
                self._roll.join(program, ids, status, acquires)
        return {"warnings": [], "result": results}

    def _without_cookies(self, record: Any) -> Any:
        """Refused 1012 for a cookie that is none, before anything is written."""
        if not isinstance(record, dict) or "cookies" not in record:
            return record
        if record["cookies"]:
            self._cookies.token(str(record["cookies"]))
        return {name: value for name, value in record.items() if name != "cookies"}

    def _named_program(self, name: Any) -> Row:
        if not isinstance(name, str) or not name:
            raise Refused(1002, "Missing value for the required parameter 'programName'")
        rows = self._programs.shelf.named(name)
        if not rows:
            raise Refused(1013, "Object not found")
        return rows[0]

    def _tell_push(self, document: Members, program: Row, ids: list[int], cause: Cause, call: Call) -> None:
        stamp = self._writer.stamp(cause, call.commit_delay_seconds)
        said = {
            name: str(document[key]) for name, key in (("Source", "source"), ("Reason", "reason")) if document.get(key)
        }
        for lead_id in ids:
            self._log.told(lead_id, PUSH_LEAD, stamp, program["id"], program["name"], said)
        self._log.flush()

    # -- forms ------------------------------------------------------------------------------------------------------

    def forms_list(self, call: Call) -> Members:
        return found([_form(row) for row in self.forms.browse(call)])

    def form(self, call: Call) -> Members:
        row = self.forms.of_call(call)
        return found([] if row is None else [_form(row)])

    def submit(self, call: Call) -> Members:
        document, records = call.inputs(1)
        form = self.forms.get(to_number(str(document.get("formId"))))
        if form is None:
            raise Refused(1003, "Form not found")
        record = records[0] if isinstance(records[0], dict) else {}
        values, member = self._form_values(form, record.get("leadFormFields"))
        program = self._form_program(form, document.get("programId"), member)
        member = self._roll.parse(member) if member else {}
        token = self._cookies.token(str(record["cookie"])) if record.get("cookie") else None
        result = self._upsert(call, values)
        if result["status"] == "skipped":
            return {"result": [result]}
        self._tell_form(form, record, values, result["id"], call)
        if token is not None:
            self._cookies.give(token, result["id"])
        if program is not None:
            self._enrol(program, result, member, call)
        return {"result": [result]}

    def _form_values(self, form: Row, fields: Any) -> tuple[Row, Row]:
        """Lead values and member values of a filled form. Refused 1003 when the form does not take them."""
        if not isinstance(fields, dict) or not fields.get("email"):
            raise Refused(1003, "Form validation failed: email is required")
        allowed = orjson.loads(form["fields"])
        if unknown := [name for name in fields if allowed and name not in (*allowed, "email")]:
            raise Refused(1003, f"Form validation failed: field '{unknown[0]}' is not in the form")
        member = {name: value for name, value in fields.items() if self._of_member(name)}
        return {name: value for name, value in fields.items() if name not in member}, member

    def _of_member(self, name: str) -> bool:
        field = self._roll.fields.find(name)
        return field is not None and field.custom

    def _form_program(self, form: Row, program_id: Any, member: Row) -> Row | None:
        """The program named, or the form's own if it carries member fields."""
        if program_id is None:
            return self._programs.get(form["programId"]) if member and form["programId"] else None
        program = self._programs.get(to_number(str(program_id)))
        if program is None:
            raise Refused(1013, "Object not found")
        return program

    def _upsert(self, call: Call, values: Row) -> Members:
        """The person with the address who was changed last, or a new one."""
        order = self._leads.order(call, {})
        cause = replace(order.cause, source=FORM_SOURCE, api_method="submitForm")
        sql = 'SELECT id FROM leads WHERE email = ? ORDER BY "updatedAt" DESC, id DESC LIMIT 1'
        known = self._store.one(sql, (folded(str(values["email"])),))
        if known is None:
            order = replace(order, cause=cause, action="createOnly")
            return self._writes.write(call, [values], order)[0]
        order = replace(order, cause=cause, action="updateOnly", lookup=self._store.fields["id"])
        changes = {name: value for name, value in values.items() if name != "email"}
        return self._writes.write(call, [{"id": known[0], **changes}], order)[0]

    def _tell_form(self, form: Row, record: Mapping[str, Any], values: Row, lead_id: int, call: Call) -> None:
        visit = record.get("visitorData")
        visit = visit if isinstance(visit, dict) else {}
        said = {label: visit[name] for name, label in _VISITOR.items() if visit.get(name)}
        address = urlsplit(str(visit.get("pageURL") or ""))
        query = str(visit.get("queryString") or address.query)
        said |= {
            "Query Parameters": query,
            "Referrer URL": address.geturl(),
            "Form Fields": orjson.dumps(values).decode(),
        }
        cause = Cause(source=FORM_SOURCE, api_method="submitForm", user=call.user, request_id=call.request_id)
        stamp = self._writer.stamp(cause, call.commit_delay_seconds)
        self._log.told(lead_id, FILL_OUT_FORM, stamp, form["id"], form["name"], said)
        self._log.flush()

    def _enrol(self, program: Row, result: Members, member: Row, call: Call) -> None:
        """Into the program, with the first status of its channel; a member keeps its own."""
        cause = Cause(source=FORM_SOURCE, api_method="submitForm", user=call.user, request_id=call.request_id)
        order = MemberOrder(cause=cause, reason="Form", acquires=result["status"] == "created")
        if self._roll.member(program["id"], result["id"]) is None:
            self._roll.join(program, [result["id"]], self._roll.status(program, None), order)
        if member:
            self._roll.change(program, [{"leadId": result["id"], **member}], order)


def _form(row: Row) -> Members:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"] or "",
        "createdAt": asset_time(row["createdAt"]),
        "updatedAt": asset_time(row["updatedAt"]),
        "url": f"{APP_URL}FO{row['id']}A1",
        "status": "approved",
        "folder": {"type": row["folderType"], "value": row["folderId"]},
        "workspace": WORKSPACE,
    }
