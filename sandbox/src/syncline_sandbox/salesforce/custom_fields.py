"""Custom fields added at run time: plain ones, external ids, look-ups, picklists, formulas.

Lives here: from the JSON of the control endpoint to a Field ("Custom Fields", "CustomField" of the Metadata API).
A formula is computed when it is read, so its change moves no stamp.
"""

from __future__ import annotations

from typing import Any

from .field_lines import label_of
from .schema import LONG_TEXT_LENGTH, NUMBER_TYPES, TEXT_TYPES, Field, PicklistValue

# Lengths of custom fields whose type fixes them.
_FIXED_LENGTHS = {"email": 80, "phone": 40, "url": 255, "picklist": 255, "reference": 18, "multipicklist": 4099}
_TYPES = TEXT_TYPES | NUMBER_TYPES | {"boolean", "date", "datetime", "reference"}


def custom_field(spec: dict[str, Any]) -> Field:
    """The field a specification describes.

    Keys: name (ends in `__c`), type, label, length, precision, scale, digits, unique, case_sensitive, external_id,
    required, default, values (picklist), restricted, reference_to, relationship_name, child_relationship_name,
    formula (its text, shown in describe) with formula_sql (what computes it, `{row}` for the record's table alias).

    Raises:
        ValueError: a key, name or type the org does not have.
    """
    unknown = spec.keys() - _KEYS
    name, kind = str(spec.get("name", "")), str(spec.get("type", "string"))
    if unknown or not name.endswith("__c") or not name[:-3].isidentifier() or kind not in _TYPES:
        raise ValueError(f"not a custom field: name {name!r} must end in __c, type {kind!r}, unknown {sorted(unknown)}")
    formula = spec.get("formula_sql")
    length = int(spec.get("length", _FIXED_LENGTHS.get(kind, 255 if kind in TEXT_TYPES else 0)))
    number = kind in NUMBER_TYPES and kind != "int"
    long_text = kind == "textarea" and length > LONG_TEXT_LENGTH
    default = spec.get("default", False if kind == "boolean" else None)
    writable = formula is None
    return Field(
        name=name,
        type=kind,
        label=str(spec.get("label", label_of(name))),
        column=name if writable else None,
        sql=f'{{row}}."{name}"' if formula is None else f"({formula})",
        length=length,
        precision=int(spec.get("precision", 18)) if number else 0,
        scale=int(spec.get("scale", 0)) if number else 0,
        digits=int(spec.get("digits", 9)) if kind == "int" else 0,
        createable=writable,
        updateable=writable,
        nillable=not spec.get("required", False) and kind != "boolean",
        defaulted_on_create=default is not None,
        custom=True,
        unique=bool(spec.get("unique", False)),
        case_sensitive=bool(spec.get("case_sensitive", False)) or kind == "reference",
        external_id=bool(spec.get("external_id", False)),
        id_lookup=bool(spec.get("external_id", False)),
        calculated=not writable,
        calculated_formula=spec.get("formula") if not writable else None,
        restricted_picklist=bool(spec.get("restricted", False)),
        picklist=tuple(PicklistValue(value=v, label=v, default=v == default) for v in spec.get("values", ())),
        reference_to=(str(spec["reference_to"]),) if kind == "reference" else (),
        relationship_name=spec.get("relationship_name", f"{name[:-1]}r") if kind == "reference" else None,
        child_relationship_name=spec.get("child_relationship_name"),
        filterable=not long_text,
        sortable=not long_text,
        groupable=not long_text and not number and kind != "datetime",
        default=default,
    )


_KEYS = frozenset(
    "name type label length precision scale digits unique case_sensitive external_id required default values "
    "restricted reference_to relationship_name child_relationship_name formula formula_sql".split()
)
