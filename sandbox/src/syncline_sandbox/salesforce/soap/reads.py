"""The SOAP calls that read records: queries and their pages, retrieve, getUpdated, getDeleted.

Lives here: each as a call on the resource of the REST API that answers the same ("query()", "queryMore()",
"queryAll()", "retrieve()", "getUpdated()", "getDeleted()" of the SOAP API Developer Guide), told in the elements of the
WSDL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.web import Call

from .envelope import SoapFault, SoapRequest, elements, text, texts
from .sobjects import query_result, record_element, soap_time

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

MAX_RETRIEVED = 2000


class SoapReads:
    """Reads over one org; each call answers its `result` elements, written."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org

    def query(self, caller: Caller, asked: SoapRequest) -> list[str]:
        return self._query(caller, asked, "query")

    def query_all(self, caller: Caller, asked: SoapRequest) -> list[str]:
        return self._query(caller, asked, "queryAll")

    def query_more(self, caller: Caller, asked: SoapRequest) -> list[str]:
        locator = text(asked.arguments, "queryLocator") or ""
        if not locator:
            raise SoapFault("INVALID_QUERY_LOCATOR", "invalid query locator")
        body = self.rest(_paged(caller, asked), f"query/{locator}")
        return [_result("QueryResult", query_result(body, asked.flavour))]

    def retrieve(self, caller: Caller, asked: SoapRequest) -> list[str]:
        ids = texts(asked.arguments, "ids")
        if len(ids) > MAX_RETRIEVED:
            raise SoapFault("EXCEEDED_ID_LIMIT", f"cannot retrieve more than {MAX_RETRIEVED} records in one call")
        reading, kind = self._org.reading, text(asked.arguments, "sObjectType") or ""
        try:
            sobject = reading.object(caller, kind)
        except OrgError as missing:
            raise SoapFault("INVALID_TYPE", f"sObject type '{kind}' is not supported.") from missing
        names = [name for name in (text(asked.arguments, "fieldList") or "Id").split(",") if name.strip()]
        fields = reading.fields(caller, sobject, names)
        full = [full_id(record_id) or "" for record_id in ids]
        found = reading.records(caller, sobject, full, fields)
        return [record_element("result", found.get(record_id), asked.flavour) for record_id in full]

    def updated(self, caller: Caller, asked: SoapRequest) -> list[str]:
        body = self._replication(caller, asked, "updated")
        shape = {"ids": body["ids"], "latestDateCovered": soap_time(body["latestDateCovered"])}
        return [_result("GetUpdatedResult", elements(shape))]

    def deleted(self, caller: Caller, asked: SoapRequest) -> list[str]:
        body = self._replication(caller, asked, "deleted")
        rows = [{"deletedDate": soap_time(row["deletedDate"]), "id": row["id"]} for row in body["deletedRecords"]]
        dates = {name: soap_time(body[name]) for name in ("earliestDateAvailable", "latestDateCovered")}
        return [_result("GetDeletedResult", elements({"deletedRecords": rows, **dates}))]

    def rest(self, caller: Caller, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What the REST API answers to a GET of this path below `/services/data/vXX.0`. OrgError when it refuses."""
        answer = self._org.router.answer(Call(caller=caller, method="GET", path=path, query=dict(query or {})))
        return answer.body if answer.raw is None else orjson.loads(answer.raw)

    def _query(self, caller: Caller, asked: SoapRequest, resource: str) -> list[str]:
        body = self.rest(_paged(caller, asked), resource, {"q": text(asked.arguments, "queryString") or ""})
        return [_result("QueryResult", query_result(body, asked.flavour))]

    def _replication(self, caller: Caller, asked: SoapRequest, resource: str) -> Any:
        kind = text(asked.arguments, "sObjectType") or ""
        span = {"start": text(asked.arguments, "startDate") or "", "end": text(asked.arguments, "endDate") or ""}
        return self.rest(caller, f"sobjects/{kind}/{resource}", span)


def _paged(caller: Caller, asked: SoapRequest) -> Caller:
    """The caller with the page size of QueryOptions where a REST call has it."""
    size = text(asked.headers.get("QueryOptions"), "batchSize")
    if size is None:
        return caller
    return replace(caller, headers={**caller.headers, "sforce-query-options": f"batchSize={size}"})


def _result(kind: str, written: str) -> str:
    return f'<result xsi:type="{kind}">{written}</result>'
