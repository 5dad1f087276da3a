"""What flow steps do to the people of a run.

Source: Marketo "Flow Actions" (Change Data Value, Change Score, Add to List, Change Program Status, Interesting Moment,
Send Email, Request Campaign, Wait …). Steps are set by the control endpoint as {"step": name, …}; which members each
takes is told in STEPS. Calling webhooks is the runner's, since it may take time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncline_sandbox.marketo.activity_log import ActivityLog, Cause
from syncline_sandbox.marketo.activity_types import EMAIL_DELIVERED, INTERESTING_MOMENT, SEND_EMAIL
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.campaigns.tokens import Tokens
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.fields import Field
from syncline_sandbox.marketo.lists import Lists
from syncline_sandbox.marketo.members.roll import MemberOrder, MemberRoll
from syncline_sandbox.marketo.partitions import Partitions
from syncline_sandbox.marketo.record import WriteOrder
from syncline_sandbox.marketo.store import Row, Store, marks
from syncline_sandbox.marketo.writer import LeadWriter

FLOW_SOURCE = "Marketo Flow Action"
WEBHOOK, REQUEST, WAIT = "Call Webhook", "Request Campaign", "Wait"
# step → what it needs
STEPS: Mapping[str, tuple[str, ...]] = {
    "Change Data Value": ("field", "value"),
    "Change Score": ("change",),
    "Add to List": ("list",),
    "Remove from List": ("list",),
    "Change Program Status": ("status",),
    "Change Program Member Data": ("field", "value"),
    "Change Person Partition": ("partition",),
    "Interesting Moment": ("type", "description"),
    "Send Email": ("email",),
    WEBHOOK: ("webhook",),
    REQUEST: ("campaign",),
    WAIT: ("seconds",),
}
_NULL = "NULL"  # what a marketer writes to empty a field


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One group of people going through a campaign. `tokens` makes those of one of them."""

    campaign: Row
    program: Row | None
    run_id: int
    tokens: Callable[[int], Tokens]

    @property
    def label(self) -> str:
        """Program.Campaign, as assets are printed."""
        return ".".join(part for part in ((self.program or {}).get("name"), self.campaign["name"]) if part)

    def cause(self, step: str) -> Cause:
        reason = f"Changed by Smart Campaign {self.label} action {step}"
        return Cause(source=FLOW_SOURCE, reason=reason, campaign_id=self.campaign["id"])


