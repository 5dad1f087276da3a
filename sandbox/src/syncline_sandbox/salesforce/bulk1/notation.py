"""JSON and XML of Bulk API 1.0: jobs, batches and errors in either.

Bulk API Developer Guide, "JobInfo", "BatchInfo", "Errors": job resources answer in the request's content type, batch
resources in JSON if the job's content type is JSON and in XML otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import orjson

from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.stamps import stamp_of
from syncline_sandbox.salesforce.web import Answer
from syncline_sandbox.salesforce.xml_reading import MOST_ELEMENTS, UnreadableXml, read_document

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{XSI}}}nil"
# "Use Compression for Responses" (Bulk API Developer Guide) shows the charset; tap-salesforce cannot do without.
JSON, XML, CSV = "application/json", "application/xml", "text/csv; charset=UTF-8"
_MOST_OF_A_JOB = 1_000
_PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>'
# Characters no XML document can hold ("Char" of XML 1.0).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class AsyncError(OrgError):
    """A refused request; `code` is an exceptionCode of Bulk API 1.0."""


def speaks_json(headers: Mapping[str, str]) -> bool:
    """True when a request is in JSON by its content type or, without one, asks for JSON."""
    return "json" in (headers.get("content-type") or headers.get("accept", "")).lower()


def written(name: str, values: Mapping[str, Any], *, json: bool, status: int = 200) -> Answer:
    """One object: in XML an element of this *name*, nulls left out."""
    if json:
        return Answer(
            status=status,
            raw=orjson.dumps(values, default=stamp_of, option=orjson.OPT_PASSTHROUGH_DATETIME),
            content_type=JSON,
        )
    return document(f'<{name} xmlns="{NAMESPACE}">{elements(values)}</{name}>', status)


def written_list(name: str, item: str, values: list[dict[str, Any]], *, json: bool) -> Answer:
    """A list of objects, as the batches of a job."""
    if json:
        return Answer(
            raw=orjson.dumps({item: values}, default=stamp_of, option=orjson.OPT_PASSTHROUGH_DATETIME),
            content_type=JSON,
        )
    body = "".join(f"<{item}>{elements(one)}</{item}>" for one in values)
    return document(f'<{name} xmlns="{NAMESPACE}">{body}</{name}>')


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=stamp_of, option=orjson.OPT_PASSTHROUGH_DATETIME)


def error(refused: AsyncError, *, json: bool) -> Answer:
    """What a refused request is answered."""
    told = {"exceptionCode": refused.code, "exceptionMessage": refused.message}
    return written("error", told, json=json, status=refused.status)


def document(body: str, status: int = 200) -> Answer:
    return Answer(status=status, raw=(_PROLOGUE + body).encode(), content_type=XML)


def elements(values: Mapping[str, Any]) -> str:
    """Plain values as elements, nulls left out."""
    return "".join(f"<{name}>{text_of(value)}</{name}>" for name, value in values.items() if value is not None)


def text_of(value: Any) -> str:
    """A value as the text of an element."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if isinstance(value, bool):
        return str(value).lower()
    return escape(_NOT_XML.sub("", str(value)))


def read_object(body: bytes, *, json: bool) -> dict[str, Any]:
    """The fields of a jobInfo. AsyncError InvalidXML or ClientInputError when the body is none."""
    if json:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as broken:
            raise AsyncError("ClientInputError", f"Failed to parse the JSON of the request: {broken}") from broken
        if not isinstance(value, dict):
            raise AsyncError("ClientInputError", "A jobInfo is a JSON object")
        return value
    return {local_name(child): (child.text or "").strip() for child in read_xml(body, _MOST_OF_A_JOB)}


def read_xml(body: bytes, most_elements: int = MOST_ELEMENTS) -> Element:
    """The root element of a document. AsyncError InvalidXML when it is none."""
    try:
        return read_document(body.strip(), most_elements)
    except UnreadableXml as broken:
        raise AsyncError("InvalidXML", f"Failed to parse the XML of the request: {broken}") from broken


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]
