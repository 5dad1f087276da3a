"""What permission sets give: objects, fields and permissions, on top of what a user has otherwise.

Object Reference: PermissionSet, PermissionSetAssignment, ObjectPermissions, FieldPermissions. Lives here: from the rows
of these objects to what one user is granted. Triggers note any change of them, whatever wrote it, so that the next
question of rights is answered anew. A permission set only ever adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .errors import OrgError
from .schema import Schema
from .standard_access import OBJECT_PERMISSIONS, SYSTEM_PERMISSIONS
from .storage import Storage

_SOURCES = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions", "ObjectPermissions", "User")
GRANTING = frozenset({"FieldPermissions", "ObjectPermissions"})
"""The objects whose rows say what a permission set grants."""
_OF_USER = """
SELECT "PermissionSetId" FROM "PermissionSetAssignment" WHERE "AssigneeId" = ?1
UNION SELECT p."Id" FROM "PermissionSet" AS p JOIN "User" AS u ON u."ProfileId" = p."ProfileId" WHERE u."Id" = ?1
"""


@dataclass(frozen=True)
class Granted:
    """What one user is given: fields by `Object.Field` with whether they may be edited, rights on objects, more."""

    fields: dict[str, bool] = field(default_factory=dict)
    objects: dict[str, frozenset[str]] = field(default_factory=dict)
    permissions: frozenset[str] = frozenset()


class Grants:
    """The permission sets of one org. `version` changes with anything that can change what somebody is granted."""

    def __init__(
        self, schema: Schema, storage: Storage, specifications: Callable[[], Iterable[tuple[str, dict[str, Any]]]]
    ) -> None:
        self._schema = schema
        self._storage = storage
        self._specifications = specifications
        self.version = 0
        self.fenced: frozenset[str] = frozenset()

    def prepare(self) -> None:
        """Make the triggers, in a database that has just been emptied or opened."""
        self._storage.db.execute("CREATE TABLE IF NOT EXISTS _grants_due (id INTEGER PRIMARY KEY)")
        for table in _SOURCES:
            for event in ("INSERT", "UPDATE", "DELETE"):
                self._storage.db.execute(
                    f'CREATE TRIGGER IF NOT EXISTS "{table} grants {event}" AFTER {event} ON "{table}" '
                    "BEGIN INSERT OR IGNORE INTO _grants_due VALUES (1); END"
                )
        self.refresh()

    def refresh(self) -> None:
        """Learn which fields nobody sees unless they are granted."""
        self.fenced = frozenset(
            f"{name}.{spec['name']}" for name, spec in self._specifications() if not spec.get("granted", True)
        )
        self.version += 1

    def settle(self) -> None:
        """Notice, at the end of a transaction, that grants changed in it."""
        if self._storage.db.execute("DELETE FROM _grants_due").rowcount:
            self.version += 1

    def of(self, user_id: str) -> Granted:
        """What the permission sets of a user and of its profile give."""
        sets = [one for (one,) in self._storage.db.execute(_OF_USER, (user_id,))]
        if not sets:
            return Granted()
        fields: dict[str, bool] = {}
        for name, read, edit in self._rows("FieldPermissions", sets, "Field", "PermissionsRead", "PermissionsEdit"):
            known = self._canonical(name)
            if read or edit:
                fields[known] = bool(edit) or fields.get(known, False)
        objects: dict[str, set[str]] = {}
        for name, *flags in self._rows("ObjectPermissions", sets, "SobjectType", *OBJECT_PERMISSIONS):
            rights = {right for right, given in zip(OBJECT_PERMISSIONS.values(), flags, strict=True) if given}
            objects.setdefault(name, set()).update(rights)
        permissions: set[str] = set()
        for row in self._rows("PermissionSet", sets, *SYSTEM_PERMISSIONS):
            permissions |= {name for name, given in zip(SYSTEM_PERMISSIONS.values(), row, strict=True) if given}
        return Granted(fields, {name: frozenset(rights) for name, rights in objects.items()}, frozenset(permissions))

    def _rows(self, table: str, sets: list[str], *columns: str) -> list[tuple[Any, ...]]:
        key = "Id" if table == "PermissionSet" else "ParentId"
        named = ", ".join(f'"{column}"' for column in columns)
        sql = f'SELECT {named} FROM "{table}" WHERE "{key}" IN ({", ".join("?" * len(sets))})'
        return self._storage.db.execute(sql, sets).fetchall()

    def _canonical(self, name: str) -> str:
        sobject_name, _, field_name = name.partition(".")
        sobject = self._schema.sobject(sobject_name)
        known = sobject.field(field_name) if sobject is not None else None
        return name if sobject is None or known is None else f"{sobject.name}.{known.name}"


def check_grant(schema: Schema, sobject: str, values: dict[str, Any]) -> None:
    """Refuse a FieldPermissions or ObjectPermissions row about what is not there, and rights without read."""
    named = schema.sobject(str(values.get("SobjectType") or ""))
    if "SobjectType" in values and named is None:
        text = f"Sobject Type: bad value for restricted picklist field: {values['SobjectType']}"
        raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, ("SobjectType",))
    if sobject == "FieldPermissions" and "Field" in values and named is not None:
        owner, _, name = str(values["Field"]).partition(".")
        field_ = named.field(name)
        if owner.lower() != named.name.lower() or field_ is None:
            text = f"Field Name: bad value for restricted picklist field: {values['Field']}"
            raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, ("Field",))
        if not field_.nillable or (values.get("PermissionsEdit") and field_.calculated):
            text = f"You cannot deploy to a required field: {values['Field']}"
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, ("Field",))
    rights = ("PermissionsCreate", "PermissionsEdit", "PermissionsDelete")
    if "PermissionsRead" in values and not values["PermissionsRead"] and any(values.get(right) for right in rights):
        text = "Rights to create, edit or delete depend on the right to read"
        raise OrgError("FIELD_INTEGRITY_EXCEPTION", text, ("PermissionsRead",))
