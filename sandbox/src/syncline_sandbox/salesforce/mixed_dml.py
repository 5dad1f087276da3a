"""MIXED_DML: objects of the setup and others in one transaction.

"sObjects That Cannot Be Used Together in DML Operations" of the Apex Developer Guide, with its list and its exceptions
for User. A transaction is here a request, or a part of a composite one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

from .caller import Caller
from .errors import OrgError
from .schema import SObject

SETUP_OBJECTS = frozenset(
    {
        "FieldPermissions",
        "Group",
        "GroupMember",
        "ObjectPermissions",
        "PermissionSet",
        "PermissionSetAssignment",
        "QueueSobject",
        "User",
        "UserRole",
    }
)
# An update of a user that leaves these alone goes with anything.
_USER_FIELDS = frozenset(
    "userroleid isactive forecastenabled isportalenabled username profileid".split(),
)


class MixedDml:
    """Watches the running transaction; *touched* is what it wrote, empty again when the next one begins."""

    def __init__(self, touched: Sized) -> None:
        self._touched = touched
        self._first: tuple[bool, str, str] | None = None

    def refuse(self, caller: Caller, sobject: SObject, record: Mapping[str, Any], *, updating: bool = False) -> None:
        """Refuse a write that mixes. OrgError MIXED_DML_OPERATION."""
        setup = sobject.name in SETUP_OBJECTS
        if updating and sobject.name == "User" and not _USER_FIELDS & {name.lower() for name in record}:
            return
        first = self._first
        if first is None or not len(self._touched) or first[2] != caller.request_line:
            self._first = (setup, sobject.name, caller.request_line)
        elif first[0] != setup:
            text = (
                "DML operation on setup object is not permitted after you have updated a non-setup object "
                f"(or vice versa): {sobject.name}, original object: {first[1]}"
            )
            raise OrgError("MIXED_DML_OPERATION", text)
