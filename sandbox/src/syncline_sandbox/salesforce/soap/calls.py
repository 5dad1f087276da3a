"""The calls of the SOAP API this org answers, each row for itself.

Lives here: from elements to the org's operations and back, in the element order of the WSDL ("convertLead()",
"merge()", "undelete()", "emptyRecycleBin()", "create()", "update()", "upsert()", "delete()", "getUserInfo()",
"getServerTimestamp()", "logout()" of the SOAP API Developer Guide). The operations themselves are in `convert.py`,
`merge.py`, `recycle_bin.py` and `dml.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from xml.etree.ElementTree import Element

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.convert import MAX_CONVERTS, LeadConvert
from syncline_sandbox.salesforce.dml import SeveralMatches
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.founding import organization
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.merge import MAX_MERGES
from syncline_sandbox.salesforce.records import key_field
from syncline_sandbox.salesforce.schema import SObject

from .envelope import (
    SoapFault,
    SoapRequest,
    child,
    children,
    elements,
    flag,
    row_errors,
    sobject_values,
    text,
    texts,
)
from .login import user_info

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

MAX_ROWS = 200
_Run = Callable[[], dict[str, Any]]
_Item = TypeVar("_Item")


class SoapCalls:
    """One method a call: written results, or SoapFault for a call refused as a whole."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self.table: dict[str, Callable[[Caller, SoapRequest], list[str]]] = {
            "convertLead": self._convert,
            "merge": self._merge,
            "undelete": self._undelete,
            "emptyRecycleBin": self._empty_bin,
            "create": self._create,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
            "getUserInfo": self._user_info,
            "getServerTimestamp": self._timestamp,
        }

    def _convert(self, caller: Caller, asked: SoapRequest) -> list[str]:
        wanted = children(asked.arguments, "leadConverts")
        if len(wanted) > MAX_CONVERTS:
            text_ = f"record limit reached. cannot convert more than {MAX_CONVERTS} leads in one call"
            raise SoapFault("EXCEEDED_LEAD_CONVERT_LIMIT", text_)

        def convert(element: Element) -> str:
            def run() -> dict[str, Any]:
                done = self._org.conversion.convert(caller, _lead_convert(element))
                return {
                    "accountId": done.account_id,
                    "contactId": done.contact_id,
                    "leadId": done.lead_id,
                    "opportunityId": done.opportunity_id,
                    "success": True,
                }

            return self._row(run, lambda refused: _not_converted(refused, element))

        return [convert(element) for element in wanted]

    def _merge(self, caller: Caller, asked: SoapRequest) -> list[str]:
        wanted = _within(children(asked.arguments, "mergeRequests"), MAX_MERGES)

        def merge(element: Element) -> _Run:
            def run() -> dict[str, Any]:
                kind, fields = sobject_values(_required(element, "masterRecord"))
                master_id = str(fields.pop("Id", ""))
                losers = texts(element, "recordToMergeIds")
                done = self._org.merging.merge(caller, self._sobject(caller, kind), master_id, fields, losers)
                return {
                    "id": done.master_id,
                    "mergedRecordIds": done.merged_ids,
                    "success": True,
                    "updatedRelatedIds": done.related_ids,
                }

            return run

        return [self._row(merge(element)) for element in wanted]

    def _undelete(self, caller: Caller, asked: SoapRequest) -> list[str]:
        dml = self._org.dml
        return self._by_id(asked, lambda sobject, record_id: dml.undelete(caller, sobject, record_id))

    def _empty_bin(self, _caller: Caller, asked: SoapRequest) -> list[str]:
        return self._by_id(asked, self._org.dml.bin.empty)

    def _delete(self, caller: Caller, asked: SoapRequest) -> list[str]:
        def delete(sobject: SObject, record_id: str) -> str:
            self._org.dml.delete(caller, sobject, record_id)
            return record_id

        return self._by_id(asked, delete)

    def _create(self, caller: Caller, asked: SoapRequest) -> list[str]:
        def create(kind: str, fields: dict[str, Any]) -> str:
            return self._org.dml.create(caller, self._sobject(caller, kind), fields)

        return self._saves(asked, create)

    def _update(self, caller: Caller, asked: SoapRequest) -> list[str]:
        def update(kind: str, fields: dict[str, Any]) -> str:
            record_id = str(fields.pop("Id", None) or "")
            if not record_id:
                raise OrgError("MISSING_ARGUMENT", "Id not specified in an update call")
            self._org.dml.update(caller, self._sobject(caller, kind), record_id, fields)
            return record_id

        return self._saves(asked, update)

    def _upsert(self, caller: Caller, asked: SoapRequest) -> list[str]:
        key_name = text(asked.arguments, "externalIDFieldName") or text(asked.arguments, "externalIdFieldName") or ""

        def upsert(element: Element) -> _Run:
            def run() -> dict[str, Any]:
                kind, fields = sobject_values(element)
                sobject = self._sobject(caller, kind)
                key = key_field(caller, sobject, key_name)
                value = fields.pop(key.name, None)
                try:
                    record_id, created = self._org.dml.upsert(caller, sobject, key, value, fields)
                except SeveralMatches as several:
                    raise OrgError("DUPLICATE_EXTERNAL_ID", f"{key.name}: {several}", (key.name,)) from several
                return {"created": created, **_saved(record_id)}

            return run

        wanted = _within(children(asked.arguments, "sObjects"), MAX_ROWS)
        return [self._row(upsert(one), lambda refused: {"created": False, **_not_saved(refused)}) for one in wanted]

    def _user_info(self, caller: Caller, _asked: SoapRequest) -> list[str]:
        org = self._org
        return [elements(user_info(org.auth, organization(org.storage), org.user(caller.user_id)))]

    def _timestamp(self, _caller: Caller, _asked: SoapRequest) -> list[str]:
        return [elements({"timestamp": self._org.stamp().replace("+0000", "Z")})]

    def _saves(self, asked: SoapRequest, save: Callable[[str, dict[str, Any]], str]) -> list[str]:
        def one(element: Element) -> _Run:
            return lambda: _saved(save(*sobject_values(element)))

        return [self._row(one(element)) for element in _within(children(asked.arguments, "sObjects"), MAX_ROWS)]

    def _by_id(self, asked: SoapRequest, change: Callable[[SObject, str], str]) -> list[str]:
        dml = self._org.dml

        def one(record_id: str) -> _Run:
            return lambda: _saved(change(dml.sobject_of(record_id), record_id))

        return [self._row(one(record_id)) for record_id in _within(texts(asked.arguments, "ids"), MAX_ROWS)]

    def _row(self, run: _Run, refusal: Callable[[OrgError], dict[str, Any]] | None = None) -> str:
        """The result of one row, in a savepoint of its own: what it raises is told, and undone."""
        try:
            with self._org.storage.savepoint():
                return elements(run())
        except OrgError as refused:
            shape = refusal or _not_saved
            return elements(shape(refused))

    def _sobject(self, caller: Caller, kind: str) -> SObject:
        try:
            return self._org.reading.object(caller, kind)
        except OrgError as missing:
            raise SoapFault("INVALID_TYPE", f"sObject type '{kind}' is not supported.") from missing


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


def _not_saved(refused: OrgError) -> dict[str, Any]:
    return {"errors": row_errors(refused), "id": None, "success": False}


def _saved(record_id: str) -> dict[str, Any]:
    return {"id": full_id(record_id) or record_id, "success": True}


def _required(element: Element, name: str) -> Element:
    found = child(element, name)
    if found is None:
        raise SoapFault("MISSING_ARGUMENT", f"{name} is required")
    return found


def _within(rows: list[_Item], most: int) -> list[_Item]:
    if len(rows) > most:
        text_ = f"record limit reached. cannot submit more than {most} records into this call"
        raise SoapFault("EXCEEDED_ID_LIMIT", text_)
    return rows
