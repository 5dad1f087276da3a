"""Components of an org by kind and full name: made, read, changed and listed.

Metadata API Developer Guide: CustomObject, CustomField, PermissionSet, RecordType, ValidationRule. Lives here: what
each call does to the org. A field made here is seen by nobody until a permission set or profile grants it
("Field-Level Security"), unless a switch says otherwise; required and master-detail fields everybody sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.schema import Field, SObject
from syncline_sandbox.salesforce.standard_access import SYSTEM_PERMISSIONS

from .fields import field_metadata, field_spec, listed, truth

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

KINDS = {
    "CustomObject": ("objects", "object"),
    "CustomField": ("", ""),
    "PermissionSet": ("permissionsets", "permissionset"),
    "RecordType": ("", ""),
    "ValidationRule": ("", ""),
}
"""Kind to its folder and suffix; those of a child kind are empty."""
_OBJECT_RIGHTS = {
    "allowCreate": "PermissionsCreate",
    "allowDelete": "PermissionsDelete",
    "allowEdit": "PermissionsEdit",
    "allowRead": "PermissionsRead",
    "modifyAllRecords": "PermissionsModifyAllRecords",
    "viewAllRecords": "PermissionsViewAllRecords",
}
_SETTING = "metadata_settings"
SETTINGS: dict[str, bool] = {"metadata_fields_granted": False, "tooling_fields_granted": True}


class Components:
    """The components of one org. OrgError for what is refused.

    *granted_by* is the switch that says whether everybody sees the fields made here.
    """

    def __init__(self, org: SalesforceOrg, granted_by: str = "metadata_fields_granted") -> None:
        self._org = org
        self._granted_by = granted_by

    def settings(self) -> dict[str, bool]:
        """The switches of the metadata calls."""
        return {**SETTINGS, **(self._org.storage.kept(_SETTING) or {})}

    def change_settings(self, changes: Mapping[str, Any]) -> dict[str, bool]:
        """Change switches; answers all. ValueError for an unknown one."""
        if unknown := changes.keys() - SETTINGS.keys():
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}; there are {', '.join(SETTINGS)}")
        now = {**self.settings(), **{name: bool(value) for name, value in changes.items()}}
        with self._org.storage.transaction():
            self._org.storage.keep(_SETTING, now)
        return now

    def create(self, caller: Caller, kind: str, full_name: str, metadata: Mapping[str, Any]) -> None:
        """Make a component that is not there yet."""
        if self.read(kind, full_name) is not None:
            text = f"There is already a {kind} named {full_name.rpartition('.')[2].removesuffix('__c')}."
            raise OrgError("DUPLICATE_DEVELOPER_NAME", text, ("DeveloperName",))
        make = _MAKERS.get(kind)
        if make is None:
            raise OrgError("INVALID_TYPE", f"{kind} is not made here")
        try:
            make(self, caller, full_name, metadata)
        except (ValueError, LookupError) as wrong:
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", str(wrong)) from wrong

    def upsert(self, caller: Caller, kind: str, full_name: str, metadata: Mapping[str, Any]) -> bool:
        """Make a component, or change it; True when it was made."""
        if self.read(kind, full_name) is None:
            self.create(caller, kind, full_name, metadata)
            return True
        self.update(caller, kind, full_name, metadata)
        return False

    def update(self, caller: Caller, kind: str, full_name: str, metadata: Mapping[str, Any]) -> None:
        """Change a component: what a permission set grants, the label of a field or an object."""
        if self.read(kind, full_name) is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", f"no {kind} named {full_name} found")
        if kind != "PermissionSet":
            raise OrgError("INVALID_TYPE", f"A {kind} is not changed here once it is made")
        set_id = self._permission_set(full_name)
        self._grant(caller, set_id, metadata)

    def names(self, kind: str) -> list[str]:
        """The full names of all components of a kind."""
        return sorted(name for name, _ in self._all(kind))

    def read(self, kind: str, full_name: str) -> dict[str, Any] | None:
        """One component; None when there is none of this name."""
        return next((shape() for name, shape in self._all(kind) if name.lower() == full_name.lower()), None)

    def _all(self, kind: str) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        reader = _READERS.get(kind)
        return [] if reader is None else reader(self)

    def _objects(self) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        return [(one.name, lambda one=one: self._object(one)) for one in self._org.schema.sobjects()]  # type: ignore[misc]

    def _object(self, sobject: SObject) -> dict[str, Any]:
        name = sobject.field("Name")
        named = {"label": name.label if name else "Name", "type": "AutoNumber" if name and name.auto_number else "Text"}
        return {
            "fullName": sobject.name,
            "fields": [self._field(sobject, field) for field in sobject.fields() if field.custom],
            "label": sobject.label,
            "nameField": named,
            "pluralLabel": sobject.label_plural,
            "sharingModel": self._org.objects.sharing.defaults.get(sobject.name, "ReadWrite"),
        }

    def fields(self) -> list[tuple[SObject, Field]]:
        """Every custom field with its object."""
        return [(one, field) for one in self._org.schema.sobjects() for field in one.fields() if field.custom]

    def _fields(self) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        return [(f"{one.name}.{field.name}", lambda o=one, f=field: self._field(o, f)) for one, field in self.fields()]  # type: ignore[misc]

    def _field(self, sobject: SObject, field: Field) -> dict[str, Any]:
        made = {(name, spec["name"]): spec for name, spec in self._org.objects.fields.specifications()}
        return field_metadata(sobject, field, made.get((sobject.name, field.name), {}))

    def _sets(self) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        rows = self._org.storage.db.execute('SELECT "Id", "Name" FROM "PermissionSet"').fetchall()
        return [(name, lambda i=set_id: self._set(i)) for set_id, name in rows]  # type: ignore[misc]

    def _set(self, set_id: str) -> dict[str, Any]:
        db = self._org.storage.db
        name, label = db.execute('SELECT "Name", "Label" FROM "PermissionSet" WHERE "Id" = ?', (set_id,)).fetchone()
        read = 'SELECT "Field", "PermissionsEdit", "PermissionsRead" FROM "FieldPermissions" WHERE "ParentId" = ?'
        fields = [
            {"editable": bool(edit), "field": field, "readable": bool(seen)}
            for field, edit, seen in db.execute(read, (set_id,)).fetchall()
        ]
        columns = ", ".join(f'"{column}"' for column in _OBJECT_RIGHTS.values())
        sql = f'SELECT "SobjectType", {columns} FROM "ObjectPermissions" WHERE "ParentId" = ?'
        objects = [
            {**dict(zip(_OBJECT_RIGHTS, map(bool, flags), strict=True)), "object": sobject}
            for sobject, *flags in db.execute(sql, (set_id,)).fetchall()
        ]
        return {"fullName": name, "fieldPermissions": fields, "label": label, "objectPermissions": objects}

    def _record_types(self) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        return [
            (
                f"{one.name}.{info.developer_name}",
                lambda o=one, i=info: {"fullName": f"{o.name}.{i.developer_name}", "active": i.active, "label": i.name},  # type: ignore[misc]
            )
            for one in self._org.schema.sobjects()
            for info in one.record_types
        ]

    def validation_rules(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The declared validation rules: object, name, Metadata."""
        declared = (self._org.storage.kept("rules") or {}).get("validation_rules") or []
        return [
            (
                str(spec["object"]),
                f"Rule_{place}",
                {
                    "active": True,
                    "description": None,
                    "errorConditionFormula": spec.get("condition") or "true",
                    "errorDisplayField": spec.get("field"),
                    "errorMessage": spec.get("message"),
                },
            )
            for place, spec in enumerate(declared if isinstance(declared, list) else [declared], start=1)
        ]

    def _rules(self) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        return [
            (f"{owner}.{name}", lambda m=shape, n=f"{owner}.{name}": {"fullName": n, **m})  # type: ignore[misc]
            for owner, name, shape in self.validation_rules()
        ]

    def _make_field(self, caller: Caller, full_name: str, metadata: Mapping[str, Any]) -> None:
        owner, _, name = full_name.partition(".")
        sobject = self._org.schema.sobject(owner)
        if sobject is None:
            raise OrgError("INVALID_CROSS_REFERENCE_KEY", f"Entity of type {owner} cannot be found")
        self._org.add_field(sobject.name, self._fenced(field_spec(name, metadata)))

    def _fenced(self, spec: dict[str, Any]) -> dict[str, Any]:
        always = spec.get("required") or spec.get("master_detail") is not None or self.settings()[self._granted_by]
        return spec if always else {**spec, "granted": False}

    def _make_object(self, caller: Caller, full_name: str, metadata: Mapping[str, Any]) -> None:
        named = metadata.get("nameField") or {}
        shown = {"type": named.get("type", "Text"), "format": str(named.get("displayFormat") or "{0}")}
        spec: dict[str, Any] = {
            "name": full_name,
            "name_field": {**shown, **({"label": named["label"]} if named.get("label") else {})},
            "fields": [
                self._fenced(field_spec(str(one.get("fullName")), one)) for one in listed(metadata.get("fields"))
            ],
        }
        for theirs, ours in (("label", "label"), ("pluralLabel", "plural_label"), ("description", "description")):
            if metadata.get(theirs) is not None:
                spec[ours] = str(metadata[theirs])
        self._org.add_object(spec)

    def _make_record_type(self, caller: Caller, full_name: str, metadata: Mapping[str, Any]) -> None:
        owner, _, name = full_name.partition(".")
        spec = {"object": owner, "developer_name": name, "name": str(metadata.get("label") or name)}
        self._org.objects.record_types.add({**spec, "active": truth(metadata.get("active", True))})
        self._org.schema_changed()

    def _make_set(self, caller: Caller, full_name: str, metadata: Mapping[str, Any]) -> None:
        given = {str(one.get("name")) for one in listed(metadata.get("userPermissions")) if truth(one.get("enabled"))}
        flags = {column: int(column.removeprefix("Permissions") in given) for column in SYSTEM_PERMISSIONS}
        row = {"Name": full_name, "Label": str(metadata.get("label") or full_name), **flags}
        self._org.dml.add_rows(caller, [("PermissionSet", row)])
        self._grant(caller, self._permission_set(full_name), metadata)

    def _permission_set(self, name: str) -> str:
        sql = 'SELECT "Id" FROM "PermissionSet" WHERE "Name" = ? COLLATE NOCASE'
        return str(self._org.storage.db.execute(sql, (name,)).fetchone()[0])

    def _grant(self, caller: Caller, set_id: str, metadata: Mapping[str, Any]) -> None:
        for one in listed(metadata.get("fieldPermissions")):
            field = str(one.get("field"))
            flags = {"PermissionsRead": truth(one.get("readable")), "PermissionsEdit": truth(one.get("editable"))}
            self._put_grant(caller, "FieldPermissions", set_id, field.partition(".")[0], flags, field)
        for one in listed(metadata.get("objectPermissions")):
            flags = {column: truth(one.get(word)) for word, column in _OBJECT_RIGHTS.items()}
            self._put_grant(caller, "ObjectPermissions", set_id, str(one.get("object")), flags)

    def _put_grant(
        self, caller: Caller, table: str, set_id: str, sobject: str, flags: dict[str, bool], field: str | None = None
    ) -> None:
        key = {"ParentId": set_id, "SobjectType": sobject, **({"Field": field} if field else {})}
        where = " AND ".join(f'"{column}" = ?' for column in key)
        found = self._org.storage.db.execute(
            f'SELECT "Id" FROM "{table}" WHERE {where}', tuple(key.values())
        ).fetchone()
        granting = self._org.schema.sobject(table)
        assert granting is not None
        if found is None:
            self._org.dml.create(caller, granting, {**key, **flags})
        else:
            self._org.dml.update(caller, granting, found[0], flags)


_Make = Callable[[Components, Caller, str, Mapping[str, Any]], None]
_MAKERS: dict[str, _Make] = {
    "CustomField": Components._make_field,
    "CustomObject": Components._make_object,
    "PermissionSet": Components._make_set,
    "RecordType": Components._make_record_type,
}
_Read = Callable[[Components], list[tuple[str, Callable[[], dict[str, Any]]]]]
_READERS: dict[str, _Read] = {
    "CustomField": Components._fields,
    "CustomObject": Components._objects,
    "PermissionSet": Components._sets,
    "RecordType": Components._record_types,
    "ValidationRule": Components._rules,
}
