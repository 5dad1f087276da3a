"""Smart campaigns as assets and as the older campaign records: reading, making, changing, activating.

Source: Marketo "Smart Campaigns"; the reference of "Get Campaigns" (isTriggerable, active). What a flow does, and that
a campaign can be requested, no endpoint sets: the control endpoint does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.assets.folders import Folders
from syncline_sandbox.marketo.assets.replies import (
    APP_URL,
    PROGRAM,
    WORKSPACE,
    Members,
    Parent,
    asset_time,
    flag,
    found,
    parent_of,
    required,
)
from syncline_sandbox.marketo.assets.shelf import SHARED, Shelf
from syncline_sandbox.marketo.assets.smart_lists import SmartLists
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.tokens import cursor, read_cursor

TABLES = f"""
CREATE TABLE IF NOT EXISTS smart_campaigns (
    {SHARED}, type TEXT NOT NULL, isActive INTEGER NOT NULL, requestable INTEGER NOT NULL, qualification TEXT NOT NULL,
    rules TEXT NOT NULL, flow TEXT NOT NULL, hasRun INTEGER NOT NULL
);
"""
COLUMNS = ("type", "isActive", "requestable", "qualification", "rules", "flow", "hasRun")
BATCH, TRIGGER = "batch", "trigger"
_NEW = {"isActive": 0, "requestable": 0, "qualification": "once", "rules": "{}", "flow": "[]", "hasRun": 0}
_LONGEST_DESCRIPTION = 2000


class CampaignBook:
    """Answers the reading and making endpoints."""

    def __init__(self, store: Store, clock: SandboxClock, folders: Folders, smart_lists: SmartLists) -> None:
        self._store = store
        self._folders = folders
        self._smart_lists = smart_lists
        self.shelf = Shelf(store, clock, "smart_campaigns", "Smart campaign", COLUMNS)

    def make(self, name: str, parent: Parent, kind: str = BATCH, **members: Any) -> int:
        """A new campaign with its smart list; its id. Refused for an unknown folder."""
        self._folders.row(parent)
        for part in ("rules", "flow"):
            if part in members:
                members[part] = orjson.dumps(members[part]).decode()
        campaign_id = self.shelf.put(name, parent, type=kind, **{**_NEW, **members})
        self._give_smart_list(campaign_id)
        return campaign_id

    def _give_smart_list(self, campaign_id: int) -> None:
        row = self.shelf.get(campaign_id)
        assert row is not None
        place = Parent(row["folderType"], row["folderId"])
        self._smart_lists.shelf.put(row["name"], place, rules=row["rules"], campaignId=campaign_id)

    def adopt(self, campaign_id: int) -> None:
        """A cloned campaign gets a smart list of its own."""
        self._give_smart_list(campaign_id)

    def program_id(self, campaign: Mapping[str, Any]) -> int | None:
        return self._folders.program_of(Parent(campaign["folderType"], campaign["folderId"]))

    # -- the older records ------------------------------------------------------------------------------------------

    def campaigns(self, call: Call) -> Members:
        size = call.batch_size()
        after = read_cursor(token, "campaigns") if (token := call.one("nextPageToken")) else 0
        records = [self._campaign(row) for row in self.shelf.where("id > ? ORDER BY id", (after,))]
        for name in ("id", "name", "programName", "workspaceName"):
            if values := call.many(name):
                records = [record for record in records if str(record.get(name)) in values]
        if flag(call, "isTriggerable"):
            able = {row["id"] for row in self.shelf.where("requestable AND isActive")}
            records = [record for record in records if record["id"] in able]
        more = {"nextPageToken": cursor("campaigns", records[size - 1]["id"])} if len(records) > size else {}
        return {"result": records[:size], **more}

    def campaign(self, call: Call) -> Members:
        return {"result": [self._campaign(self.known(call))]}

    def known(self, call: Call) -> Row:
        """The campaign of the path. Refused 1013."""
        row = self.shelf.of_call(call)
        if row is None:
            raise Refused(1013, "Object not found")
        return row

    def _campaign(self, row: Row) -> Members:
        program_id = self.program_id(row)
        program: Members = {}
        if program_id is not None:
            program = {"programId": program_id, "programName": self._folders.name(Parent(PROGRAM, program_id))}
        description = {} if row["description"] is None else {"description": row["description"]}
        return {
            "id": row["id"],
            "name": row["name"],
            **description,
            "type": row["type"],
            **program,
            "workspaceName": WORKSPACE,
            "createdAt": row["createdAt"],
            "updatedAt": row["updatedAt"],
            "active": bool(row["isActive"]),
        }

    # -- assets -----------------------------------------------------------------------------------------------------

    def by_id(self, call: Call) -> Members:
        row = self.shelf.of_call(call)
        return found([] if row is None else [self._record(row)])

    def by_name(self, call: Call) -> Members:
        return found([self._record(row) for row in self.shelf.named(required(call, "name"))])

    def browse(self, call: Call) -> Members:
        condition = " AND isActive" if flag(call, "isActive") else ""
        return found([self._record(row) for row in self.shelf.browse(call, condition)])

    def create(self, call: Call) -> Members:
        parent = self._parent(call)
        name = self._new_name(required(call, "name"), parent)
        campaign_id = self.make(name, parent, description=self._description(call) or "")
        return self._told(campaign_id)

    def update(self, call: Call) -> Members:
        row, changes = self.shelf.existing(call), {}
        if (name := call.one("name")) is not None:
            changes["name"] = self._new_name(name, Parent(row["folderType"], row["folderId"]), row["id"])
        if (description := self._description(call)) is not None:
            changes["description"] = description
        self.shelf.change(row["id"], **changes)
        return self._told(row["id"])

    def clone(self, call: Call) -> Members:
        row, parent = self.shelf.existing(call), self._parent(call)
        name = self._new_name(required(call, "name"), parent)
        kept = {part: row[part] for part in ("requestable", "qualification", "rules", "flow")}
        extra = {**_NEW, **kept, "type": row["type"]}
        clone_id = self.shelf.put(name, parent, self._description(call) or "", **extra)
        self.adopt(clone_id)
        return self._told(clone_id)

    def delete(self, call: Call) -> Members:
        row = self.shelf.existing(call)
        if row["isActive"]:
            raise Refused(709, "An active smart campaign cannot be deleted")
        self.shelf.remove(row["id"])
        for sql in (
            "DELETE FROM smart_lists WHERE campaignId = ?",
            "DELETE FROM campaign_members WHERE campaign_id = ?",
            "DELETE FROM campaign_runs WHERE campaign_id = ?",
        ):
            self._store.connection.execute(sql, (row["id"],))
        return found([{"id": row["id"]}])

    def activate(self, call: Call) -> Members:
        row = self.shelf.existing(call)
        if row["type"] != TRIGGER or row["isActive"] or not orjson.loads(row["flow"]):
            raise Refused(709, "A campaign is activated when it is inactive and has a trigger and a flow step")
        self.shelf.change(row["id"], isActive=1)
        return found([{"id": row["id"]}])

    def deactivate(self, call: Call) -> Members:
        row = self.shelf.existing(call)
        if not row["isActive"]:
            raise Refused(709, "The campaign is not active")
        self.shelf.change(row["id"], isActive=0)
        return found([{"id": row["id"]}])

    def _parent(self, call: Call) -> Parent:
        parent = parent_of(call)
        if parent is None:
            raise Refused(701, "folder cannot be blank")
        self._folders.row(parent)
        return parent

    def _new_name(self, name: str, parent: Parent, own_id: int = 0) -> str:
        """Names of campaigns are unique in their folder."""
        same = self.shelf.where("name = ? AND folderId = ? AND folderType = ?", (name, parent.id, parent.type))
        if any(row["id"] != own_id for row in same):
            raise Refused(709, f"Smart campaign name '{name}' already exists in the folder")
        return name

    @staticmethod
    def _description(call: Call) -> str | None:
        text = call.one("description")
        if text is not None and len(text) > _LONGEST_DESCRIPTION:
            raise Refused(709, f"description cannot exceed {_LONGEST_DESCRIPTION} characters")
        return text

    def _told(self, campaign_id: int) -> Members:
        row = self.shelf.get(campaign_id)
        assert row is not None
        return found([self._record(row)])

    def _record(self, row: Row) -> Members:
        program_id = self.program_id(row)
        program = {} if program_id is None else {"parentProgramId": program_id}
        smart_list = self._store.one("SELECT id FROM smart_lists WHERE campaignId = ?", (row["id"],))
        states = {BATCH: ("Never Run", "Single Run")[row["hasRun"]], TRIGGER: ("Inactive", "Active")[row["isActive"]]}
        return {
            "id": row["id"],
            "name": row["name"],
            "description": row["description"] or "",
            "createdAt": asset_time(row["createdAt"]),
            "updatedAt": asset_time(row["updatedAt"]),
            "folder": {"id": row["folderId"], "type": row["folderType"]},
            "status": states[row["type"]],
            "type": row["type"],
            "isSystem": False,
            "isActive": bool(row["isActive"]),
            "isRequestable": bool(row["requestable"] and row["isActive"]),
            "isCommunicationLimitEnabled": False,
            "recurrence": {"weekdayOnly": False},
            "qualificationRuleType": row["qualification"],
            "workspace": WORKSPACE,
            "smartListId": smart_list[0] if smart_list else None,
            "flowId": row["id"],
            **program,
            "computedUrl": f"{APP_URL}SC{row['id']}A1",
        }
