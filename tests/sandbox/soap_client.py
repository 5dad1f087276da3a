"""Partner and Enterprise SOAP calls for tests of the org sandbox: arguments as XML in, results as dictionaries out."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from tests.sandbox.salesforce_client import Client

_ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-'
    'instance" xmlns:u="urn:{flavour}.soap.sforce.com"><e:Header><u:SessionHeader><u:sessionId>{session}'
    "</u:sessionId></u:SessionHeader>{headers}</e:Header><e:Body><u:{call}>{body}</u:{call}></e:Body></e:Envelope>"
)


# The session is in the envelope.
NO_TOKEN = {"authorization": "", "soapaction": '""'}


class Refused(Exception):
    """A SOAP fault: its code, its text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def envelope(client: Client, call: str, body: str, *, headers: str = "", flavour: str = "partner") -> bytes:
    """The envelope of a call in the client's session."""
    written = _ENVELOPE.format(flavour=flavour, session=client.token, headers=headers, call=call, body=body)
    return written.encode()


def soap(client: Client, call: str, body: str, *, headers: str = "", flavour: str = "partner") -> list[dict[str, Any]]:
    """The results of one call. Refused when the answer is a fault."""
    endpoint = "u" if flavour == "partner" else "c"
    sent = envelope(client, call, body, headers=headers, flavour=flavour)
    answer = client.send("POST", f"/services/Soap/{endpoint}/59.0", sent, headers=NO_TOKEN)
    root = ElementTree.fromstring(answer.body)
    fault = root.find(".//{http://schemas.xmlsoap.org/soap/envelope/}Fault")
    if fault is not None:
        assert answer.status == 500
        raise Refused((fault.findtext("faultcode") or "").removeprefix("sf:"), fault.findtext("faultstring") or "")
    assert answer.status == 200
    return [_values(result) for result in root[0][0]]


def soap_one(client: Client, call: str, body: str, **options: Any) -> dict[str, Any]:
    """The result of a call with one row."""
    (result,) = soap(client, call, body, **options)
    return result


def convert(client: Client, lead_id: str, *more: str, status: str = "Closed - Converted", **options: Any) -> Any:
    """Convert a lead; *more* are written elements of LeadConvert."""
    elements = "".join(
        [f"<convertedStatus>{status}</convertedStatus>", *more, f"<leadId>{lead_id}</leadId>"],
    )
    return soap_one(client, "convertLead", f"<leadConverts>{elements}</leadConverts>", **options)


def merge(client: Client, kind: str, master_id: str, *loser_ids: str, fields: str = "", **options: Any) -> Any:
    """Merge *loser_ids* into the master; *fields* are written elements of the master record."""
    losers = "".join(f"<recordToMergeIds>{loser}</recordToMergeIds>" for loser in loser_ids)
    master = f"<masterRecord><type>{kind}</type><Id>{master_id}</Id>{fields}</masterRecord>"
    return soap_one(client, "merge", f"<mergeRequests>{master}{losers}</mergeRequests>", **options)


def codes(result: dict[str, Any]) -> list[str]:
    """The status codes of a result's errors."""
    return [error["statusCode"] for error in result["errors"]]


def _values(element: ElementTree.Element) -> Any:
    """An element as text, None or a dictionary; what may repeat is always a list."""
    if element.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true":
        return None
    if not len(element):
        return element.text or ""
    shape: dict[str, Any] = {}
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name in ("errors", "mergedRecordIds", "updatedRelatedIds", "matchResults", "matchRecords"):
            shape.setdefault(name, []).append(_values(child))
        else:
            shape[name] = _values(child)
    return shape
