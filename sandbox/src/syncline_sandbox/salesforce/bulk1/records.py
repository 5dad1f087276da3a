"""The rows of a batch, whatever it is written in, and the results of a load in the same.

Bulk API Developer Guide, "Prepare Data Files" (CSV, XML, JSON), "Get Batch Results": results stand in the order of the
rows. A null is `#N/A` in CSV, `xsi:nil` in XML, `null` in JSON.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import Element

import orjson

from syncline_sandbox.salesforce.bulk.csv_form import CsvForm
from syncline_sandbox.salesforce.bulk.rows import Outcome, UploadRefused

from .notation import NAMESPACE, NIL, AsyncError, local_name, read_xml, text_of

MAX_RECORDS = 10_000
_FORM = CsvForm()


def csv_rows(body: bytes) -> Iterator[list[str]]:
    """The rows of a CSV batch, header first. UploadRefused when it is none, or its rows differ in width."""
    width = None
    try:
        for row in _FORM.read(body):
            if not row:
                continue
            if width not in (None, len(row)):
                text = f"Number of columns in row {len(row)} does not match the header's {width}"
                raise UploadRefused(f"InvalidBatch : Failed to parse CSV: {text}")
            width = len(row)
            yield row
    except (csv.Error, UnicodeDecodeError) as broken:
        raise UploadRefused(f"InvalidBatch : Failed to parse CSV: {broken}") from broken


def json_records(body: bytes) -> list[dict[str, Any]]:
    """The records of a JSON batch."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        raise UploadRefused(f"InvalidBatch : Failed to parse JSON: {broken}") from broken
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UploadRefused("InvalidBatch : Failed to parse JSON: an array of objects is expected")
    return [{name: given for name, given in one.items() if name != "attributes"} for one in value]


def xml_records(body: bytes) -> list[dict[str, Any]]:
    """The records of an XML batch, empty elements left out."""
    try:
        root = read_xml(body)
    except AsyncError as broken:
        raise UploadRefused(f"InvalidBatch : {broken.message}") from broken
    return [_fields(element) for element in root if local_name(element) == "sObject"]


def _fields(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        name = local_name(child)
        if child.get(NIL) == "true":
            found[name] = None
        elif len(child):
            inner = child[0] if local_name(child[0]) == "sObject" else child
            keys = _fields(inner)
            kind = keys.pop("type", None)
            found[name] = {**({"attributes": {"type": kind}} if kind else {}), **keys}
        elif child.text:
            found[name] = child.text
    return found


def headings(records: Iterable[dict[str, Any]]) -> list[str]:
    """The columns that records amount to, as a CSV header would name them; each once, whatever its casing."""
    names: dict[str, str] = {}
    for record in records:
        for name, value in record.items():
            if not isinstance(value, dict):
                names.setdefault(name.lower(), name)
                continue
            for key in value:
                if key != "attributes":
                    names.setdefault(f"{name}.{key}".lower(), f"{name}.{key}")
    return list(names.values())


def csv_results(outcomes: Sequence[Outcome]) -> bytes:
    rows = [("Id", "Success", "Created", "Error")]
    rows += [
        (
            "" if one.refused else one.record_id,
            "false" if one.refused else "true",
            "true" if one.created else "false",
            one.error,
        )
        for one in outcomes
    ]
    return _FORM.text(rows)


def json_results(outcomes: Sequence[Outcome]) -> bytes:
    return orjson.dumps(
        [
            {
                "success": one.refused is None,
                "created": one.created,
                "id": None if one.refused else one.record_id,
                "errors": [_error(one)] if one.refused else [],
            }
            for one in outcomes
        ]
    )


def xml_results(outcomes: Sequence[Outcome]) -> bytes:
    body = "".join(f"<result>{_xml_result(one)}</result>" for one in outcomes)
    return f'<?xml version="1.0" encoding="UTF-8"?><results xmlns="{NAMESPACE}">{body}</results>'.encode()


def _xml_result(one: Outcome) -> str:
    if one.refused is None:
        told = f"<id>{one.record_id}</id><success>true</success>"
        return f"{told}<created>{'true' if one.created else 'false'}</created>"
    fields = "".join(f"<fields>{text_of(name)}</fields>" for name in one.refused.fields)
    said = f"<message>{text_of(one.refused.message)}</message><statusCode>{one.refused.code}</statusCode>"
    return f"<errors>{fields}{said}</errors><success>false</success><created>false</created>"


def _error(one: Outcome) -> dict[str, Any]:
    assert one.refused is not None
    shape = one.refused.as_row_error()
    return {
        "message": shape["message"],
        "fields": shape["fields"],
        "statusCode": shape["statusCode"],
        "extendedErrorDetails": None,
    }


RESULTS: dict[str, Callable[[Sequence[Outcome]], bytes]] = {
    "CSV": csv_results,
    "JSON": json_results,
    "XML": xml_results,
}
