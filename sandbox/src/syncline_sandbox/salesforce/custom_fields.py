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


def custom_field(spec: dict[str, Any], formula_sql: str | None = None) -> Field:
    """The field a specification describes; *formula_sql* is what its `formula` compiles to.

    Keys: name (ends in `__c`), type, label, length, precision, scale, digits, unique, case_sensitive, external_id,
    required, default, values (picklist), restricted, reference_to, relationship_name, child_relationship_name,
    formula (its text, shown in describe), for what that language does not say with formula_sql (what computes it,
    `{row}` for the record's table alias) and treat_blanks (BlankAsZero, BlankAsBlank); master_detail for a reference
    (0, or 1 for the second master), with reparentable; auto_number (a format such as `A-{0000}`); rollup (see
    `org_fields.py`); help; granted (false: nobody sees it until a permission set says so).

    Raises:
        ValueError: a key, name or type the org does not have.
    """
    name, kind = str(spec.get("name", "")), str(spec.get("type", "string"))
    _check(spec, name, kind)
    formula = spec.get("formula_sql", formula_sql)
    rollup, number, order = spec.get("rollup"), spec.get("auto_number"), spec.get("master_detail")
    length = int(spec.get("length", _FIXED_LENGTHS.get(kind, 255 if kind in TEXT_TYPES else 0)))
    numeric = kind in NUMBER_TYPES and kind != "int"
    long_text = kind == "textarea" and length > LONG_TEXT_LENGTH
    default = spec.get("default", False if kind == "boolean" else None)
    writable = formula is None and rollup is None and number is None
    return Field(
        name=name,
        type=kind,
        label=str(spec.get("label", label_of(name))),
        column=name if formula is None else None,
        sql=f'{{row}}."{name}"' if formula is None else f"({formula})",
        length=length,
        precision=int(spec.get("precision", 18)) if numeric else 0,
        scale=int(spec.get("scale", 0)) if numeric else 0,
        digits=int(spec.get("digits", 9)) if kind == "int" else 0,
        createable=writable,
        updateable=writable and (order is None or bool(spec.get("reparentable", False))),
        nillable=not spec.get("required", False) and kind != "boolean" and order is None,
        defaulted_on_create=default is not None,
        custom=True,
        unique=bool(spec.get("unique", False)),
        case_sensitive=bool(spec.get("case_sensitive", False)) or kind == "reference",
        external_id=bool(spec.get("external_id", False)),
        id_lookup=bool(spec.get("external_id", False)),
        calculated=formula is not None or rollup is not None,
        calculated_formula=spec.get("formula") if formula is not None else None,
        restricted_picklist=bool(spec.get("restricted", False)),
        picklist=tuple(PicklistValue(value=v, label=v, default=v == default) for v in spec.get("values", ())),
        reference_to=(str(spec["reference_to"]),) if kind == "reference" else (),
        relationship_name=spec.get("relationship_name", f"{name[:-1]}r") if kind == "reference" else None,
        child_relationship_name=spec.get("child_relationship_name"),
        cascade_delete=order is not None,
        relationship_order=order,
        auto_number=number,
        help_text=spec.get("help"),
        filterable=not long_text,
        sortable=not long_text,
        groupable=not long_text and not numeric and kind != "datetime",
        default=default,
    )


def _check(spec: dict[str, Any], name: str, kind: str) -> None:
    if unknown := spec.keys() - _KEYS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_KEYS))}")
    if not name.endswith("__c") or not name[:-3].isidentifier():
        raise ValueError(f"the name of a custom field ends in __c, as in Score__c, not {name!r}")
    if kind not in _TYPES:
        raise ValueError(f"no type {kind}; there are {', '.join(sorted(_TYPES))}")


_KEYS = frozenset(
    "name type label length precision scale digits unique case_sensitive external_id required default values "
    "restricted reference_to relationship_name child_relationship_name formula formula_sql treat_blanks master_detail "
    "reparentable auto_number rollup help granted description".split()
)
