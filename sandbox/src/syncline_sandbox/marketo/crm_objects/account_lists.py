"""Named account lists: query, create, rename, delete, and which accounts are in them.

Source: Marketo "Named Account Lists": the default action is createOnly, the only field is the name; a removed member is
said to be "added" in the vendor's sample, which is not copied: the status is "removed".
"""

from __future__ import annotations

from typing import Any

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.objects.kind import GUID, Kind, Members, fields_of
from syncline_sandbox.marketo.objects.query import shown, wanted
from syncline_sandbox.marketo.objects.room import ObjectRoom
from syncline_sandbox.marketo.objects.rules import Rules
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Row, Store
from syncline_sandbox.marketo.tokens import cursor, read_cursor

LIST = Kind(
    name="Named Account List",
    label="Named Account List",
    table="account_lists",
    id_field=GUID,
    dedupe=("name",),
    fields=fields_of("name string 255 - Name"),
    needs_update_only=True,
)
_MEMBERS = """
CREATE TABLE IF NOT EXISTS account_list_members (
    list INTEGER NOT NULL, account INTEGER NOT NULL, PRIMARY KEY (list, account)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS members_go_with_the_account AFTER DELETE ON named_accounts
BEGIN DELETE FROM account_list_members WHERE account = OLD.id; END;
CREATE TRIGGER IF NOT EXISTS members_go_with_the_list AFTER DELETE ON account_lists
BEGIN DELETE FROM account_list_members WHERE list = OLD.id; END;
"""


class AccountLists:
    """Answers the endpoints of named account lists. *accounts*: the room of the named accounts."""

    def __init__(
        self, store: Store, clock: SandboxClock, settings: Settings, refusing: Refusing, accounts: ObjectRoom
    ) -> None:
        self._store = store
        self._lists = ObjectRoom(store, clock, settings, LIST, refusing, Rules())
        self._accounts = accounts
        store.connection.executescript(_MEMBERS)

    def query(self, call: Call) -> Members:
        answer = self._lists.query(call)
        told = {"type": "default", "updateable": True}
        return {**answer, "result": [{**record, **told} for record in answer["result"]]}

    def sync(self, call: Call) -> Members:
        document, records = call.inputs()
        action, by = document.get("action") or "createOnly", document.get("dedupeBy") or "dedupeFields"
        if action not in ("createOnly", "updateOnly"):
            raise Refused(1003, f"Invalid action '{action}'")
        if by not in ("dedupeFields", "idField") or (by == "idField" and action == "createOnly"):
            raise Refused(1003, f"Invalid dedupeBy '{by}' value")
        return {"result": self._lists.write(call, records, action, (GUID,) if by == "idField" else ("name",))}

    def delete(self, call: Call) -> Members:
        return self._lists.delete(call)

    def members(self, call: Call) -> Members:
        row, size = self._list(call), call.batch_size()
        names = wanted(self._accounts.kind, call)
        asked = f"members of {row['id']}|{names}"
        after = read_cursor(token, asked) if (token := call.one("nextPageToken")) else 0
        within = "id IN (SELECT account FROM account_list_members WHERE list = ?) AND id > ?"
        found = self._accounts.rows.select(tuple(dict.fromkeys(("id", *names))), within, (row["id"], after), size + 1)
        more = {"nextPageToken": cursor(asked, found[size - 1]["id"])} if len(found) > size else {}
        page = [
            {"seq": seq, **shown(self._accounts.kind, account, names, blanks=True)}
            for seq, account in enumerate(found[:size])
        ]
        return {"result": page, **more, "moreResult": bool(more)}

    def add(self, call: Call) -> Members:
        return self._each(call, "INSERT OR IGNORE INTO account_list_members VALUES (?, ?)", "added")

    def remove(self, call: Call) -> Members:
        return self._each(call, "DELETE FROM account_list_members WHERE list = ? AND account = ?", "removed")

    def _each(self, call: Call, sql: str, status: str) -> Members:
        row = self._list(call)
        _, records = call.inputs()

        def change(guid: Any) -> Members:
            account = self._accounts.rows.find((GUID,), (str(guid),))
            if account is None:
                return skipped(1013, "Record not found")
            self._store.connection.execute(sql, (row["id"], account["id"]))
            return {GUID: guid, "status": status}

        guids = [record.get(GUID) if isinstance(record, dict) else None for record in records]
        return {"result": [{"seq": seq, **change(guid)} for seq, guid in enumerate(guids)]}

    def _list(self, call: Call) -> Row:
        row = self._lists.rows.find((GUID,), (call.captured["id"],))
        if row is None:
            raise Refused(1013, "Object not found")
        return row
