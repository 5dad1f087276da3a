"""Custom objects: `X__c` as the control endpoint and the metadata calls make them.

"CustomObject" of the Metadata API: a name that is text or an autonumber, the audit fields, an owner unless the object
is a detail. Lives here: from a specification to an SObject. Its fields are in `custom_fields.py`.
"""

from __future__ import annotations

import re
from typing import Any

from .common_lines import AUDIT
from .field_lines import sobject_of_lines
from .schema import SObject

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEYS = frozenset("name label plural_label name_field sharing fields description".split())
_LINES = f"""id ---DI Id
reference CU-D OwnerId>Group,User
boolean ---D IsDeleted
string(80) CUNDI Name
{AUDIT}
date --N- LastActivityDate
datetime --N- LastViewedDate LastReferencedDate
"""


def check_object(spec: dict[str, Any]) -> str:
    """The name of the object a specification describes. ValueError for what the org does not take."""
    name = str(spec.get("name", ""))
    unknown = spec.keys() - _KEYS
    if unknown or _NAME.fullmatch(name) is None:
        raise ValueError(f"not a custom object: name {name!r} must end in __c, unknown keys {sorted(unknown)}")
    return name


def key_prefix(number: int) -> str:
    """The key prefix of the custom object of this number: a00, a01 … a0Z, a10 …"""
    return f"a{_DIGITS[number // 36 % 36]}{_DIGITS[number % 36]}"


def custom_object(spec: dict[str, Any], prefix: str) -> SObject:
    """The object a specification describes.

    Keys: name, label, plural_label, description, name_field (label; type Text or AutoNumber; format such as
    `A-{0000}`), sharing (see `sharing.py`), fields (specifications of custom fields, made by the caller).
    """
    name = check_object(spec)
    sobject = sobject_of_lines(name, str(spec.get("plural_label", f"{name[:-3]}s")), prefix, _LINES)
    sobject.label = str(spec.get("label", sobject.label))
    named = spec.get("name_field") or {}
    shown = sobject.field("Name")
    assert shown is not None
    changes: dict[str, Any] = {"label": str(named.get("label", f"{sobject.label} Name"))}
    if named.get("type", "Text") == "AutoNumber":
        made = {"auto_number": str(named.get("format", "{0}")), "createable": False, "updateable": False}
        changes |= {**made, "nillable": False}
    sobject.put_field(shown.changed(**changes))
    return sobject
