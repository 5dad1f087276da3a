"""Objects and fields as a connected system describes them: types, rights of the sync user, formulas, picklists.

Imports values only. Vendor names of types end at the connector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncline.values import FieldType


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of an object, as the sync user sees it."""

    name: str  # the vendor's API name; a parent path such as "Account.Name" is a field too
    label: str
    type: FieldType
    length: int | None = None  # characters a text may have; None: unlimited or not a text
    is_createable: bool = True
    is_updateable: bool = True
    is_required: bool = False  # a create without it is refused
    is_unique: bool = False  # the vendor enforces uniqueness
    is_external_id: bool = False  # can be used as a key for upserts
    is_calculated: bool = False  # formula: changes without moving the record's stamp
    is_custom: bool = False
    choices: tuple[str, ...] | None = None  # restricted picklist: the only values accepted; None: free
    shared_by: str | None = None  # the owner key's field when the vendor keeps one value for many records

    @property
    def is_writable(self) -> bool:
        return self.is_createable or self.is_updateable


@dataclass(frozen=True, kw_only=True)
class ObjectSchema:
    """One object type with the fields the sync user can see. A field that is not listed is hidden or does not exist."""

    name: str
    label: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    can_create: bool = True
    can_update: bool = True
    can_delete: bool = False

    def field(self, name: str) -> Field | None:
        return self.fields.get(name)
