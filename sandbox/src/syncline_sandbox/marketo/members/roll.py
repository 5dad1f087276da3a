"""The roll of members: who joins, moves on, changes and leaves, and what the log tells of it.

Source: Marketo "Program Members" (a higher step is never left for a lower one), "Understanding Program Membership"
(success, acquisition), "Merge Leads" (memberships are united). For endpoints, flows, bulk jobs and the control
endpoint alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.activity_log import ActivityLog, Cause, Stamp
from syncline_sandbox.marketo.activity_types import CHANGE_PROGRAM_MEMBER_DATA, CHANGE_STATUS_IN_PROGRESSION
from syncline_sandbox.marketo.assets.channels import NOT_IN_PROGRAM, Status
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.members.fields import MemberFields
from syncline_sandbox.marketo.members.stored import MemberTable
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.values import InvalidValue, as_activity_text, iso, parse

_CHUNK = 500
_IN_OR_PAST = "Lead skipped because it is already in or past this status"


@dataclass(frozen=True, kw_only=True)
class MemberOrder:
    """How one call changes members. `acquires`: the program brought these people in. `may_leave`: Not in Program ends
    a membership, as a marketer's or a flow's choice does; over the API it is a lower step like any other."""

    cause: Cause
    reason: str = ""
    acquires: bool = False
    may_leave: bool = False
    commit_delay_seconds: float = 0.0


class MemberRoll:
    """Changes and tells members. Call inside a transaction; results are in the order of the input, without seq."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        clock: SandboxClock,
        settings: Settings,
        programs: Programs,
        fields: MemberFields,
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._settings = settings
        self._programs = programs
        self.fields = fields
        self._table = MemberTable(store, fields)

    # -- reads ------------------------------------------------------------------------------------------------------

    def rows(self, names: Sequence[str], condition: str = "1", parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Members as dicts over REST field names; *condition* is SQL over `program_members m`, with its order."""
        return self._table.told(names, condition, parameters)

    def member(self, program_id: int, lead_id: int) -> Row | None:
        """One stored member, whole, or None."""
        return self._table.of_program(program_id, [lead_id]).get(lead_id)

    def among(self, program_id: int, lead_ids: Sequence[Any]) -> set[int]:
        """Those of the ids that are members."""
        return set(self._table.of_program(program_id, lead_ids))

    def shown(self, row: Row) -> Row:
        """A row as an answer has it: booleans are booleans."""
        for name in row:
            if (field := self.fields.any(name)) is not None and field.type == "boolean":
                row[name] = bool(row[name])
        return row

    def status(self, program: Mapping[str, Any], name: str | None) -> Status:
        """The status of a program's channel; without a name the first one. Refused 1025."""
        known = self._programs.statuses(program)
        found = next((one for one in known if one.name == name), None)
        if name is None:
            found = next((one for one in known if one.step > 0), None)
        if found is None:
            raise Refused(1025, "Program status not found")
        return found

    # -- writes -----------------------------------------------------------------------------------------------------

    def join(
        self, program: Row, lead_ids: Sequence[Any], status: Status, order: MemberOrder, values: Row | None = None
    ) -> list[dict[str, Any]]:
        """Make people members with this status, or move members on to it. *values*: further columns (REST names)."""
        stamp, results = self._stamp(order), []
        for start in range(0, len(lead_ids), _CHUNK):
            chunk = lead_ids[start : start + _CHUNK]
            present, known = self._table.of_program(program["id"], chunk), self._table.people(chunk)
            for lead_id in chunk:
                if lead_id not in known:
                    results.append(skipped(1004, "Lead not found", leadId=lead_id))
                    continue
                results.append(self._place(program, lead_id, present, status, stamp, order, values or {}))
        self._log.flush()
        return results

    def _place(
        self,
        program: Row,
        lead_id: int,
        present: dict[int, Row],
        status: Status,
        stamp: Stamp,
        order: MemberOrder,
        values: Row,
    ) -> dict[str, Any]:
        old = present.get(lead_id)
        leaves = status.name == NOT_IN_PROGRAM and order.may_leave and old is not None
        if not leaves and (
            (old is None and status.name == NOT_IN_PROGRAM)
            or (old is not None and (old["statusName"] == status.name or old["step"] > status.step))
        ):
            return skipped(1037, _IN_OR_PAST, leadId=lead_id)
        if old is not None and leaves:
            self._end(program, present.pop(lead_id), stamp, order)
            return {"status": "updated", "leadId": lead_id}
        now = iso(self._clock.now())
        new = {**(old or self._fresh(program["id"], lead_id, now, order)), **values}
        new |= {"statusName": status.name, "step": status.step, "updatedAt": now}
        if status.success and not new["reachedSuccess"]:
            new |= {"reachedSuccess": 1, "reachedSuccessDate": now}
        new["id"] = self._table.save(new)
        present[lead_id] = new
        if new["acquiredBy"] and old is None:
            self._acquire(program["id"], lead_id, now)
        self._tell_status(program, old, new, status, stamp, order)
        return {"status": "created" if old is None else "updated", "leadId": lead_id}

    def change(self, program: Row, records: Sequence[Any], order: MemberOrder) -> list[dict[str, Any]]:
        """Update the data of members: {leadId, field: value …}; only updateable fields."""
        stamp, results = self._stamp(order), []
        for start in range(0, len(records), _CHUNK):
            chunk = records[start : start + _CHUNK]
            ids = [record.get("leadId") if isinstance(record, dict) else None for record in chunk]
            present = self._table.of_program(program["id"], ids)
            for record, lead_id in zip(chunk, ids, strict=True):
                old = present.get(lead_id) if isinstance(lead_id, int) else None
                if old is None:
                    results.append(skipped(1013, "Membership not found"))
                else:
                    results.append(self._change(program, old, record, stamp))
        self._log.flush()
        return results

    def parse(self, record: Mapping[str, Any]) -> Row:
        """The stored values of updateable fields. Refused 1006 for an unknown field, 1003 for a value."""
        values: Row = {}
        for name, value in record.items():
            field = self.fields.find(name)
            if field is None:
                raise Refused(1006, f"Field '{name}' not found")
            if not self.fields.updateable(field):
                raise Refused(1003, f"Field '{name}' is not updateable")
            try:
                values[name] = parse(field, value)
            except InvalidValue:
                raise Refused(1003, f"Invalid value for field '{name}' and value '{value}'") from None
            if values[name] is None and field.type == "boolean":
                values[name] = 0
        return values

    def _change(self, program: Row, old: Row, record: Mapping[str, Any], stamp: Stamp) -> dict[str, Any]:
        lead_id = old["lead_id"]
        try:
            values = self.parse({name: value for name, value in record.items() if name != "leadId"})
        except Refused as refused:
            return skipped(int(refused.code), refused.message, leadId=lead_id)
        changed = {name: value for name, value in values.items() if old[name] != value}
        self.set_columns(program, old, changed, stamp)
        return {"status": "updated", "leadId": lead_id}

    def overwrite(self, program: Row, lead_ids: Sequence[int], values: Row, order: MemberOrder) -> None:
        """Set stored values of members, updateable or not; people who are no members are passed over."""
        stamp = self._stamp(order)
        for old in self._table.of_program(program["id"], lead_ids).values():
            changed = {name: value for name, value in values.items() if old[name] != value}
            self.set_columns(program, old, changed, stamp)
        self._log.flush()

    def set_columns(self, program: Row, old: Row, changed: Row, stamp: Stamp) -> None:
        """Write columns of a stored member, with an activity for each."""
        if not changed:
            return
        self._table.save({**old, **changed, "updatedAt": iso(self._clock.now())})
        for name, value in changed.items():
            field = self.fields.any(name)
            assert field is not None
            attributes = {
                "Attribute Name": field.label,
                "Old Value": as_activity_text(field, old[name]),
                "New Value": as_activity_text(field, value),
                "Program Member ID": old["id"],
                "Source": self._store.one("SELECT source FROM causes WHERE id = ?", (stamp.cause_id,))[0],
            }
            self._log.told(
                old["lead_id"], CHANGE_PROGRAM_MEMBER_DATA, stamp, program["id"], program["name"], attributes
            )
        old.update(changed)

    def remove(self, program: Row, lead_ids: Sequence[Any], order: MemberOrder) -> list[dict[str, Any]]:
        """End memberships."""
        stamp, results = self._stamp(order), []
        for start in range(0, len(lead_ids), _CHUNK):
            chunk = lead_ids[start : start + _CHUNK]
            present = self._table.of_program(program["id"], chunk)
            for lead_id in chunk:
                old = present.pop(lead_id, None) if isinstance(lead_id, int) else None
                if old is None:
                    results.append(skipped(1037, "Lead not in program", leadId=lead_id))
                else:
                    self._end(program, old, stamp, order)
                    results.append({"status": "deleted", "leadId": lead_id})
        self._log.flush()
        return results

    def depart(self, lead_ids: Sequence[int], winner_id: int | None) -> None:
        """People vanish: their memberships end, or become the winner's."""
        if winner_id is not None:
            self._table.hand_over(lead_ids, winner_id)
        self._table.forget(lead_ids)

    # -- one row ----------------------------------------------------------------------------------------------------

    def _fresh(self, program_id: int, lead_id: int, now: str, order: MemberOrder) -> Row:
        return {
            "program_id": program_id,
            "lead_id": lead_id,
            "membershipDate": now,
            "createdAt": now,
            "reachedSuccess": 0,
            "reachedSuccessDate": None,
            "acquiredBy": int(order.acquires),
        }

    def _end(self, program: Row, old: Row, stamp: Stamp, order: MemberOrder) -> None:
        self._table.remove(old["id"])
        gone = self.status(program, NOT_IN_PROGRAM)
        self._tell_status(program, old, {**old, "statusName": gone.name}, gone, stamp, order)

    def _acquire(self, program_id: int, lead_id: int, now: str) -> None:
        sql = (
            'UPDATE leads SET "acquisitionProgramId" = ?, "mktoAcquisitionDate" = ?, "_changedAt" = ? '
            'WHERE id = ? AND "acquisitionProgramId" IS NULL'
        )
        self._store.connection.execute(sql, (program_id, now, now, lead_id))

    def _tell_status(
        self, program: Row, old: Row | None, new: Row, status: Status, stamp: Stamp, order: MemberOrder
    ) -> None:
        known = {one.name: one.id for one in self._programs.statuses(program)}
        before = old["statusName"] if old else NOT_IN_PROGRAM
        attributes = {
            "Old Status": before,
            "Old Status ID": known.get(before),
            "New Status": status.name,
            "New Status ID": status.id,
            "Acquired By": bool(new["acquiredBy"]),
            "Success": bool(new["reachedSuccess"]),
            "Reason": order.reason,
            "Program Member ID": new["id"],
            "Reached Success Date": new["reachedSuccessDate"],
            "Status Reason": new.get("statusReason"),
            "Registration Code": new.get("registrationCode"),
            "Webinar URL": new.get("webinarUrl"),
        }
        self._log.told(new["lead_id"], CHANGE_STATUS_IN_PROGRESSION, stamp, program["id"], program["name"], attributes)

    def _stamp(self, order: MemberOrder) -> Stamp:
        now = self._clock.now().timestamp()
        return Stamp(int(now), now + order.commit_delay_seconds, self._log.cause(order.cause))
