"""How programs are cloned and deleted, with all that lies in them.

Source: Marketo "Programs" (Clone, Delete Program), "Clone a Program" (period costs are not copied). Static lists are
cloned empty, smart campaigns inactive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from syncline_sandbox.marketo.assets.folders import Folders
from syncline_sandbox.marketo.assets.my_tokens import MyTokens
from syncline_sandbox.marketo.assets.programs import Programs
from syncline_sandbox.marketo.assets.replies import FOLDER, PROGRAM, Members, Parent, found, parent_of, required
from syncline_sandbox.marketo.assets.shelf import Shelf
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store

_OWN = ("id", "name", "description", "createdAt", "updatedAt", "folderId", "folderType")
# What must not outlive what it belongs to.
_ORPHANS = (
    "DELETE FROM program_members WHERE program_id = ?",
    "DELETE FROM my_tokens WHERE folderType = 'Program' AND folderId = ?",
    "DELETE FROM list_members WHERE ? AND list_id NOT IN (SELECT id FROM lists)",
    "DELETE FROM smart_lists WHERE ? AND campaignId NOT IN (SELECT id FROM smart_campaigns)",
    "DELETE FROM campaign_members WHERE ? AND campaign_id NOT IN (SELECT id FROM smart_campaigns)",
    "DELETE FROM campaign_runs WHERE ? AND campaign_id NOT IN (SELECT id FROM smart_campaigns)",
)


class ProgramLife:
    """Clone and delete. `inside` are the kinds of assets that lie in programs, by how folders call them; `adopt` gives
    a cloned smart campaign what belongs to it."""

    def __init__(
        self,
        store: Store,
        programs: Programs,
        folders: Folders,
        my_tokens: MyTokens,
        inside: dict[str, Shelf],
        adopt: Callable[[int], None],
    ) -> None:
        self._store = store
        self._programs = programs
        self._folders = folders
        self._my_tokens = my_tokens
        self._inside = inside
        self._adopt = adopt

    def clone(self, call: Call) -> Members:
        row, name, parent = self._programs.shelf.existing(call), required(call, "name"), parent_of(call)
        if parent is None:
            raise Refused(701, "folder cannot be blank")
        if parent.type != FOLDER:
            raise Refused(711, "A program is cloned into a folder")
        program_id, _ = self.copy(row, name, parent, call.one("description") or "")
        clone = self._programs.get(program_id)
        assert clone is not None
        return found([self._programs.record(clone, tags=True, costs=True)])

    def copy(self, row: Row, name: str, parent: Parent, description: str = "") -> tuple[int, dict[int, int]]:
        """A clone of a program: its id, and the clones of its smart campaigns by their originals' ids.

        Refused 611 when the name is taken: so the vendor answers.
        """
        if self._programs.shelf.named(name):
            raise Refused(611, "System error")
        program_id = self._programs.make(
            name, row["type"], row["channel"], parent, description=description, tags=orjson.loads(row["tags"])
        )
        source, target = Parent(PROGRAM, row["id"]), Parent(PROGRAM, program_id)
        campaigns: dict[int, int] = {}
        self._copy_inside(source, target, name, campaigns)
        return program_id, campaigns

    def _copy_inside(self, source: Parent, target: Parent, program: str, campaigns: dict[int, int]) -> None:
        self._my_tokens.copy(source, target)
        for kind, asset_id in self._folders.contents(source):
            if kind not in self._inside:
                continue
            shelf = self._inside[kind]
            original = shelf.get(asset_id)
            assert original is not None
            extra = {name: value for name, value in original.items() if name not in _OWN}
            extra |= {"programName": program} if "programName" in extra else {}
            extra |= {"isActive": 0} if "isActive" in extra else {}
            copy_id = shelf.put(original["name"], target, original["description"], **extra)
            if kind == "Smart Campaign":
                self._adopt(copy_id)
                campaigns[asset_id] = copy_id
            if kind == FOLDER:
                self._copy_inside(Parent(FOLDER, asset_id), Parent(FOLDER, copy_id), program, campaigns)

    def delete(self, call: Call) -> Members:
        row = self._programs.shelf.existing(call)
        place = Parent(PROGRAM, row["id"])
        inside = self._all_inside(place)
        if any(asset.type == PROGRAM for asset in inside):
            raise Refused(709, "Program contains other programs")
        active = "SELECT 1 FROM smart_campaigns WHERE id = ? AND isActive"
        if any(asset.type == "Smart Campaign" and self._store.one(active, (asset.id,)) for asset in inside):
            raise Refused(709, "Program contains an active smart campaign")
        for asset in inside:
            self._inside[asset.type].remove(asset.id)
        self._programs.shelf.remove(row["id"])
        for sql in _ORPHANS:
            self._store.connection.execute(sql, (row["id"],))
        return found([{"id": row["id"]}])

    def _all_inside(self, place: Parent) -> Sequence[Parent]:
        direct = self._folders.contents(place)
        return [*direct, *(deep for asset in direct if asset.type == FOLDER for deep in self._all_inside(asset))]
