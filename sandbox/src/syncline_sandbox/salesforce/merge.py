"""Merging records of one kind: the master stays, up to two others go to the recycle bin, their children move.

"merge()", MergeRequest and MergeResult of the SOAP API Developer Guide; "Merging Records" of the Apex Developer Guide:
the master's values win even when they are null, fields to keep from the others are given with the master record, and
no trigger runs for children. There is no REST resource for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .caller import Caller
from .campaign_rules import doubled_members
from .dml import Dml
from .errors import OrgError
from .schema import Field, Schema, SObject
from .storage import Storage

MAX_LOSERS = 2
MAX_MERGES = 200
# What points to a person but stays with the one it named: who lost a merge, what a lead became.
_STAYING = frozenset({"MasterRecordId", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId"})


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge did: the master, the records that went, and the children that were re-pointed."""

    master_id: str
    merged_ids: tuple[str, ...]
    related_ids: tuple[str, ...]


class Merging:
    """Merges, each in the caller's savepoint."""

    def __init__(self, schema: Schema, storage: Storage, dml: Dml) -> None:
        self._schema = schema
        self._storage = storage
        self._dml = dml

    def merge(
        self, caller: Caller, sobject: SObject, master_id: str, fields: Mapping[str, Any], loser_ids: Sequence[str]
    ) -> Merged:
        """Merge *loser_ids* into the master, *fields* set on it.

        Raises:
            OrgError: a record that cannot be merged, or is not there; the caller rolls back.
        """
        if not sobject.mergeable:
            raise OrgError("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support merge")
        master = self._dml.existing(caller, sobject, master_id, "edit")
        losers = [self._dml.existing(caller, sobject, loser_id, "delete") for loser_id in loser_ids]
        _check([master, *losers])
        related: dict[str, None] = {}
        for loser in losers:
            related |= dict.fromkeys(self._move_children(caller, sobject, loser["Id"], master["Id"]))
            self._dml.bin.put_merged(sobject, loser["Id"], master["Id"])
        # After the losers are gone: a value that must be unique may be taken over from them.
        self._dml.update(caller, sobject, master["Id"], fields)
        merged_ids = tuple(str(loser["Id"]) for loser in losers)
        return Merged(master_id=master["Id"], merged_ids=merged_ids, related_ids=tuple(related))

    def _move_children(self, caller: Caller, sobject: SObject, loser_id: str, master_id: str) -> list[str]:
        moved: list[str] = []
        self._drop_doubled_members(sobject, loser_id, master_id)
        for child, field in self._schema.child_references(sobject.name):
            if field.name in _STAYING or field.column is None:
                continue
            sql = f'SELECT "Id" FROM "{child.table}" WHERE "{field.column}" = ?'
            for (child_id,) in self._storage.db.execute(sql, (loser_id,)).fetchall():
                self._repoint(caller, child, field, child_id, master_id)
                if child_id != loser_id:
                    moved.append(child_id)
        return moved

    def _drop_doubled_members(self, sobject: SObject, loser_id: str, master_id: str) -> None:
        members = self._schema.sobject("CampaignMember")
        column = f"{sobject.name}Id"
        if members is not None and members.field(column) is not None:
            for member in doubled_members(self._storage, column, loser_id, master_id):
                self._dml.bin.put(members, member)

    def _repoint(self, caller: Caller, child: SObject, field: Field, child_id: str, master_id: str) -> None:
        stamp = self._dml.stamp()
        # Nobody is their own parent: the master that pointed to a loser points to nobody.
        target = master_id if child_id != master_id else None
        audit = {"LastModifiedDate": stamp, "SystemModstamp": stamp, "LastModifiedById": caller.user_id}
        self._storage.update(child, child_id, {str(field.column): target, **audit})
        self._dml.touched.append((child, child_id))


def _check(rows: list[dict[str, Any]]) -> None:
    ids = [row["Id"] for row in rows]
    if not 1 <= len(ids) - 1 <= MAX_LOSERS:
        raise OrgError("LIMIT_EXCEEDED", f"A merge takes one or {MAX_LOSERS} records besides the master record")
    if len(set(ids)) < len(ids):
        raise OrgError("INVALID_CROSS_REFERENCE_KEY", "A record cannot be merged with itself")
    if any(row.get("IsConverted") for row in rows):
        raise OrgError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
