"""Who sees which records: org-wide defaults, owners, the role hierarchy, queues and shares.

"Sharing Architecture" (Salesforce Help); Object Reference: AccountShare and its like, UserRole, GroupMember. Lives
here: the SQL predicate of one user over one object. Without a default set, every object is open to read and write.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .schema import Schema, SObject
from .standard_access import SHARED
from .storage import Storage

DEFAULTS = ("Private", "Read", "ReadWrite", "ControlledByParent")
Sql = tuple[str, list[object]]
# Standard objects whose records are as visible as the record they belong to.
_CONTROLLED = {
    "CampaignMember": "CampaignId",
    "CampaignMemberStatus": "CampaignId",
    "OpportunityContactRole": "OpportunityId",
}
_CONTROLLABLE = {**_CONTROLLED, "Contact": "AccountId"}
_LEVELS = {"read": ("Read", "Edit", "All"), "edit": ("Edit", "All"), "delete": ("All",)}
# What opens all records of an object, by what is to be done: permissions, and rights on the object.
_OPEN = {
    "read": ({"ViewAllData", "ModifyAllData"}, {"view_all", "modify_all"}),
    "edit": ({"ModifyAllData"}, {"modify_all"}),
    "delete": ({"ModifyAllData"}, {"modify_all"}),
}
_BELOW = (
    'WITH RECURSIVE below(id) AS (SELECT r."Id" FROM "UserRole" AS r JOIN "User" AS u '
    'ON r."ParentRoleId" = u."UserRoleId" WHERE u."Id" = ? UNION SELECT r."Id" FROM "UserRole" AS r '
    'JOIN below ON r."ParentRoleId" = below.id) SELECT u."Id" FROM "User" AS u JOIN below ON u."UserRoleId" = below.id'
)
_GROUPS = 'SELECT "GroupId" FROM "GroupMember" WHERE "UserOrGroupId" = ?'


class Sharing:
    """The sharing of one org."""

    def __init__(self, schema: Schema, storage: Storage) -> None:
        self._schema = schema
        self._storage = storage
        self.defaults: dict[str, str] = {}

    def load(self) -> None:
        """Take up the defaults an earlier process stored."""
        self.defaults = dict(self._storage.kept("sharing") or {})

    def set_defaults(self, wanted: dict[str, Any]) -> dict[str, str]:
        """Change org-wide defaults, by object; answers all that are set. ValueError or LookupError."""
        changed = dict(self.defaults)
        for name, level in wanted.items():
            sobject = self._schema.sobject(name)
            if sobject is None:
                raise LookupError(f"no object {name!r}")
            if level not in DEFAULTS or (level == "ControlledByParent" and self._parent(sobject) is None):
                raise ValueError(f"{name} is one of {', '.join(DEFAULTS)}, not {level!r}")
            changed[sobject.name] = level
        with self._storage.transaction():
            self._storage.keep("sharing", changed)
        self.defaults = changed
        return changed

    def reach(
        self,
        name: str,
        row: str,
        act: str,
        user_id: str,
        permissions: Iterable[str],
        objects: dict[str, frozenset[str]],
    ) -> Sql | None:
        """The predicate over alias *row* of the records of object *name* a user may read, edit or delete; None: all.

        *permissions* and the rights on *objects* are the user's.
        """
        sobject = self._schema.sobject(name)
        if not self.defaults or sobject is None:
            return None
        open_permissions, open_rights = _OPEN[act]
        if open_permissions & set(permissions) or open_rights & objects.get(sobject.name, frozenset()):
            return None
        parent = self._parent(sobject) if self._controlled(sobject) else None
        if parent is not None:
            # A detail may be deleted by who may edit its master.
            above = "edit" if act == "delete" else act
            return self._with_parent(sobject, row, parent, above, (user_id, permissions, objects))
        default = self.defaults.get(sobject.name, "ReadWrite")
        if act != "delete" and (default == "ReadWrite" or (default == "Read" and act == "read")):
            return None
        if act == "delete" and default == "ReadWrite":
            return None
        return self._own(sobject, row, act, user_id)

    def _controlled(self, sobject: SObject) -> bool:
        by_nature = sobject.name in _CONTROLLED or sobject.master is not None
        return by_nature or self.defaults.get(sobject.name) == "ControlledByParent"

    def _parent(self, sobject: SObject) -> str | None:
        """The column of the record this one is as visible as."""
        master = sobject.master
        return master.column if master is not None else _CONTROLLABLE.get(sobject.name)

    def _with_parent(self, sobject: SObject, row: str, column: str, act: str, user: Any) -> Sql | None:
        field = sobject.field(column)
        assert field is not None
        parent = field.reference_to[0]
        alias = f"{row}p"
        inner = self.reach(parent, alias, act, *user)
        if inner is None:
            return None
        own, bound = self._own(sobject, row, act, user[0])
        link = f'EXISTS (SELECT 1 FROM "{parent}" AS {alias} WHERE {alias}."Id" = {row}."{column}" AND ({inner[0]}))'
        return f'CASE WHEN {row}."{column}" IS NULL THEN ({own}) ELSE {link} END', [*bound, *inner[1]]

    def _own(self, sobject: SObject, row: str, act: str, user_id: str) -> Sql:
        parts: list[str] = []
        bound: list[object] = []
        if sobject.field("OwnerId") is not None:
            owner = f'{row}."OwnerId"'
            parts += [f"{owner} = ?", f"{owner} IN ({_BELOW})", f"{owner} IN ({_GROUPS})"]
            bound += [user_id] * 3
        shared = self._share(sobject)
        if shared is not None:
            table, record, level = shared
            levels = ", ".join(f"'{one}'" for one in _LEVELS[act])
            parts.append(
                f'{row}."Id" IN (SELECT s."{record}" FROM "{table}" AS s WHERE s."{level}" IN ({levels}) '
                f'AND (s."UserOrGroupId" = ? OR s."UserOrGroupId" IN ({_GROUPS})))'
            )
            bound += [user_id] * 2
        return " OR ".join(parts) or "0", bound

    def _share(self, sobject: SObject) -> tuple[str, str, str] | None:
        if sobject.custom and sobject.master is None:
            return f"{sobject.name[:-1]}Share", "ParentId", "AccessLevel"
        known = SHARED.get(sobject.name)
        return None if known is None else (f"{sobject.name}Share", known[1], known[2])
