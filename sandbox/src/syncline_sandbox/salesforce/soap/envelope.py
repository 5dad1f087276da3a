"""SOAP envelopes: what a request says, and how results and faults are written.

Lives here: the XML of the Partner and the Enterprise WSDL, read by local names because clients bind their prefixes as
they like ("Calls", "Core Data Types", "API Fault Element" of the SOAP API Developer Guide). No call is answered here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.web import Answer
from syncline_sandbox.salesforce.xml_reading import UnreadableXml, read_document

_PATH = re.compile(r"/services/Soap/(?P<flavour>[ucm])/(?P<version>\d+\.\d)(?:/.*)?", re.IGNORECASE)
_FLAVOURS = {"u": "partner", "c": "enterprise", "m": "metadata"}
METADATA_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
MAX_BODY_BYTES = 50_000_000
# 200 records with every field an object can have.
_MOST_ELEMENTS = 250_000
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
# Characters no XML document can hold ("Char" of XML 1.0).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" {namespace} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
)
# Faults that have an element of their own in the WSDL; any other is an UnexpectedErrorFault.
_FAULT_ELEMENTS = {
    "INVALID_LOGIN": "LoginFault",
    "MALFORMED_ID": "InvalidIdFault",
    "INVALID_ID_FIELD": "InvalidIdFault",
    "INVALID_FIELD": "InvalidFieldFault",
    "INVALID_TYPE": "InvalidSObjectFault",
    "MALFORMED_QUERY": "MalformedQueryFault",
    "INVALID_QUERY_LOCATOR": "InvalidQueryLocatorFault",
}
# These say where in the query they found it ("ApiQueryFault").
_QUERY_FAULTS = frozenset({"InvalidFieldFault", "InvalidSObjectFault", "MalformedQueryFault"})
_PLACE = re.compile(r"ERROR at Row:(\d+):Column:(\d+)")


class SoapFault(Exception):
    """A call refused as a whole."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class SoapRequest:
    """One call: its name, its element, and the elements of the SOAP header by local name."""

    flavour: str
    version: str
    operation: str
    arguments: Element
    headers: Mapping[str, Element] = field(default_factory=dict)


def is_soap(path: str) -> bool:
    """True for the Partner, Enterprise and Metadata endpoints, `/services/Soap/u/…`, `…/c/…` and `…/m/…`."""
    return path.lower().startswith(("/services/soap/u/", "/services/soap/c/", "/services/soap/m/"))


def read_soap(request: Request) -> SoapRequest:
    """The call in a request. SoapFault when the address names no version, or the body is no envelope."""
    read = _read_once(request.path, request.body)
    if isinstance(read, SoapRequest):
        return read
    raise SoapFault(*read)


# The door, the session and the transaction each read the same request.
@lru_cache(maxsize=1)
def _read_once(path: str, written: bytes) -> SoapRequest | tuple[str, str]:
    try:
        return _read(path, written)
    except SoapFault as refused:
        return refused.code, refused.message


def _read(path: str, written: bytes) -> SoapRequest:
    match = _PATH.fullmatch(path)
    if match is None:
        raise SoapFault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    if len(written) > MAX_BODY_BYTES:
        raise SoapFault("EXCEEDED_MAX_SIZE_REQUEST", "The size of the message sent to the API exceeded 50 MB.")
    try:
        envelope = read_document(written, _MOST_ELEMENTS)
    except UnreadableXml as broken:
        raise SoapFault("UNKNOWN_EXCEPTION", f"not well-formed: {broken}") from broken
    header, body = child(envelope, "Header"), child(envelope, "Body")
    if body is None or len(body) != 1:
        raise SoapFault("UNKNOWN_EXCEPTION", "an envelope has a Body with one call in it")
    return SoapRequest(
        flavour=_FLAVOURS[match["flavour"].lower()],
        version=match["version"],
        operation=local_name(body[0]),
        arguments=body[0],
        headers={} if header is None else {local_name(element): element for element in header},
    )


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """The child elements of this local name, whatever their namespace."""
    return [found for found in element if local_name(found) == name]


def child(element: Element, name: str) -> Element | None:
    return next(iter(children(element, name)), None)


