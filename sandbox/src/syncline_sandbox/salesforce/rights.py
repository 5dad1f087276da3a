"""What a user may see and change: object rights, field-level security, record visibility.

Lives here: the rights of one user and the questions asked of them ("Field-Level Security", "Sharing"): an object
without read right is as if it did not exist, a hidden field is as if it did not exist, a hidden row silently drops out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OBJECT_RIGHTS = ("create", "read", "edit", "delete")
ALL_PERMISSIONS = frozenset(
    {"ApiEnabled", "ViewSetup", "BulkApiHardDelete", "ViewAllData", "ConvertLeads", "TransferRecords"}
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

    def allows(self, right: str, sobject: str) -> bool:
        """True when the user has *right* (create, read, edit, delete) on the object."""
        denied = self.denied_objects.get(sobject)
        return denied is None or (right not in denied and "read" not in denied)

    def can_read_object(self, sobject: str) -> bool:
        return self.allows("read", sobject)

    def can_read_field(self, sobject: str, field_name: str) -> bool:
        return f"{sobject}.{field_name}" not in self.hidden_fields

    def can_edit_field(self, sobject: str, field_name: str) -> bool:
        key = f"{sobject}.{field_name}"
        return key not in self.hidden_fields and key not in self.read_only_fields

    def visible_rows(self, sobject: str, row: str) -> tuple[str, Sequence[object]] | None:
        """SQL predicate over table alias *row* with its bound values; None when every row is visible."""
        parts: list[str] = []
        bound: list[object] = []
        if sobject in self.hidden_rows:
            parts.append(f"NOT coalesce(({self.hidden_rows[sobject].replace('{row}', row)}), 0)")
        if self.hidden_record_count:
            parts.append(f'{row}."Id" NOT IN (SELECT record_id FROM _hidden WHERE user_id = ?)')
            bound.append(self.user_id)
        return (" AND ".join(parts), bound) if parts else None

    def as_json(self) -> dict[str, Any]:
        """The rights as the control endpoint shows and takes them."""
        return {
            "denied_objects": {name: sorted(rights) for name, rights in self.denied_objects.items()},
            "hidden_fields": sorted(self.hidden_fields),
            "read_only_fields": sorted(self.read_only_fields),
            "hidden_rows": self.hidden_rows,
            "locked_rows": self.locked_rows,
            "permissions": sorted(self.permissions),
        }


def rights_of_json(user_id: str, shape: Mapping[str, Any]) -> UserRights:
    """The rights a JSON object describes. TypeError for an unknown key, ValueError for an unknown object right."""
    values = dict(shape)
    denied = {name: frozenset(rights) for name, rights in dict(values.pop("denied_objects", {})).items()}
    if unknown := frozenset().union(*denied.values()) - set(OBJECT_RIGHTS):
        raise ValueError(f"object rights are {', '.join(OBJECT_RIGHTS)}, not {', '.join(sorted(unknown))}")
    return UserRights(
        user_id=user_id,
        denied_objects=denied,
        hidden_fields=set(values.pop("hidden_fields", ())),
        read_only_fields=set(values.pop("read_only_fields", ())),
        permissions=frozenset(values.pop("permissions", ALL_PERMISSIONS)),
        **values,
    )
