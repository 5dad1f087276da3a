"""Attributes a caller wants a custom activity type to have: made, changed, taken away, made primary.

Source: Marketo "Activities" (Custom Activity Type Attributes): the API name is the key, 20 at most (1028), the present
primary attribute is demoted before another is made it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from syncline_sandbox.marketo.custom_activities.shelf import DATA_TYPES, Attribute, Version
from syncline_sandbox.marketo.custom_objects.fields import NAME
from syncline_sandbox.marketo.envelope import Refused

MAX_ATTRIBUTES = 20

Members = dict[str, Any]


def attributes_of(document: Any) -> list[Members]:
    """The `attributes` of a body. Refused 1003 without any."""
    found = document.get("attributes") if isinstance(document, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        raise Refused(1003, "attributes not specified")
    return found


def new_attribute(document: Any) -> Attribute:
    """An attribute from its members. Refused 1002 or 1003."""
    members = document if isinstance(document, dict) else {}
    api_name, name = (str(members.get(key) or "") for key in ("apiName", "name"))
    kind = str(members.get("dataType") or "string")
    if not (api_name and name):
        raise Refused(1002, "Missing value for the required parameter 'apiName' or 'name'")
    if not NAME.match(api_name) or len(api_name) > 255:
        raise Refused(1003, f"Invalid value for field 'apiName' and value '{api_name}'")
    if kind not in DATA_TYPES:
        raise Refused(1003, f"Invalid value for field 'dataType' and value '{kind}'")
    return Attribute(api_name=api_name, name=name, description=str(members.get("description") or ""), data_type=kind)


def added(version: Version, documents: list[Members]) -> Version:
    for document in documents:
        attribute = new_attribute(document)
        taken = {known.api_name.lower() for known in (*version.attributes, version.primary) if known is not None}
        if attribute.api_name.lower() in taken:
            raise Refused(1017, f"Attribute '{attribute.api_name}' already exists")
        if document.get("isPrimary") is True:
            version = _promoted(version, attribute)
        else:
            version = version.with_attributes([*version.attributes, attribute])
    if len(version.attributes) > MAX_ATTRIBUTES:
        raise Refused(1028, "Max field limit reached")
    return version


def changed(version: Version, documents: list[Members]) -> Version:
    for document in documents:
        key, is_primary = str(document.get("apiName") or "").lower(), document.get("isPrimary")
        if version.primary is not None and version.primary.api_name.lower() == key:
            primary = _merged(version.primary, document)
            if is_primary is False:
                version = replace(version, primary=None, attributes=(*version.attributes, primary))
            else:
                version = replace(version, primary=primary)
            continue
        old = _required(version, key)
        others = [known for known in version.attributes if known is not old]
        if is_primary is True:
            version = _promoted(version.with_attributes(others), _merged(old, document))
        else:
            position = version.attributes.index(old)
            others.insert(position, _merged(old, document))
            version = version.with_attributes(others)
    return version


def removed(version: Version, documents: list[Members]) -> Version:
    for document in documents:
        old = _required(version, str(document.get("apiName") or "").lower())
        version = version.with_attributes([known for known in version.attributes if known is not old])
    return version


def _promoted(version: Version, attribute: Attribute) -> Version:
    if version.primary is not None:
        raise Refused(1003, f"'{version.primary.api_name}' is the primary attribute")
    return replace(version, primary=attribute)


def _merged(old: Attribute, document: Members) -> Attribute:
    told = old.told()
    return new_attribute({**told, **document, "apiName": old.api_name})


def _required(version: Version, key: str) -> Attribute:
    found = next((known for known in version.attributes if known.api_name.lower() == key), None)
    if found is None:
        raise Refused(1006, f"Attribute '{key}' not found")
    return found