def text(element: Element | None, name: str) -> str | None:
    """The text of a child element; None when it is missing, nil or empty."""
    found = None if element is None else child(element, name)
    return (found.text or "").strip() or None if found is not None else None


def flag(element: Element | None, name: str) -> bool:
    """True when the child element says so."""
    return text(element, name) in ("true", "1")


def texts(element: Element, name: str) -> list[str]:
    return [(found.text or "").strip() for found in children(element, name)]


def sobject_values(element: Element) -> tuple[str, dict[str, Any]]:
    """The object type and the fields of an sObject element, with nulls for its `fieldsToNull`."""
    kind = text(element, "type") or element.get(_TYPE, "").rpartition(":")[2]
    fields: dict[str, Any] = {}
    for found in element:
        name = local_name(found)
        if name == "fieldsToNull":
            fields[(found.text or "").strip()] = None
        elif name != "type":
            fields[name] = _field_value(found)
    return kind, fields


def _field_value(element: Element) -> Any:
    if len(element):  # a parent, named by the key of a record of its own
        kind, keys = sobject_values(element)
        return {"attributes": {"type": kind}, **keys}
    return None if element.get(_NIL) == "true" else element.text or ""


def elements(values: Mapping[str, object]) -> str:
    """*values* as elements in their order: a list repeats its element, None is nil, a `Raw` stands as it is."""
    return "".join(_element(name, value) for name, value in values.items())


class Raw(str):
    """XML that is already written."""


def _element(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Raw):
        return value
    if isinstance(value, Mapping):
        return f"<{name}>{elements(value)}</{name}>"
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    written = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{_escaped(written)}</{name}>"


def _escaped(written: str) -> str:
    return escape(_NOT_XML.sub("", written))


def row_errors(refused: OrgError) -> Raw:
    """The `errors` element of a row's result: Error, or DuplicateError with what was found."""
    body = elements({"fields": list(refused.fields), "message": refused.message, "statusCode": refused.code})
    details = refused.soap_details()
    if details is None:
        return Raw(f"<errors>{body}</errors>")
    return Raw(f'<errors xsi:type="DuplicateError">{body}{elements({"duplicateResult": details})}</errors>')


def response(asked: SoapRequest, results: Iterable[str]) -> Answer:
    """The answer to a call: its `result` elements, which are written XML."""
    if asked.flavour == "metadata":
        body = "".join(results)
        return _answer(
            200, f'xmlns="{METADATA_NAMESPACE}"', f"<{asked.operation}Response>{body}</{asked.operation}Response>"
        )
    namespace = (
        f'xmlns="urn:{asked.flavour}.soap.sforce.com" xmlns:sf="urn:sobject.{asked.flavour}.soap.sforce.com" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    )
    return _answer(200, namespace, f"<{asked.operation}Response>{''.join(results)}</{asked.operation}Response>")


def result(values: Mapping[str, object]) -> str:
    """One `result` element."""
    return f"<result>{elements(values)}</result>"


def fault(code: str, message: str, flavour: str = "partner") -> Answer:
    """A SOAP fault, with status 500."""
    kind = _FAULT_ELEMENTS.get(code, "UnexpectedErrorFault")
    found = _PLACE.search(message)
    row, column = found.groups() if found else ("-1", "-1")
    place = f"<sf:row>{row}</sf:row><sf:column>{column}</sf:column>" if kind in _QUERY_FAULTS else ""
    detail = (
        f'<sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{_escaped(message)}</sf:exceptionMessage>{place}</sf:{kind}>"
    )
    told = f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {_escaped(message)}</faultstring>"
    namespace = f'xmlns:sf="urn:fault.{flavour}.soap.sforce.com"'
    if flavour == "metadata":
        namespace = f'xmlns:sf="{METADATA_NAMESPACE}"'
    return _answer(500, namespace, f"<soapenv:Fault>{told}<detail>{detail}</detail></soapenv:Fault>")


def _answer(status: int, namespace: str, body: str) -> Answer:
    written = _ENVELOPE.format(namespace=namespace, body=body).encode()
    return Answer(status=status, raw=written, content_type="text/xml;charset=UTF-8")
