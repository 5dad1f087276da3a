"""The Metadata API's calls on components: create, read, update, upsert, list and describe.

"CRUD-Based Metadata Development" and "Utility Calls" of the Metadata API Developer Guide. Lives here: XML to and from
components; what they do is in `components.py`. File-based deploy and retrieve are not imitated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.soap.envelope import (
    SoapFault,
    SoapRequest,
    children,
    elements,
    local_name,
    text,
    texts,
)

from .components import KINDS, Components

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

MAX_COMPONENTS = 10
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


class MetadataCalls:
    """Answers one call: the written content of each `result`."""

    def __init__(self, org: SalesforceOrg, components: Components) -> None:
        self._org = org
        self._components = components

    def answer(self, caller: Caller, asked: SoapRequest) -> list[str]:
        """Run a call. SoapFault for one that is not there."""
        run = _CALLS.get(asked.operation)
        if run is None:
            text_ = f"No operation available for request {{http://soap.sforce.com/2006/04/metadata}}{asked.operation}"
            raise SoapFault("INVALID_OPERATION", text_)
        return [f"<result>{result}</result>" for result in run(self, caller, asked.arguments)]

    def _write(self, caller: Caller, arguments: Element, act: Callable[[str, str, dict[str, Any]], Any]) -> list[str]:
        found = children(arguments, "metadata")
        if len(found) > MAX_COMPONENTS:
            raise SoapFault("LIMIT_EXCEEDED", f"record limit reached. cannot submit more than {MAX_COMPONENTS} records")
        return [self._written(one, act) for one in found]

    def _written(self, element: Element, act: Callable[[str, str, dict[str, Any]], Any]) -> str:
        kind = element.get(_TYPE, "").rpartition(":")[2]
        metadata = _values(element)
        full_name = str(metadata.pop("fullName", ""))
        try:
            with self._org.storage.savepoint():
                made = act(kind, full_name, metadata)
        except OrgError as refused:
            error = {"fields": list(refused.fields), "message": refused.message, "statusCode": refused.code}
            created = {"created": False} if act.__name__ == "upsert" else {}
            return elements({**created, "errors": error, "fullName": full_name, "success": False})
        created = {"created": made} if isinstance(made, bool) else {}
        return elements({**created, "fullName": full_name, "success": True})

    def _create(self, caller: Caller, arguments: Element) -> list[str]:
        def create(kind: str, name: str, metadata: dict[str, Any]) -> None:
            self._components.create(caller, kind, name, metadata)

        return self._write(caller, arguments, create)

    def _update(self, caller: Caller, arguments: Element) -> list[str]:
        def update(kind: str, name: str, metadata: dict[str, Any]) -> None:
            self._components.update(caller, kind, name, metadata)

        return self._write(caller, arguments, update)

    def _upsert(self, caller: Caller, arguments: Element) -> list[str]:
        def upsert(kind: str, name: str, metadata: dict[str, Any]) -> bool:
            return self._components.upsert(caller, kind, name, metadata)

        return self._write(caller, arguments, upsert)

    def _read(self, caller: Caller, arguments: Element) -> list[str]:
        kind = text(arguments, "type") or ""
        if kind not in KINDS:
            raise SoapFault("INVALID_TYPE", f"INVALID_TYPE: Unknown type:{kind}")
        found = [self._components.read(kind, name) for name in texts(arguments, "fullNames")]
        return ["".join(_record(kind, one) for one in found if one is not None)]

    def _list(self, caller: Caller, arguments: Element) -> list[str]:
        return [
            elements(self._properties(kind, name))
            for query in children(arguments, "queries")
            for kind in [text(query, "type") or ""]
            for name in self._components.names(kind)
        ]

    def _properties(self, kind: str, name: str) -> dict[str, Any]:
        stamp = self._org.schema_changed_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        folder, suffix = KINDS[kind]
        owner = name.partition(".")[0]
        file_name = f"{folder}/{name}.{suffix}" if folder else f"objects/{owner}.object"
        by = self._org.storage.db.execute('SELECT "Id", "Name" FROM "User" ORDER BY "Id" LIMIT 1').fetchone()
        return {
            "createdById": by[0],
            "createdByName": by[1],
            "createdDate": stamp,
            "fileName": file_name,
            "fullName": name,
            "id": "",
            "lastModifiedById": by[0],
            "lastModifiedByName": by[1],
            "lastModifiedDate": stamp,
            "type": kind,
        }

    def _describe(self, caller: Caller, arguments: Element) -> list[str]:
        children_of_object = [kind for kind, (folder, _) in KINDS.items() if not folder]
        described = [
            {
                "childXmlNames": children_of_object if kind == "CustomObject" else [],
                "directoryName": folder,
                "inFolder": False,
                "metaFile": False,
                "suffix": suffix,
                "xmlName": kind,
            }
            for kind, (folder, suffix) in KINDS.items()
            if folder
        ]
        rest = {"organizationNamespace": "", "partialSaveAllowed": True, "testRequired": False}
        return [elements({"metadataObjects": described, **rest})]


def _record(kind: str, shape: Mapping[str, Any]) -> str:
    # The name comes first, as all kinds inherit it; their own elements are in the order of the alphabet.
    ordered = {"fullName": shape["fullName"], **{name: shape[name] for name in sorted(shape) if name != "fullName"}}
    return f'<records xsi:type="{kind}">{elements(ordered)}</records>'


def _values(element: Element) -> dict[str, Any]:
    """The children of an element: text, or mappings, and lists where a name repeats."""
    found: dict[str, Any] = {}
    for one in element:
        name, value = local_name(one), _values(one) if len(one) else (one.text or "").strip()
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


_Run = Callable[[MetadataCalls, Caller, Element], list[str]]
_CALLS: dict[str, _Run] = {
    "createMetadata": MetadataCalls._create,
    "updateMetadata": MetadataCalls._update,
    "upsertMetadata": MetadataCalls._upsert,
    "readMetadata": MetadataCalls._read,
    "listMetadata": MetadataCalls._list,
    "describeMetadata": MetadataCalls._describe,
}