class Flow:
    """Runs single steps."""

    def __init__(
        self,
        store: Store,
        log: ActivityLog,
        writer: LeadWriter,
        lists: Lists,
        programs: Programs,
        roll: MemberRoll,
        partitions: Partitions,
    ) -> None:
        self._store = store
        self._log = log
        self._writer = writer
        self._lists = lists
        self._programs = programs
        self._roll = roll
        self._partitions = partitions
        self._steps: Mapping[str, Callable[[Mapping[str, Any], Sequence[int], Pass], None]] = {
            "Change Data Value": self._change_value,
            "Change Score": self._change_score,
            "Add to List": self._add_to_list,
            "Remove from List": self._remove_from_list,
            "Change Program Status": self._change_status,
            "Change Program Member Data": self._change_member,
            "Change Person Partition": self._change_partition,
            "Interesting Moment": self._interesting_moment,
            "Send Email": self._send_email,
        }

    def run(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        """One step for these people. What it cannot find, it skips: a flow never fails."""
        try:
            self._steps[step["step"]](step, people, going)
        except Refused:
            return
        self._log.flush()

    def field(self, name: str) -> Field | None:
        """A lead field by REST name or display name."""
        known = {field.name: field for field in self._store.fields.all()}
        return known.get(name) or next((field for field in known.values() if field.label == name), None)

    def write(self, records: list[Row], cause: Cause) -> None:
        """Set values of people by id, as a flow does: company fields go to the company."""
        lookup = self._store.fields["id"]
        order = WriteOrder(cause=cause, lookup=lookup, action="updateOnly", writes_company=True)
        self._writer.write(records, order)

    # -- steps ------------------------------------------------------------------------------------------------------

    def _change_value(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        field, value = self.field(str(step["field"])), step["value"]
        if field is None:
            return
        records = []
        for lead_id in people:
            filled = going.tokens(lead_id).fill(value) if isinstance(value, str) else value
            records.append({"id": lead_id, field.name: None if filled == _NULL else filled})
        self.write(records, going.cause("Change Data Value"))

    def _change_score(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        """`+5` and `-5` change the score, `=10` sets it."""
        field, change = self.field(str(step.get("field", "leadScore"))), str(step["change"])
        if field is None:
            return
        amount = int(change.lstrip("=+"))
        rows = self._store.leads_where(["id", field.name], f"id IN {marks(people)}", people)
        records = [
            {"id": row["id"], field.name: amount if change.startswith("=") else (row[field.name] or 0) + amount}
            for row in rows
        ]
        self.write(records, going.cause("Change Score"))

    def _add_to_list(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        self._lists.put_on(self._lists.named(str(step["list"])), people, going.cause("Add to List"))

    def _remove_from_list(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        self._lists.take_off(self._lists.named(str(step["list"])), people, going.cause("Remove from List"))

    def _change_status(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        program = self._program(step, going)
        order = MemberOrder(
            cause=going.cause("Change Program Status"),
            reason=going.cause("Change Program Status").reason,
            may_leave=True,
        )
        self._roll.join(program, people, self._roll.status(program, str(step["status"])), order)

    def _change_member(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        value = step["value"]
        records = [
            {
                "leadId": lead_id,
                str(step["field"]): going.tokens(lead_id).fill(value) if isinstance(value, str) else value,
            }
            for lead_id in people
        ]
        order = MemberOrder(cause=going.cause("Change Program Member Data"))
        self._roll.change(self._program(step, going), records, order)

    def _program(self, step: Mapping[str, Any], going: Pass) -> Row:
        """The program a step names, or the campaign's own. Refused without any."""
        named = self._programs.shelf.named(str(step["program"])) if "program" in step else []
        program = named[0] if named else None if "program" in step else going.program
        if program is None:
            raise Refused(1013, "Object not found")
        return program

    def _change_partition(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        partition_id = self._partitions.by_name(str(step["partition"]))
        if partition_id is not None:
            self._partitions.move(people, partition_id, going.cause("Change Person Partition"))

    def _interesting_moment(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        stamp = self._writer.stamp(going.cause("Interesting Moment"))
        for lead_id in people:
            tokens = going.tokens(lead_id)
            said = {"Description": tokens.fill(str(step["description"])), "Source": going.label}
            self._log.told(lead_id, INTERESTING_MOMENT, stamp, going.campaign["id"], str(step["type"]), said)

    def _send_email(self, step: Mapping[str, Any], people: Sequence[int], going: Pass) -> None:
        """Only the activities: nothing is sent. Who must not get mail gets none, unless it is operational."""
        condition = f"id IN {marks(people)} AND email IS NOT NULL AND emailInvalid IS NOT 1 AND blackListed IS NOT 1"
        if not step.get("operational"):
            condition += " AND unsubscribed IS NOT 1 AND marketingSuspended IS NOT 1"
        stamp = self._writer.stamp(going.cause("Send Email"))
        said = {"Campaign Run ID": going.run_id, "Choice Number": 0, "Step ID": 1}
        for row in self._store.leads_where(["id"], f"{condition} ORDER BY id", people):
            for type_id in (SEND_EMAIL, EMAIL_DELIVERED):
                self._log.told(row["id"], type_id, stamp, int(step.get("id", 1)), str(step["email"]), said)


def check(flow: Any) -> list[Mapping[str, Any]]:
    """The steps of a flow as they were given. ValueError for one that is unknown or lacks something."""
    if not isinstance(flow, list):
        raise ValueError("a flow is a list of steps")
    for step in flow:
        needed = STEPS.get(step.get("step", "") if isinstance(step, dict) else "")
        if needed is None:
            raise ValueError(f"unknown step {step!r}; known: {sorted(STEPS)}")
        if missing := [name for name in needed if name not in step]:
            raise ValueError(f"the step {step['step']!r} needs {missing}")
    _check_numbers(flow)
    return flow


def _check_numbers(flow: Sequence[Mapping[str, Any]]) -> None:
    for step in flow:
        if step["step"] == "Change Score":
            int(str(step["change"]).lstrip("=+"))
        if step["step"] == WAIT:
            float(step["seconds"])
