"""Writes through the API, and the faults that befall them record by record or field by field.

Faults told here: ignore_field, override_field; partial_failure is in partial_failure.py.
Source: Marketo "Leads" (Sync Leads, Delete Leads, Merge Leads).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from syncline_sandbox.core.faults import Fault, FaultPlan
from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.leads import Leads
from syncline_sandbox.marketo.partial_failure import refused_records
from syncline_sandbox.marketo.record import WriteOrder
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.writer import LeadWriter

Members = dict[str, Any]
# Runs an action after so many seconds of the sandbox's clock, inside its own transaction.
Later = Callable[[float, Callable[[], None]], None]


class Writes:
    """The writing endpoints over the LeadWriter."""

    def __init__(
        self, store: Store, writer: LeadWriter, leads: Leads, faults: FaultPlan, settings: Settings, later: Later
    ) -> None:
        self._store = store
        self._settings = settings
        self._writer = writer
        self._leads = leads
        self._faults = faults
        self._later = later

    def sync(self, call: Call) -> Members:
        document, records = call.inputs()
        results = self.write(call, records, self._leads.order(call, document))
        return {} if document.get("asyncProcessing") is True else {"result": results}

    def delete(self, call: Call) -> Members:
        ids = self._leads.lead_ids(call)
        order = self._leads.order(call, {"action": "updateOnly"})  # nobody comes in: no partition is to be named
        refusals = refused_records(self._faults, call.line, len(ids))
        return {"result": self._writer.delete(ids, replace(order, refusals=refusals))}

    def merge(self, call: Call) -> Members:
        """`leadId` or `leadIds` into the person of the path. Refused 703 for a merge in a CRM that is not connected;
        where one is, it merges likewise, since nobody here is known to be a contact there."""
        winner_id = to_number(call.captured["id"])
        losers = [to_number(text) for text in (*call.many("leadIds"), *call.many("leadId"))]
        in_crm = (call.one("mergeInCRM") or "").lower() == "true"
        if in_crm and self._settings.native_crm != "sfdc":
            raise Refused(703, "The feature is not enabled for the subscription")
        order = self._leads.order(call, {"action": "updateOnly"})
        cause = replace(order.cause, reason="Merge Leads", api_method="mergeLeads")
        self._writer.merge(winner_id, losers, replace(order, cause=cause), in_crm=in_crm)
        return {}

    def write(self, call: Call, records: Sequence[Any], order: WriteOrder) -> list[Members]:
        """Write *records* as *order* says and as the installed faults spoil it."""
        order = replace(order, refusals=refused_records(self._faults, call.line, len(records)))
        if ignored := self._faults.strike("ignore_field", call.line):
            order = replace(order, ignored_fields=frozenset((str(ignored.parameters["field"]),)))
        results = self._writer.write(records, order)
        if flow := self._faults.strike("override_field", call.line):
            self._override([result["id"] for result in results if result["status"] != "skipped"], flow)
        return results

    def _override(self, ids: list[int], fault: Fault) -> None:
        """A flow sets another value on the leads just written, at once or `delay_seconds` later."""
        wanted = fault.parameters
        values = {str(wanted["field"]): wanted.get("value")}
        cause = Cause(source=str(wanted.get("source", "Marketo Flow Action")), user=str(wanted.get("user", "")))
        order = WriteOrder(cause=cause, lookup=self._store.fields["id"], action="updateOnly")

        def run() -> None:
            self._writer.write([{"id": lead_id, **values} for lead_id in ids], order)

        delay = float(wanted.get("delay_seconds", 0))
        if delay > 0:
            self._later(delay, run)
        else:
            run()
