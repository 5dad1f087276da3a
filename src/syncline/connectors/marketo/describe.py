"""The fields of a person as Marketo describes them, in our types; field ids and search keys beside them.

Source: the vendor's pages "Leads" (Describe, Create Lead Field) and "Field Types", and recorded describes of live
instances: `readOnly: false` does not prove that a field can be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncline.connectors.marketo.client import MarketoApi, documented
from syncline.connectors.marketo.errors import Declined
from syncline.connectors.marketo.manifest import LEAD, SHARED_FIELDS
from syncline.errors import AccessError
from syncline.ports import Lane
from syncline.records import NewField, Problem
from syncline.schema import Field, ObjectSchema
from syncline.values import FieldType

_TYPES: Mapping[str, FieldType] = {
    **dict.fromkeys(("string", "text", "textarea"), FieldType.TEXT),
    **dict.fromkeys(("integer", "score", "percent"), FieldType.INTEGER),
    **dict.fromkeys(("float", "currency"), FieldType.NUMBER),
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "reference": FieldType.REFERENCE,
}
_CALCULATED = frozenset(("formula", "lead_function"))
_WITH_LENGTH = frozenset((FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL))

# Kept by the vendor whatever describe says ("List of Standard Fields", recorded describes).
_SYSTEM = frozenset(
    "id createdAt updatedAt isAnonymous mktoName cookies ecids priority relativeScore relativeUrgency urgency".split()
)

# Our types to those the vendor's API can create. A text of more than 255 characters cannot be made.
_CREATABLE: Mapping[str, str] = {
    **{kind.value: kind.value for kind in FieldType if kind.value in ("email", "phone", "url", "date", "datetime")},
    "text": "string",
    "choice": "string",
    "id": "string",
    "number": "float",
    "integer": "integer",
    "boolean": "boolean",
}


@dataclass(frozen=True)
class LeadFields:
    """What one describe told. `by_id` maps the field ids of activities to names; `lookups` can be searched by."""

    schema: ObjectSchema
    by_id: Mapping[int, str]
    by_label: Mapping[str, str]
    lookups: frozenset[str]

    def type_of(self, name: str) -> FieldType:
        """The type of a field; text for one that is not described."""
        field = self.schema.field(name)
        return field.type if field else FieldType.TEXT

    def split(self, names: Iterable[str]) -> tuple[tuple[str, ...], frozenset[str]]:
        """*names* as those the sync user can read, in order, and those hidden from it."""
        wanted = tuple(dict.fromkeys(names))
        readable = tuple(name for name in wanted if name in self.schema.fields)
        return readable, frozenset(wanted).difference(readable)


async def describe_leads(api: MarketoApi, *, lane: Lane, custom: frozenset[str] | None) -> LeadFields:
    """Describe as it is now. *custom* are the names of custom fields; None: it cannot be told."""
    described = await api.get("/rest/v1/leads/describe.json", lane=lane)
    searched = await api.get("/rest/v1/leads/describe2.json", lane=lane)
    with documented("describe of leads"):
        second = searched.result[0]
        rights = {item["name"]: item for item in second["fields"]}
        lookups = frozenset(names[0] for names in second["searchableFields"] if len(names) == 1)
        reachable = [item for item in described.result if item["displayName"] and "rest" in item]
        fields = [_field(item, rights.get(item["rest"]["name"], {}), custom or frozenset()) for item in reachable]
        by_id = {int(item["id"]): str(item["rest"]["name"]) for item in reachable}
        by_label = {str(item["displayName"]): str(item["rest"]["name"]) for item in reachable}
    # Whoever may write people may delete them: "Read-Write Lead" is one permission ("Custom Services").
    schema = ObjectSchema(name=LEAD, label="Person", fields={field.name: field for field in fields}, can_delete=True)
    return LeadFields(schema, by_id, by_label, lookups)


def _field(item: Mapping[str, Any], rights: Mapping[str, Any], custom: frozenset[str]) -> Field:
    name, vendor_type = str(item["rest"]["name"]), str(item["dataType"])
    kind = FieldType.ID if name == "id" else _TYPES.get(vendor_type, FieldType.TEXT)
    # A type we do not know is shown as text and never written.
    is_writable = (
        vendor_type in _TYPES
        and name not in _SYSTEM
        and not name.startswith("inferred")
        and not item["rest"].get("readOnly")
        and rights.get("updateable", True)
        and not rights.get("crmManaged", False)
    )
    return Field(
        name=name,
        label=str(item["displayName"]),
        type=kind,
        length=item.get("length") if kind in _WITH_LENGTH else None,
        is_createable=is_writable,
        is_updateable=is_writable,
        is_calculated=vendor_type in _CALCULATED,
        is_external_id=name in custom and vendor_type == "string",
        is_custom=name in custom,
        shared_by=SHARED_FIELDS.get(name),
    )


async def custom_fields(api: MarketoApi, *, lane: Lane) -> frozenset[str] | None:
    """Names of all custom fields; None if the role has no permission for field metadata."""
    names: set[str] = set()
    token: str | None = None
    while True:
        query = {"nextPageToken": token} if token else {}
        try:
            page = await api.get("/rest/v1/leads/schema/fields.json", query, lane=lane)
        except AccessError:
            return None
        names.update(item["name"] for item in page.result if item.get("isCustom"))
        token = page.nextPageToken
        if not token:
            return frozenset(names)


async def make_fields(api: MarketoApi, wanted: Sequence[NewField]) -> list[Problem]:
    """Create custom fields. What could not be made comes back, each with the vendor's words."""
    if not wanted:
        return []
    records = [
        {
            "displayName": field.label,
            "name": field.name,
            "dataType": _CREATABLE.get(field.type, "string"),
            "description": field.purpose,
        }
        for field in wanted
    ]
    try:
        reply = await api.post("/rest/v1/leads/schema/fields.json", {"input": records}, lane=Lane.URGENT)
    except (AccessError, Declined) as refused:
        return [_not_made(field, refused.message) for field in wanted]
    problems = []
    for field, result in zip(wanted, reply.result, strict=True):
        if result.get("status") != "created":
            reasons = "; ".join(f"{each['code']} {each['message']}" for each in result.get("reasons", ()))
            problems.append(_not_made(field, reasons or "no reason was given"))
    return problems


def _not_made(field: NewField, why: str) -> Problem:
    vendor_type = _CREATABLE.get(field.type, "string")
    return Problem(
        code="SYN-222",
        subject=field.name,
        message=f"The field {field.name} ({field.label}) could not be created: {why}",
        remedy=f"Create it in Admin > Field Management as {vendor_type}, API name {field.name}.",
    )
