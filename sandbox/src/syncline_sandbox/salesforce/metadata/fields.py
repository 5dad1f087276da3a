"""A CustomField of the Metadata API, to and from what `custom_fields.py` takes.

"CustomField" and "Metadata Field Types" of the Metadata API Developer Guide. Lives here: words for words; nothing is
made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.schema import LONG_TEXT_LENGTH, Field, SObject

# The Metadata API's type -> the describe's.
_TYPES = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Html": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Lookup": "reference",
    "MasterDetail": "reference",
    "AutoNumber": "string",
    "Summary": "double",
}
_WORDS = {kind: word for word, kind in reversed(_TYPES.items())} | {"combobox": "Picklist", "int": "Number"}
# Metadata attribute -> key of `custom_fields.custom_field`, with how its text is read.
_KEYS: dict[str, tuple[str, type]] = {
    "label": ("label", str),
    "description": ("description", str),
    "inlineHelpText": ("help", str),
    "length": ("length", int),
    "precision": ("precision", int),
    "scale": ("scale", int),
    "unique": ("unique", bool),
    "caseSensitive": ("case_sensitive", bool),
    "externalId": ("external_id", bool),
    "required": ("required", bool),
    "formula": ("formula", str),
    "formulaTreatBlanksAs": ("treat_blanks", str),
}


def truth(value: object) -> bool:
    """A flag as JSON or XML has it."""
    return value is True or str(value).lower() in ("true", "1")


def listed(value: object) -> list[Any]:
    """An element that may repeat, as a list."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def field_spec(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The specification of a field. OrgError FIELD_INTEGRITY_EXCEPTION for a type that is not made here."""
    word = str(metadata.get("type"))
    kind = _TYPES.get(word)
    if kind is None:
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", f"Field type not made here: {metadata.get('type')}", ("type",))
    spec: dict[str, Any] = {"name": name, "type": kind}
    for theirs, (ours, read) in _KEYS.items():
        if metadata.get(theirs) is not None:
            spec[ours] = truth(metadata[theirs]) if read is bool else read(metadata[theirs])
    if kind == "boolean" and metadata.get("defaultValue") is not None:
        spec["default"] = truth(metadata["defaultValue"])
    return spec | _OF_TYPE.get(word, _nothing)(metadata)


def _nothing(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _picklist(metadata: Mapping[str, Any]) -> dict[str, Any]:
    value_set = metadata.get("valueSet") or {}
    values = listed((value_set.get("valueSetDefinition") or {}).get("value"))
    default = next((str(value["fullName"]) for value in values if truth(value.get("default"))), None)
    return {
        "values": [str(value["fullName"]) for value in values],
        "restricted": truth(value_set.get("restricted")),
        "default": default,
    }


def _lookup(metadata: Mapping[str, Any]) -> dict[str, Any]:
    named = metadata.get("relationshipName")
    children = {"child_relationship_name": f"{str(named).removesuffix('__r')}__r"} if named else {}
    return {"reference_to": str(metadata.get("referenceTo", "")), **children}


def _master(metadata: Mapping[str, Any]) -> dict[str, Any]:
    order = {"master_detail": int(metadata.get("relationshipOrder") or 0)}
    return _lookup(metadata) | order | {"reparentable": truth(metadata.get("reparentableMasterDetail"))}


def _summary(metadata: Mapping[str, Any]) -> dict[str, Any]:
    child, _, reference = str(metadata.get("summaryForeignKey", "")).partition(".")
    filters = [
        {"field": one.get("field"), "operation": one.get("operation"), "value": one.get("value")}
        for one in listed(metadata.get("summaryFilterItems"))
    ]
    field = str(metadata.get("summarizedField") or "").rpartition(".")[2]
    operation = str(metadata.get("summaryOperation", "count"))
    rollup = {"child": child, "reference": reference, "operation": operation, "field": field, "filters": filters}
    return {"rollup": rollup}


_OF_TYPE = {
    "Picklist": _picklist,
    "MultiselectPicklist": _picklist,
    "Lookup": _lookup,
    "MasterDetail": _master,
    "AutoNumber": lambda metadata: {"auto_number": str(metadata.get("displayFormat") or "{0}")},
    "Summary": _summary,
}


def field_metadata(sobject: SObject, field: Field, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The Metadata of a field; *spec* is what a custom one was made of."""
    shown: dict[str, Any] = {
        "fullName": f"{sobject.name}.{field.name}",
        "description": spec.get("description"),
        "externalId": field.external_id,
        "formula": spec.get("formula"),
        "inlineHelpText": field.help_text,
        "label": field.label,
        "length": field.length if field.type in ("string", "textarea") else None,
        "precision": field.precision or None,
        "required": not field.nillable and field.type != "boolean",
        "scale": field.scale if field.precision else None,
        "type": _word(field, spec),
        "unique": field.unique or None,
    }
    if field.type == "reference":
        children = (field.child_relationship_name or "").removesuffix("__r") or None
        shown |= {"referenceTo": field.reference_to[0], "relationshipName": children}
        shown["relationshipOrder"] = field.relationship_order
    if field.picklist:
        values = [{"fullName": v.value, "default": v.default, "label": v.label} for v in field.picklist]
        shown["valueSet"] = {"restricted": field.restricted_picklist, "valueSetDefinition": {"value": values}}
    if field.auto_number is not None:
        shown["displayFormat"] = field.auto_number
    if "rollup" in spec:
        rollup = spec["rollup"]
        shown |= {
            "summaryForeignKey": f"{rollup['child']}.{rollup['reference']}",
            "summaryOperation": rollup["operation"],
            "summarizedField": f"{rollup['child']}.{rollup['field']}" if rollup.get("field") else None,
        }
    return {name: value for name, value in shown.items() if value is not None}


def _word(field: Field, spec: Mapping[str, Any]) -> str:
    special = (
        (field.auto_number is not None, "AutoNumber"),
        ("rollup" in spec, "Summary"),
        (field.relationship_order is not None, "MasterDetail"),
        (field.type == "textarea" and field.length > LONG_TEXT_LENGTH, "LongTextArea"),
    )
    return next((word for holds, word in special if holds), _WORDS.get(field.type, "Text"))
