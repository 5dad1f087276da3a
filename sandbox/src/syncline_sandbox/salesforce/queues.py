"""Queues: groups that may own records of the objects they are set up for.

Object Reference: Group (Type `Queue`), QueueSobject, GroupMember. Lives here: making one, and whether it may own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .ids import IdSource
from .schema import Schema
from .storage import Storage


class Queues:
    """The queues of one org. Changes happen inside the caller's transaction."""

    def __init__(self, schema: Schema, storage: Storage, ids: IdSource) -> None:
        self._schema = schema
        self._storage = storage
        self._ids = ids

    def add(self, name: str, objects: Sequence[str], members: Sequence[str], stamp: str, user_id: str) -> str:
        """Make a queue for *objects* with the users of these ids; returns its id."""
        group = {"Name": name, "DeveloperName": name.replace(" ", "_"), "Type": "Queue"}
        flags = {"DoesSendEmailToMembers": 0, "DoesIncludeBosses": 0}
        queue_id = self._insert("Group", {**group, **flags}, stamp, user_id)
        for sobject in objects:
            self._insert("QueueSobject", {"QueueId": queue_id, "SobjectType": sobject}, stamp, user_id)
        for member in members:
            self._insert("GroupMember", {"GroupId": queue_id, "UserOrGroupId": member}, stamp, user_id)
        return queue_id

    def _insert(self, name: str, values: dict[str, Any], stamp: str, user_id: str) -> str:
        sobject = self._schema.sobject(name)
        assert sobject is not None
        record_id = self._ids.new(sobject.key_prefix)
        audit = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), stamp)
        audit |= dict.fromkeys(("CreatedById", "LastModifiedById"), user_id)
        self._storage.insert(sobject, {"Id": record_id, **audit, **values})
        return record_id


def queue_owns(storage: Storage, queue_id: str, sobject: str) -> bool:
    """True when this group is a queue for records of *sobject*."""
    sql = (
        'SELECT 1 FROM "QueueSobject" AS q JOIN "Group" AS g ON g."Id" = q."QueueId" '
        'WHERE q."QueueId" = ? AND q."SobjectType" = ? AND g."Type" = \'Queue\''
    )
    return storage.db.execute(sql, (queue_id, sobject)).fetchone() is not None
