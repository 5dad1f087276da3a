"""Records as elements: what a query or a retrieve answers, in the Partner and in the Enterprise WSDL.

Lives here: from a record as the REST API tells it to an sObject element ("sObject", "QueryResult" of the Partner WSDL).
In the Partner WSDL an sObject begins with its type and Id, and an Id that was asked for stands once more in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .envelope import elements

_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3})\+0000")
# In the order of the WSDL, where `address` extends `location`; what is not known is nil.
_LOCATION = ["latitude", "longitude"]
_ADDRESS = [*_LOCATION, *"city country countryCode geocodeAccuracy postalCode state stateCode street".split()]


def record_element(name: str, record: Mapping[str, Any] | None, flavour: str) -> str:
    """One record under the element *name*; nil for None."""
    if record is None:
        return f'<{name} xsi:nil="true"/>'
    kind = str(record["attributes"]["type"])
    fields = "".join(_field(field, value, flavour) for field, value in record.items() if field != "attributes")
    if flavour == "enterprise":
        return f'<{name} xsi:type="sf:{kind}">{fields}</{name}>'
    head = elements({"sf:type": kind, "sf:Id": record.get("Id")})
    return f'<{name} xsi:type="sf:sObject">{head}{fields}</{name}>'


def query_result(body: Mapping[str, Any], flavour: str) -> str:
    """The content of a QueryResult."""
    rest = body.get("nextRecordsUrl")
    head = elements({"done": body["done"], "queryLocator": rest.rpartition("/")[2] if rest else None})
    records = "".join(record_element("records", record, flavour) for record in body["records"])
    return f"{head}{records}{elements({'size': body['totalSize']})}"


def soap_time(stamp: str) -> str:
    """A stamp of the REST API as SOAP writes it."""
    return _STAMP.sub(r"\1Z", stamp)


def _field(name: str, value: Any, flavour: str) -> str:
    element = f"sf:{name}"
    if isinstance(value, Mapping):
        if "attributes" in value:
            return record_element(element, value, flavour)
        if "records" in value:
            return f'<{element} xsi:type="QueryResult">{query_result(value, flavour)}</{element}>'
        kind, parts = ("address", _ADDRESS) if "city" in value else ("location", _LOCATION)
        return f'<{element} xsi:type="{kind}">{elements({part: value.get(part) for part in parts})}</{element}>'
    if isinstance(value, str):
        value = soap_time(value) if _STAMP.fullmatch(value) else value
    return elements({element: value})
