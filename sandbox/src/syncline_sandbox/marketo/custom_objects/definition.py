"""One version of a custom object type: its texts and fields, as stored and as the metadata API tells them.

Source: Marketo "Custom Objects" (Custom Object Types, Describe Type, field data types).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from syncline_sandbox.marketo.fields import Field

DATA_TYPES = ("string", "boolean", "integer", "float", "link", "email", "currency", "date", "datetime", "phone", "text")
_LENGTHS = {"string": 255, "email": 255, "phone": 255}

Members = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class FieldDefinition:
    """A field of a type. `related_object` and `related_field` make it a link, whose values are of `value_type`."""

    name: str
    label: str
    data_type: str
    description: str = ""
    is_dedupe: bool = False
    related_object: str = ""
    related_field: str = ""
    value_type: str = ""

    @property
    def is_link(self) -> bool:
        return self.data_type == "link"

    def as_field(self) -> Field:
        kind = self.value_type if self.is_link else self.data_type
        return Field(
            id=0,
            name=self.name,
            label=self.label,
            type=kind,
            length=_LENGTHS.get(kind),
            description=self.description,
            custom=True,
        )


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A version of a type."""

    display_name: str
    plural_name: str = ""
    description: str = ""
    show_in_lead_detail: bool = False
    fields: tuple[FieldDefinition, ...] = ()

    def find(self, name: str) -> FieldDefinition | None:
        return next((field for field in self.fields if field.name.lower() == name.lower()), None)

    def with_field(self, field: FieldDefinition) -> Definition:
        """The field added, or put in the place of the one with its name."""
        if self.find(field.name) is None:
            return replace(self, fields=(*self.fields, field))
        same = field.name.lower()
        return replace(self, fields=tuple(field if old.name.lower() == same else old for old in self.fields))

    def without_field(self, name: str) -> Definition:
        return replace(self, fields=tuple(field for field in self.fields if field.name.lower() != name.lower()))

    @property
    def dedupe(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.is_dedupe)

    def stored(self) -> Members:
        return asdict(self)


def read_definition(stored: Mapping[str, Any]) -> Definition:
    """The inverse of `Definition.stored`."""
    return Definition(**{**stored, "fields": tuple(FieldDefinition(**field) for field in stored["fields"])})
