"""What a user may see and change: object rights, field-level security, record visibility.

Lives here: the rights of one user and the questions asked of them ("Field-Level Security", "Sharing"): an object
without read right is as if it did not exist, a hidden field is as if it did not exist, a hidden row silently drops
out. What permission sets add is reckoned in `grants.py`, what sharing leaves in `sharing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .grants import Granted, Grants
from .sharing import Sharing

OBJECT_RIGHTS = ("create", "read", "edit", "delete")
ALL_PERMISSIONS = frozenset(
    {
        "ApiEnabled",
        "ViewSetup",
        "BulkApiHardDelete",
        "ViewAllData",
        "ModifyAllData",
        "ConvertLeads",
        "TransferRecords",
        "MarketingUser",
    }
)


@dataclass(kw_only=True)
class UserRights:
    """One user's rights; by default everything is allowed.

    `denied_objects` maps an object to the rights taken away; `hidden_fields` and `read_only_fields` hold
    "Object.Field"; `hidden_rows` and `locked_rows` map an object to a SQL predicate with `{row}` for its table alias,
    true for the rows the user cannot see, or cannot change. `hidden_record_count` says whether single records are
    hidden too (their ids lie in the table `_hidden`).
    """

    user_id: str
    denied_objects: dict[str, frozenset[str]] = field(default_factory=dict)
    hidden_fields: set[str] = field(default_factory=set)
    read_only_fields: set[str] = field(default_factory=set)
    hidden_rows: dict[str, str] = field(default_factory=dict)
    locked_rows: dict[str, str] = field(default_factory=dict)
    permissions: frozenset[str] = ALL_PERMISSIONS
    hidden_record_count: int = 0
    fenced: frozenset[str] = frozenset()
    granted: Granted = field(default_factory=Granted)
    sharing: Sharing | None = None
    settled: int | None = None
    _own_permissions: frozenset[str] | None = None

    def settle(self, grants: Grants, sharing: Sharing) -> None:
        """Take up what permission sets give now, and the org's sharing."""
        if self._own_permissions is None:
            self._own_permissions = self.permissions
        self.fenced, self.granted, self.sharing = grants.fenced, grants.of(self.user_id), sharing
        self.permissions = self._own_permissions | self.granted.permissions
        self.settled = grants.version

    def allows(self, right: str, sobject: str) -> bool:
        """True when the user has *right* (create, read, edit, delete) on the object."""
        if sobject == "Campaign" and right != "read" and "MarketingUser" not in self.permissions:
            return False
        denied = self.denied_objects.get(sobject)
        if denied is None or (right not in denied and "read" not in denied):
            return True
        return right in self.granted.objects.get(sobject, frozenset())

    def can_read_object(self, sobject: str) -> bool:
        return self.allows("read", sobject)

    def can_read_field(self, sobject: str, field_name: str) -> bool:
        key = f"{sobject}.{field_name}"
        return (key not in self.hidden_fields and key not in self.fenced) or key in self.granted.fields

    def can_edit_field(self, sobject: str, field_name: str) -> bool:
        key = f"{sobject}.{field_name}"
        closed = key in self.hidden_fields or key in self.read_only_fields or key in self.fenced
        return not closed or self.granted.fields.get(key, False)

    def visible_rows(self, sobject: str, row: str) -> tuple[str, Sequence[object]] | None:
        """SQL predicate over table alias *row* with its bound values; None when every row is visible."""
        parts: list[str] = []
        bound: list[object] = []
        if sobject in self.hidden_rows:
            parts.append(f"NOT coalesce(({self.hidden_rows[sobject].replace('{row}', row)}), 0)")
        if self.hidden_record_count:
            parts.append(f'{row}."Id" NOT IN (SELECT record_id FROM _hidden WHERE user_id = ?)')
            bound.append(self.user_id)
        reach = self.reach(sobject, row, "read")
        if reach is not None:
            parts.append(f"({reach[0]})")
            bound += reach[1]
        return (" AND ".join(parts), bound) if parts else None

    def reach(self, sobject: str, row: str, act: str) -> tuple[str, list[object]] | None:
        """What sharing leaves to read, edit or delete, as a predicate over alias *row*; None when it is all."""
        if self.sharing is None:
            return None
        return self.sharing.reach(sobject, row, act, self.user_id, self.permissions, self.granted.objects)

    def as_json(self) -> dict[str, Any]:
        """The rights as the control endpoint shows and takes them."""
        return {
            "denied_objects": {name: sorted(rights) for name, rights in self.denied_objects.items()},
            "hidden_fields": sorted(self.hidden_fields),
            "read_only_fields": sorted(self.read_only_fields),
            "hidden_rows": self.hidden_rows,
            "locked_rows": self.locked_rows,
            "permissions": sorted(self.permissions if self._own_permissions is None else self._own_permissions),
        }


def rights_of_json(user_id: str, shape: Mapping[str, Any]) -> UserRights:
    """The rights a JSON object describes. TypeError for an unknown key, ValueError for an unknown right or
    permission."""
    values = dict(shape)
    denied = {name: frozenset(rights) for name, rights in dict(values.pop("denied_objects", {})).items()}
    if unknown := frozenset().union(*denied.values()) - set(OBJECT_RIGHTS):
        raise ValueError(f"object rights are {', '.join(OBJECT_RIGHTS)}, not {', '.join(sorted(unknown))}")
    allowed = frozenset(values.pop("permissions", ALL_PERMISSIONS))
    if unknown := allowed - ALL_PERMISSIONS:
        raise ValueError(f"no permission {', '.join(sorted(unknown))}; there are {', '.join(sorted(ALL_PERMISSIONS))}")
    return UserRights(
        user_id=user_id,
        denied_objects=denied,
        hidden_fields=set(values.pop("hidden_fields", ())),
        read_only_fields=set(values.pop("read_only_fields", ())),
        permissions=allowed,
        **values,
    )
