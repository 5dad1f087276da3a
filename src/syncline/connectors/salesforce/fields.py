"""Creating custom fields through the Tooling API, where the connected user may customise the application.

Facts: Salesforce, Tooling API Developer Guide, "CustomField"; Metadata API Developer Guide, "CustomField".
"""

from __future__ import annotations

from typing import Any

from syncline.connectors.salesforce.client import SalesforceClient
from syncline.connectors.salesforce.describe import Describer
from syncline.errors import OutcomeUnknown, SynclineError
from syncline.ports import Lane
from syncline.records import NewField, Problem

# Our word for a type -> the Metadata API's, with what that type must be given.
_METADATA: dict[str, dict[str, Any]] = {
    "text": {"type": "Text"},
    "number": {"type": "Number", "precision": 18, "scale": 0},
    "integer": {"type": "Number", "precision": 10, "scale": 0},
    "boolean": {"type": "Checkbox", "defaultValue": "false"},
    "date": {"type": "Date"},
    "datetime": {"type": "DateTime"},
    "email": {"type": "Email"},
    "phone": {"type": "Phone"},
    "url": {"type": "Url"},
}


async def create_field(client: SalesforceClient, describer: Describer, wanted: NewField) -> list[Problem]:
    """Create one field unless it is there; problems if it could not be made or cannot be seen afterwards."""
    if wanted.name in (await describer.schema(wanted.object_type, Lane.URGENT, again=True)).fields:
        return []
    if wanted.type not in _METADATA:
        return [_by_hand(wanted, f"fields of type {wanted.type!r} are not made here")]
    body = {"FullName": f"{wanted.object_type}.{wanted.name}", "Metadata": _metadata(wanted)}
    try:
        await client.call("POST", "/tooling/sobjects/CustomField", Lane.URGENT, body=body, is_safe=False)
    except OutcomeUnknown:
        pass  # whether it was made, the describe below tells
    except SynclineError as refused:
        return [_by_hand(wanted, refused.message)]
    describer.forget(wanted.object_type)
    if wanted.name in (await describer.schema(wanted.object_type, Lane.URGENT)).fields:
        return []
    # A field made by API is visible to nobody until a profile or permission set says so ("Field-Level Security").
    return [
        Problem(
            code="SYN-221",
            subject=f"{wanted.object_type}.{wanted.name}",
            message="The field was made, but the connected user does not see it.",
            remedy="Grant the connected user read and edit access to it, in a permission set or profile.",
        )
    ]


def _metadata(wanted: NewField) -> dict[str, Any]:
    shape = {"label": wanted.label, "description": wanted.purpose, **_METADATA[wanted.type]}
    if wanted.type == "text":
        shape["length"] = wanted.length
    if wanted.is_unique:
        # Upserts match without case only where the field is unique without case ("Upserting Records").
        shape |= {"unique": True, "externalId": True, "caseSensitive": True}
    return shape


def _by_hand(wanted: NewField, why: str) -> Problem:
    kind = f"{wanted.type} of {wanted.length} characters" if wanted.type == "text" else wanted.type
    unique = ", unique and external id" if wanted.is_unique else ""
    return Problem(
        code="SYN-222",
        subject=f"{wanted.object_type}.{wanted.name}",
        message=f"The field could not be made: {why}",
        remedy=f"In Setup, add the field {wanted.name} ({wanted.label}) to {wanted.object_type}: {kind}{unique}.",
    )
