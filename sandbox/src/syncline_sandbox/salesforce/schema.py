"""The org's objects and fields: names, types, rights-free flags, and the SQL that yields each value.

Lives here: the model and its look-ups, nothing that touches a database or a request. The standard objects are in
`standard.py`, what a custom field may be in `custom_fields.py`, the JSON of a describe in `describe.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

TEXT_TYPES = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"})
NUMBER_TYPES = frozenset({"int", "double", "currency", "percent"})
COMPOUND_TYPES = frozenset({"address", "location"})
LONG_TEXT_LENGTH = 255
"""A `textarea` longer than this is neither filterable nor sortable nor groupable."""


@dataclass(frozen=True, kw_only=True)
class PicklistValue:
    """One entry of a picklist; *value* is what is written, *label* what people see."""

    value: str
    label: str = ""
    active: bool = True
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of one object, before any user's rights are applied.

    `column` is the SQL column that stores it, None for a compound or a formula. `sql` yields the value, with `{row}`
    for the alias of the object's table. `length` counts characters; `default` is what a create stores when the field
    is not given.
    """

    name: str
    type: str
    sql: str
    label: str = ""
    column: str | None = None
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    createable: bool = False
    updateable: bool = False
    nillable: bool = True
    defaulted_on_create: bool = False
    custom: bool = False
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    id_lookup: bool = False
    calculated: bool = False
    calculated_formula: str | None = None
    restricted_picklist: bool = False
    picklist: tuple[PicklistValue, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship_name: str | None = None
    cascade_delete: bool = False
    compound_field_name: str | None = None
    name_field: bool = False
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    default: object = None
    auto_number: str | None = None
    """The format of numbers the platform gives, such as `A-{0000}`; None for any other field."""
    relationship_order: int | None = None
    """0 for the master of a detail, 1 for its second master; None for a look-up."""
    help_text: str | None = None

    @property
    def compound(self) -> bool:
        """True for what is read as a whole and written by its components."""
        return self.type in COMPOUND_TYPES

    @property
    def matches_case(self) -> bool:
        """True when a record is found by this field only in the casing stored ("Upserting Records" of the Apex Guide).

        A standard field, and one that is unique without case, is found in any.
        """
        return self.custom and not (self.unique and not self.case_sensitive)

    def changed(self, **changes: Any) -> Field:
        """This field with other attributes."""
        return replace(self, **changes)

    @property
    def never_null(self) -> bool:
        """True when a write must not leave it empty; a checkbox never is."""
        return self.createable and not self.nillable and self.type != "boolean"


@dataclass(frozen=True, kw_only=True)
class RecordTypeInfo:
    """One record type of an object; `picklists` narrows the values of the fields it names."""

    id: str
    name: str
    developer_name: str
    active: bool = True
    default: bool = False
    picklists: dict[str, tuple[str, ...]] = field(default_factory=dict)


class SObject:
    """One object: its fields in describe order, found by name whatever the casing."""

    def __init__(
        self,
        name: str,
        *,
        label: str,
        label_plural: str,
        key_prefix: str,
        fields: tuple[Field, ...],
        createable: bool = True,
        deletable: bool = True,
        undeletable: bool = True,
        mergeable: bool = False,
        replicateable: bool = True,
        archived_sql: str | None = None,
    ) -> None:
        self.name = name
        self.label = label
        self.label_plural = label_plural
        self.key_prefix = key_prefix
        self.table = name
        self.createable = createable
        self.deletable = deletable
        self.undeletable = undeletable
        self.mergeable = mergeable
        self.replicateable = replicateable
        self.archived_sql = archived_sql
        self.queryable = True
        self.record_types: tuple[RecordTypeInfo, ...] = ()
        self._by_name = {field.name.lower(): field for field in fields}
        self._sort_out()

    @property
    def soft_deletable(self) -> bool:
        """True when deleted rows stay in the table with `IsDeleted` = 1 until the recycle bin is emptied."""
        return "isdeleted" in self._by_name

    def fields(self) -> Iterator[Field]:
        """Every field in describe order."""
        return iter(self._by_name.values())

    def field(self, name: str) -> Field | None:
        """The field of this name, whatever its casing; None if there is none."""
        return self._by_name.get(name.lower())

    def stored_fields(self) -> list[Field]:
        """The fields that have a column, in describe order."""
        return self._stored

    def unique_fields(self) -> list[Field]:
        """The fields no two live records may share a value of."""
        return self._unique

    def required_fields(self) -> list[Field]:
        """The writable fields that never hold null; a default may fill them in."""
        return self._required

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def master(self) -> Field | None:
        """The master-detail field that owns the records of this object; None for an object with owners."""
        return next((field for field in self._references if field.relationship_order == 0), None)

    def numbered_fields(self) -> list[Field]:
        """The fields whose value is the next number of the object."""
        return self._numbered

    def references(self) -> list[Field]:
        """The fields that point to records."""
        return self._references

    def put_field(self, field: Field) -> None:
        """Add a field at the end, or replace the one of the same name where it stands."""
        self._by_name[field.name.lower()] = field
        self._sort_out()

    def remove_field(self, name: str) -> None:
        """Take a field away; its column stays."""
        del self._by_name[name.lower()]
        self._sort_out()

    def _sort_out(self) -> None:
        self._stored = [known for known in self.fields() if known.column is not None]
        self._unique = [known for known in self.fields() if known.unique]
        self._required = [known for known in self.fields() if known.never_null]
        self._references = [known for known in self.fields() if known.reference_to]
        self._numbered = [known for known in self.fields() if known.auto_number is not None]


class Schema:
    """The org's objects, found by name whatever the casing, or by key prefix."""

    def __init__(self, sobjects: tuple[SObject, ...]) -> None:
        self._by_name: dict[str, SObject] = {}
        self._by_prefix: dict[str, SObject] = {}
        for sobject in sobjects:
            self.put(sobject)

    def put(self, sobject: SObject) -> None:
        """Add an object, or replace the one of the same name; the first of a key prefix keeps it."""
        self._by_name[sobject.name.lower()] = sobject
        self._by_prefix.setdefault(sobject.key_prefix, sobject)

    def remove(self, sobject: SObject) -> None:
        """Take an object away."""
        del self._by_name[sobject.name.lower()]
        self._by_prefix.pop(sobject.key_prefix)

    def sobjects(self) -> Iterator[SObject]:
        return iter(self._by_name.values())

    def sobject(self, name: str) -> SObject | None:
        """The object of this name, whatever its casing; None if there is none."""
        return self._by_name.get(name.lower())

    def by_key_prefix(self, record_id: str) -> SObject | None:
        """The object a record id belongs to; None for an unknown prefix."""
        return self._by_prefix.get(record_id[:3])

    def child_references(self, parent: str) -> Iterator[tuple[SObject, Field]]:
        """The reference fields, with their objects, that point to *parent*."""
        for sobject in self.sobjects():
            for reference in sobject.references():
                if parent in reference.reference_to:
                    yield sobject, reference
