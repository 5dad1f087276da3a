"""What `tooling/query` asks of: the org's own description as rows.

Tooling API, "Objects": EntityDefinition, FieldDefinition, EntityParticle, CustomField, CustomObject, ValidationRule.
Lives here: their fields, and the rows as the org is now, in a database of their own. They are read-only through SOQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.field_lines import sobject_of_lines
from syncline_sandbox.salesforce.rights import UserRights
from syncline_sandbox.salesforce.schema import Field, Schema, SObject
from syncline_sandbox.salesforce.soql import install

from .components import Components

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

_LINES = {
    "EntityDefinition": (
        "4ie",
        """id ---DI Id
string(255) ---- DurableId QualifiedApiName DeveloperName Label PluralLabel MasterLabel
string(3) --N- KeyPrefix
string(40) --N- NamespacePrefix InternalSharingModel
boolean ---D IsCustomizable IsQueryable IsTriggerable IsSearchable IsLayoutable IsEverCreatable IsEverUpdatable
boolean ---D IsEverDeletable IsCustomSetting
""",
    ),
    "FieldDefinition": (
        "4f0",
        """id ---DI Id
string(255) ---- DurableId QualifiedApiName DeveloperName Label MasterLabel DataType
reference ---- EntityDefinitionId>EntityDefinition
int(8) --N- Length Precision Scale
boolean ---D IsCalculated IsNillable IsIndexed IsNameField IsCompound
string(255) --N- RelationshipName NamespacePrefix
""",
    ),
    "EntityParticle": (
        "4f1",
        """id ---DI Id
