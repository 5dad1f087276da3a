"""SOAP envelopes as text: what a call says, what its results and faults say. No requests, no meaning of any call.

Facts: Salesforce, SOAP API Developer Guide, "Partner WSDL", "SessionHeader", "API Fault Element"; element names and
their order are those of the partner WSDL. Answers are read by local names: prefixes are the server's to choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from syncline.connectors.salesforce.cells import full_id

SOAP_PATH = "/services/Soap/u/"

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="urn:partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Header>'
    "<SessionHeader><sessionId>{session}</sessionId></SessionHeader>{headers}</e:Header>"
    "<e:Body><{call}>{arguments}</{call}></e:Body></e:Envelope>"
)
_KEPT = {"\r": "&#13;"}  # a parser makes a line feed of a bare one ("End-of-Line Handling" of XML 1.0)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
# "Char" of XML 1.0: what no document can hold, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def envelope(session: str, call: str, arguments: str, headers: str = "") -> bytes:
    """A request. *arguments* and *headers* are XML already."""
    text = _ENVELOPE.format(session=escape(session), headers=headers, call=call, arguments=arguments)
    return text.encode()


def element(name: str, value: str | None) -> str:
    """One element with text; None is nil."""
    return f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value, _KEPT)}</{name}>"


def sobject(name: str, object_type: str, record_id: str, cells: Mapping[str, str]) -> str:
    """An sObject with these cells; blank ones are named in `fieldsToNull`."""
    cleared = "".join(element("s:fieldsToNull", field) for field, cell in cells.items() if not cell)
    filled = "".join(element(f"s:{field}", cell) for field, cell in cells.items() if cell)
    head = f'<{name} xmlns:s="urn:sobject.partner.soap.sforce.com">'
    return f"{head}{element('s:type', object_type)}{cleared}{element('s:Id', record_id)}{filled}</{name}>"


def is_sayable(values: Iterable[str]) -> bool:
    """Whether XML can hold all of these."""
    return not any(_NOT_XML.search(value) for value in values)


def results(body: bytes) -> list[Element] | None:
    """The `result` elements of an answer, in order; None if it is no SOAP answer."""
    answer = _body(body)
    if answer is None or not len(answer):
        return None
    return [item for item in answer[0] if _name(item) == "result"]


def fault(body: bytes) -> dict[str, object] | None:
    """A fault in the shape of a REST error, so that one table reads both; None if the answer is none."""
    answer = _body(body)
    found = next((item for item in answer if _name(item) == "Fault"), None) if answer is not None else None
    if found is None:
        return None
    code = (text(found, "faultcode") or "").rpartition(":")[2]
    return {"errorCode": code, "message": (text(found, "faultstring") or code).removeprefix(f"{code}: ")}


def row_errors(result: Element) -> list[dict[str, object]]:
    """The `errors` of a result in the shape of REST's, candidates of a duplicate rule included."""
    return [_row_error(item) for item in result if _name(item) == "errors"]


def text(parent: Element, name: str) -> str | None:
    """The text of a child; None if it is missing, nil or empty."""
    found = next((item for item in parent if _name(item) == name), None)
    return None if found is None or found.get(_NIL) == "true" else (found.text or "").strip() or None


def _row_error(error: Element) -> dict[str, object]:
    fields = [item.text or "" for item in error if _name(item) == "fields" and item.text]
    matches = [match for match in error.iter() if _name(match) == "matchRecords"]
    ids = [_matched_id(match) for match in matches]
    return {
        "statusCode": text(error, "statusCode") or "",
        "message": text(error, "message") or "",
        "fields": fields,
        "duplicateResult": {"matchResults": [{"matchRecords": [{"record": {"Id": one}} for one in ids if one]}]},
    }


def _matched_id(match: Element) -> str | None:
    record = next((item for item in match if _name(item) == "record"), None)
    found = text(record, "Id") if record is not None else None
    return full_id(found) if found else None


def _body(body: bytes) -> Element | None:
    if not body.lstrip().startswith(b"<"):
        return None
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    return next((item for item in root if _name(item) == "Body"), None) if _name(root) == "Envelope" else None


def _name(item: Element) -> str:
    return item.tag.rpartition("}")[2]
