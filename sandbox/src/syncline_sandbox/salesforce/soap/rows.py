"""The SOAP calls that take rows: each row for itself, or under AllOrNoneHeader all or none.

Lives here: from elements to the org's operations and back, in the element order of the WSDL ("convertLead()",
"merge()", "undelete()", "emptyRecycleBin()", "create()", "update()", "upsert()", "delete()" of the SOAP API Developer
Guide). The operations themselves are in `convert.py`, `merge.py`, `recycle_bin.py` and `dml.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from syncline_sandbox.salesforce.bulk.row_faults import injected_refusal
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.convert import MAX_CONVERTS, LeadConvert
from syncline_sandbox.salesforce.errors import OrgError, rolled_back, without_json
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.merge import MAX_MERGES
from syncline_sandbox.salesforce.records import key_field
from syncline_sandbox.salesforce.repeated import RepeatedKeys
from syncline_sandbox.salesforce.schema import SObject

from .envelope import (
    SoapFault,
    SoapRequest,
    child,
    children,
    flag,
    result,
    row_errors,
    sobject_values,
    text,
    texts,
)

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

MAX_ROWS = 200
Result = dict[str, Any]
# What a row is told, and why it was refused if it was.
Row = tuple[Result, OrgError | None]


class _RolledBack(Exception):
    """Ends the transaction of a call of which one row failed under AllOrNoneHeader."""


class SoapRows:
    """The row calls over one org: written results, or SoapFault for a call refused as a whole."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def answer(self, call: RowCall, caller: Caller, asked: SoapRequest) -> list[str]:
        """The results of a call, written. SoapFault for one too large."""
        wanted = [row for name in call.elements for row in children(asked.arguments, name)]
        if len(wanted) > call.most:
            text_ = f"record limit reached. cannot submit more than {call.most} records into this call"
            raise SoapFault(call.too_many, text_)
        all_or_none = flag(asked.headers.get("AllOrNoneHeader"), "allOrNone")
        rows: list[Row] = []
        try:
            with self._org.storage.savepoint():
                rows = self._run(call, caller, asked, wanted)
                if all_or_none and any(refused is not None for _, refused in rows):
                    raise _RolledBack
        except _RolledBack:
            refusals = [rolled_back() if refused is None else refused for _, refused in rows]
            rows = [(call.refusal(refused, row), refused) for refused, row in zip(refusals, wanted, strict=True)]
        return [result(told) for told, _ in rows]

    def _run(self, call: RowCall, caller: Caller, asked: SoapRequest, wanted: list[Element]) -> list[Row]:
        repeated = self._repeated(call, asked, wanted)
        fault = self._org.faults.strike("partial_failure", caller.request_line)
        failing = int(fault.parameters.get("index", 0)) if fault is not None else -1
        rows = []
        for place, element in enumerate(wanted):
            injected = injected_refusal(fault.parameters) if fault is not None and place == failing else None
            rows.append(self._row(call, caller, asked, element, injected, repeated))
        return rows

    def _repeated(self, call: RowCall, asked: SoapRequest, wanted: list[Element]) -> RepeatedKeys | None:
        if call.key_name is None:
            return None
        name = call.key_name(asked)
        kind = sobject_values(wanted[0])[0] if wanted else ""
        sobject = self._org.schema.sobject(kind)
        key = sobject.field(name) if sobject is not None else None
        return RepeatedKeys(key, (text(element, name) for element in wanted))

    def _row(
        self,
        call: RowCall,
        caller: Caller,
        asked: SoapRequest,
        element: Element,
        injected: OrgError | None,
        repeated: RepeatedKeys | None,
    ) -> Row:
        """One row, in a savepoint of its own: what it raises is told, and undone."""
        try:
            with self._org.storage.savepoint():
                if injected is not None:
                    raise injected
                if repeated is not None and call.key_name is not None:
                    repeated.refuse(text(element, call.key_name(asked)))
                return call.run(self, caller, asked, element), None
        except OrgError as refused:
            told = without_json(refused)
            return call.refusal(told, element), told

    def convert(self, caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        done = self._org.conversion.convert(caller, _lead_convert(element))
        return {
            "accountId": done.account_id,
            "contactId": done.contact_id,
            "leadId": done.lead_id,
            "opportunityId": done.opportunity_id,
            "success": True,
        }

    def merge(self, caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        kind, fields = sobject_values(_required(element, "masterRecord"))
        master_id, losers = str(fields.pop("Id", "")), texts(element, "recordToMergeIds")
        done = self._org.merging.merge(caller, self._sobject(caller, kind), master_id, fields, losers)
        return {
            "id": done.master_id,
            "mergedRecordIds": done.merged_ids,
            "success": True,
            "updatedRelatedIds": done.related_ids,
        }

    def undelete(self, caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        record_id = (element.text or "").strip()
        return _saved(self._org.dml.undelete(caller, self._org.dml.sobject_of(record_id), record_id))

    def empty_bin(self, _caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        record_id = (element.text or "").strip()
        return _saved(self._org.dml.bin.empty(self._org.dml.sobject_of(record_id), record_id))

    def delete(self, caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        record_id = (element.text or "").strip()
        self._org.dml.delete(caller, self._org.dml.sobject_of(record_id), record_id)
        return _saved(record_id)

    def create(self, caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        kind, fields = sobject_values(element)
        # The element may stand there nil: the WSDL wants it in every sObject.
        if fields.pop("Id", None):
            raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))
        return _saved(self._org.dml.create(caller, self._sobject(caller, kind), fields))

    def update(self, caller: Caller, _asked: SoapRequest, element: Element) -> Result:
        kind, fields = sobject_values(element)
        record_id = str(fields.pop("Id", None) or "")
        if not record_id:
            raise OrgError("MISSING_ARGUMENT", "Id not specified in an update call")
        self._org.dml.update(caller, self._sobject(caller, kind), record_id, fields)
        return _saved(record_id)

    def upsert(self, caller: Caller, asked: SoapRequest, element: Element) -> Result:
        kind, fields = sobject_values(element)
        sobject = self._sobject(caller, kind)
        key = key_field(caller, sobject, _key_name(asked))
        value = fields.pop(key.name, None)
        record_id, created = self._org.dml.upsert(caller, sobject, key, value, fields)
        return {"created": created, **_saved(record_id)}

    def _sobject(self, caller: Caller, kind: str) -> SObject:
        try:
            return self._org.reading.object(caller, kind)
        except OrgError as missing:
            raise SoapFault("INVALID_TYPE", f"sObject type '{kind}' is not supported.") from missing


def _key_name(asked: SoapRequest) -> str:
    # One client writes ID where the WSDL has Id.
    return text(asked.arguments, "externalIDFieldName") or text(asked.arguments, "externalIdFieldName") or ""


def _lead_convert(element: Element) -> LeadConvert:
    return LeadConvert(
        lead_id=text(element, "leadId") or "",
        converted_status=text(element, "convertedStatus"),
        account_id=text(element, "accountId"),
        contact_id=text(element, "contactId"),
        opportunity_id=text(element, "opportunityId"),
        opportunity_name=text(element, "opportunityName"),
        owner_id=text(element, "ownerId"),
        do_not_create_opportunity=flag(element, "doNotCreateOpportunity"),
        overwrite_lead_source=flag(element, "overwriteLeadSource"),
        bypass_account_dedupe_check=flag(element, "bypassAccountDedupeCheck"),
        bypass_contact_dedupe_check=flag(element, "bypassContactDedupeCheck"),
    )


def _not_converted(refused: OrgError, element: Element) -> dict[str, Any]:
    nothing: dict[str, Any] = {"accountId": None, "contactId": None}
    lead_id = text(element, "leadId")
    return {**nothing, "errors": row_errors(refused), "leadId": lead_id, "opportunityId": None, "success": False}


def _not_saved(refused: OrgError, _element: Element) -> Result:
    return {"errors": row_errors(refused), "id": None, "success": False}


def _not_upserted(refused: OrgError, element: Element) -> Result:
    return {"created": False, **_not_saved(refused, element)}


def _saved(record_id: str) -> dict[str, Any]:
    return {"id": full_id(record_id) or record_id, "success": True}


def _required(element: Element, name: str) -> Element:
    found = child(element, name)
    if found is None:
        raise SoapFault("MISSING_ARGUMENT", f"{name} is required")
    return found


@dataclass(frozen=True, kw_only=True)
class RowCall:
    """A call that takes rows: their element, what is done with one, how a refused one is told.

    Of one call the WSDL and a client write the element differently: either is taken. *key_name* tells the field no two
    rows may share a value of.
    """

    elements: tuple[str, ...]
    run: Callable[[SoapRows, Caller, SoapRequest, Element], Result]
    refusal: Callable[[OrgError, Element], Result] = _not_saved
    most: int = MAX_ROWS
    too_many: str = "EXCEEDED_ID_LIMIT"
    key_name: Callable[[SoapRequest], str] | None = None


ROW_CALLS = {
    "convertLead": RowCall(
        elements=("leadConverts",),
        run=SoapRows.convert,
        refusal=_not_converted,
        most=MAX_CONVERTS,
        too_many="EXCEEDED_LEAD_CONVERT_LIMIT",
    ),
    "merge": RowCall(elements=("request", "mergeRequests"), run=SoapRows.merge, most=MAX_MERGES),
    "undelete": RowCall(elements=("ids",), run=SoapRows.undelete),
    "emptyRecycleBin": RowCall(elements=("ids",), run=SoapRows.empty_bin),
    "create": RowCall(elements=("sObjects",), run=SoapRows.create),
    "update": RowCall(elements=("sObjects",), run=SoapRows.update, key_name=lambda _: "Id"),
    "upsert": RowCall(elements=("sObjects",), run=SoapRows.upsert, refusal=_not_upserted, key_name=_key_name),
    "delete": RowCall(elements=("ids",), run=SoapRows.delete),
}