string(255) ---- DurableId QualifiedApiName DeveloperName Name Label MasterLabel DataType FieldDefinitionId
reference ---- EntityDefinitionId>EntityDefinition
int(8) --N- Length Precision Scale
boolean ---D IsCalculated IsNillable IsUnique IsIdLookup IsCreatable IsUpdatable
string(255) --N- RelationshipName
""",
    ),
    "CustomObject": (
        "01I",
        "id ---DI Id\nstring(255) ---- DeveloperName\nstring(40) --N- NamespacePrefix SharingModel\n"
        "address --N- Metadata\nstring(255) ---- FullName\n",
    ),
    "CustomField": (
        "00N",
        "id ---DI Id\nstring(255) ---- DeveloperName FullName\nstring(80) ---- TableEnumOrId\n"
        "string(40) --N- NamespacePrefix\nreference ---- EntityDefinitionId>EntityDefinition\naddress --N- Metadata\n",
    ),
    "ValidationRule": (
        "03d",
        "id ---DI Id\nstring(255) ---- ValidationName FullName\nboolean ---D Active\nstring(255) --N- ErrorMessage "
        "ErrorDisplayField\nreference ---- EntityDefinitionId>EntityDefinition\naddress --N- Metadata\n",
    ),
}
_FIRST_OF_OTHERS = 1_000_000


class Catalogue:
    """The rows of one org's description; to a query it is what the org's data is to another."""

    def __init__(self, org: SalesforceOrg, components: Components) -> None:
        self._org = org
        self._components = components
        self._last: tuple[Caller, sqlite3.Connection] | None = None
        self.schema = Schema(tuple(_table(name, prefix, text) for name, (prefix, text) in _LINES.items()))

    def connection(self, caller: Caller) -> sqlite3.Connection:
        """A database with the rows as this caller may know them; the same for all questions of one call."""
        if self._last is None or self._last[0] is not caller:
            self._last = (caller, self._filled(caller))
        return self._last[1]

    def _filled(self, caller: Caller) -> sqlite3.Connection:
        db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        install(db)
        # Whose dates a query means is asked of the user.
        db.execute('CREATE TABLE "User" ("Id", "TimeZoneSidKey")')
        rows = {**self._described(caller.rights), **self._made()}
        for sobject in self.schema.sobjects():
            columns = [str(field.column) for field in sobject.stored_fields()]
            named = ", ".join(f'"{column}" COLLATE NOCASE' for column in columns)
            db.execute(f'CREATE TABLE "{sobject.name}" ({named})')
            marks = ", ".join("?" * len(columns))
            listed = ([row.get(column) for column in columns] for row in rows[sobject.name])
            db.executemany(f'INSERT INTO "{sobject.name}" VALUES ({marks})', listed)
        return db

    def field_id(self, name: str) -> str:
        """The id of a custom field by its full name."""
        made = [f"{owner}.{spec['name']}" for owner, spec in self._org.objects.fields.specifications()]
        if name in made:
            return self._id("CustomField", made.index(name) + 1)
        # Those of a platform event are defined with it, in a list of their own.
        others = [full for one, field in self._components.fields() if (full := f"{one.name}.{field.name}") not in made]
        return self._id("CustomField", _FIRST_OF_OTHERS + others.index(name))

    def _id(self, name: str, number: int) -> str:
        return self._org.ids.at(_LINES[name][0], number)

    def _described(self, rights: UserRights) -> dict[str, list[dict[str, Any]]]:
        entities: list[dict[str, Any]] = []
        fields: list[dict[str, Any]] = []
        particles: list[dict[str, Any]] = []
        seen = [one for one in self._org.schema.sobjects() if rights.can_read_object(one.name)]
        for sobject in seen:
            entities.append(self._entity(sobject, len(entities) + 1))
            for field in sobject.fields():
                if rights.can_read_field(sobject.name, field.name):
                    row = _field_row(sobject, field)
                    fields.append({**row, "Id": self._id("FieldDefinition", len(fields) + 1)})
                    particles.append(_particle(sobject, field, row, self._id("EntityParticle", len(fields))))
        return {"EntityDefinition": entities, "FieldDefinition": fields, "EntityParticle": particles}

    def _entity(self, sobject: SObject, number: int) -> dict[str, Any]:
        names = {"DurableId": sobject.name, "QualifiedApiName": sobject.name}
        return {
            **names,
            # Definitions point to their entity by its durable id, which is what stands for an id here.
            "Id": sobject.name,
            "DeveloperName": sobject.name.removesuffix("__c"),
            "Label": sobject.label,
            "MasterLabel": sobject.label,
            "PluralLabel": sobject.label_plural,
            "KeyPrefix": sobject.key_prefix,
            "InternalSharingModel": self._org.objects.sharing.defaults.get(sobject.name, "ReadWrite"),
            "IsCustomizable": int(sobject.createable),
            "IsQueryable": int(sobject.queryable),
            "IsTriggerable": int(sobject.createable),
            "IsSearchable": int(sobject.createable),
            "IsLayoutable": int(sobject.createable),
            "IsEverCreatable": int(sobject.createable),
            "IsEverUpdatable": int(sobject.createable),
            "IsEverDeletable": int(sobject.deletable),
            "IsCustomSetting": 0,
        }

    def _made(self) -> dict[str, list[dict[str, Any]]]:
        objects = [one for one in self._org.schema.sobjects() if one.custom]
        return {
            "CustomObject": [
                {
                    "Id": self._id("CustomObject", place),
                    "DeveloperName": one.name.removesuffix("__c"),
                    "FullName": one.name,
                    "SharingModel": self._org.objects.sharing.defaults.get(one.name, "ReadWrite"),
                    "Metadata": _json(self._components.read("CustomObject", one.name)),
                }
                for place, one in enumerate(objects, start=1)
            ],
            "CustomField": [self._custom_field(one, field) for one, field in self._components.fields()],
            "ValidationRule": [
                {
                    "Id": self._id("ValidationRule", place),
                    "ValidationName": name,
                    "FullName": f"{owner}.{name}",
                    "Active": int(shape["active"]),
                    "ErrorMessage": shape["errorMessage"],
                    "ErrorDisplayField": shape["errorDisplayField"],
                    "EntityDefinitionId": owner,
                    "Metadata": _json(shape),
                }
                for place, (owner, name, shape) in enumerate(self._components.validation_rules(), start=1)
            ],
        }

    def _custom_field(self, sobject: SObject, field: Field) -> dict[str, Any]:
        full_name = f"{sobject.name}.{field.name}"
        return {
            "Id": self.field_id(full_name),
            "DeveloperName": field.name.removesuffix("__c"),
            "FullName": full_name,
            "TableEnumOrId": sobject.name,
            "EntityDefinitionId": sobject.name,
            "Metadata": _json(self._components.read("CustomField", full_name)),
        }


def _table(name: str, prefix: str, text: str) -> SObject:
    sobject = sobject_of_lines(name, name, prefix, text, createable=False, deletable=False)
    entity = sobject.field("EntityDefinitionId")
    if entity is not None:
        # It holds a durable id, for a standard object its name, which no id has the form of.
        sobject.put_field(entity.changed(type="string"))
    metadata = sobject.field("Metadata")
    if metadata is not None:
        # A complex value lies here as JSON, as an address does.
        sobject.put_field(metadata.changed(column="Metadata", sql='{row}."Metadata"'))
    return sobject


def _field_row(sobject: SObject, field: Field) -> dict[str, Any]:
    durable = f"{sobject.name}.{field.name}"
    size = f"({field.length})" if field.type in ("string", "textarea") else ""
    number = f"({field.precision - field.scale}, {field.scale})" if field.precision else ""
    return {
        "DurableId": durable,
        "QualifiedApiName": field.name,
        "DeveloperName": field.name.removesuffix("__c"),
        "Label": field.label,
        "MasterLabel": field.label,
        "DataType": f"{_DATA_TYPES.get(field.type, field.type.title())}{size}{number}",
        "EntityDefinitionId": sobject.name,
        "Length": field.length,
        "Precision": field.precision,
        "Scale": field.scale,
        "IsCalculated": int(field.calculated),
        "IsNillable": int(field.nillable),
        "IsIndexed": int(field.id_lookup or field.external_id or field.unique),
        "IsNameField": int(field.name_field),
        "IsCompound": int(field.compound),
        "RelationshipName": field.relationship_name,
    }


def _particle(sobject: SObject, field: Field, row: dict[str, Any], particle_id: str) -> dict[str, Any]:
    return {
        **row,
        "Id": particle_id,
        "Name": field.name,
        "DataType": field.type,
        "FieldDefinitionId": row["DurableId"],
        "IsUnique": int(field.unique),
        "IsIdLookup": int(field.id_lookup),
        "IsCreatable": int(field.createable),
        "IsUpdatable": int(field.updateable),
    }


_DATA_TYPES = {
    "string": "Text",
    "textarea": "Text Area",
    "double": "Number",
    "reference": "Lookup",
    "boolean": "Checkbox",
}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def metadata_columns(names: Iterable[str]) -> bool:
    """True when a statement asks for what the vendor tells of one row only."""
    return bool({"Metadata", "FullName"} & set(names))
