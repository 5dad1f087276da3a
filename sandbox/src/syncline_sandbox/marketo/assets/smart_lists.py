"""Smart lists as assets, and who they select: the qualification of batch campaigns and of control calls.

Source: Marketo "Smart Lists" (query, rules, clone, delete). No endpoint makes one: the control endpoint does. A rule is
imitated as a filter on one field (is, is not, contains, is empty, is not empty), on membership of a static list or of
a program; the vendor has hundreds.
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
from syncline_sandbox.marketo.call import Call, to_number
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.store import Row, Store, lead_expression, marks

TABLES = f"CREATE TABLE IF NOT EXISTS smart_lists ({SHARED}, rules TEXT NOT NULL, campaignId INTEGER);"
COLUMNS = ("rules", "campaignId")
_OPERATORS = {
    "is": "{field} IN {marks}",
    "is not": "({field} IS NULL OR {field} NOT IN {marks})",
    "contains": "instr(lower({field}), lower(?)) > 0",
    "is empty": "{field} IS NULL",
    "is not empty": "{field} IS NOT NULL",
}
_MEMBERSHIPS = {
    "list": "id IN (SELECT lead_id FROM list_members m JOIN lists l ON l.id = m.list_id WHERE l.name = ?)",
    "program": "id IN (SELECT lead_id FROM program_members m JOIN programs p ON p.id = m.program_id WHERE p.name = ?)",
}


class SmartLists:
    """Answers the smart list endpoints; campaigns ask here whom they take."""

    def __init__(self, store: Store, clock: SandboxClock, folders: Folders) -> None:
        self._store = store
        self._folders = folders
        self.shelf = Shelf(store, clock, "smart_lists", "Smart list", COLUMNS)

    def make(self, name: str, parent: Parent, filters: list[Mapping[str, Any]], *, match_any: bool = False) -> int:
        """A new smart list; its id. KeyError or ValueError for a filter that makes no sense."""
        rules = {"any": match_any, "filters": [dict(one) for one in filters]}
        self._condition(rules)
        return self.shelf.put(name, parent, rules=orjson.dumps(rules).decode())

    def people(self, rules: Mapping[str, Any]) -> list[int]:
        """The ids of the people the rules select now; nobody without a filter."""
        if not rules.get("filters"):
            return []
        condition, parameters = self._condition(rules)
        return [
            number for (number,) in self._store.all(f"SELECT id FROM leads WHERE {condition} ORDER BY id", parameters)
        ]

    def check(self, rules: Mapping[str, Any]) -> None:
        """KeyError or ValueError for rules that make no sense."""
        self._condition(rules)

    def _condition(self, rules: Mapping[str, Any]) -> tuple[str, list[Any]]:
        parts, parameters = [], []
        for one in rules.get("filters", []):
            if (kind := next((kind for kind in _MEMBERSHIPS if kind in one), None)) is not None:
                parts.append(_MEMBERSHIPS[kind])
                parameters.append(str(one[kind]))
                continue
            operator, values = one.get("operator", "is"), [*one.get("values", [])]
            if operator not in _OPERATORS or (operator == "contains" and len(values) != 1):
                raise ValueError(f"a filter needs one of the operators {sorted(_OPERATORS)}; contains takes one value")
            field = lead_expression(self._store.fields[str(one["field"])].name)
            parts.append(_OPERATORS[operator].format(field=field, marks=marks(values)))
            parameters += [] if operator.endswith("empty") else values
        return (" OR " if rules.get("any") else " AND ").join(parts) or "1", parameters

    # -- endpoints --------------------------------------------------------------------------------------------------

    def by_id(self, call: Call) -> Members:
        row = self.shelf.of_call(call)
        return found([] if row is None else [self._record(row, flag(call, "includeRules"))])

    def by_name(self, call: Call) -> Members:
        return found([self._record(row) for row in self.shelf.named(required(call, "name"))])

    def browse(self, call: Call) -> Members:
        return found([self._record(row) for row in self.shelf.browse(call, " AND campaignId IS NULL")])

    def of_campaign(self, call: Call) -> Members:
        rows = self.shelf.where("campaignId = ?", (to_number(call.captured["id"]),))
        return found([self._record(row, flag(call, "includeRules")) for row in rows])

    def of_program(self, call: Call) -> Members:
        """The smart list of an email program: the one that lies in it."""
        place = (to_number(call.captured["id"]), PROGRAM)
        rows = self.shelf.where("folderId = ? AND folderType = ? AND campaignId IS NULL ORDER BY id LIMIT 1", place)
        return found([self._record(row, flag(call, "includeRules")) for row in rows])

    def clone(self, call: Call) -> Members:
        row, parent = self.shelf.existing(call), parent_of(call)
        if parent is None:
            raise Refused(701, "folder cannot be blank")
        self._folders.row(parent)
        name = self.shelf.new_name(required(call, "name"))
        copy = self.shelf.get(self.shelf.put(name, parent, call.one("description"), rules=row["rules"]))
        assert copy is not None
        return found([self._record(copy)])

    def delete(self, call: Call) -> Members:
        row = self.shelf.existing(call)
        self.shelf.remove(row["id"])
        return found([{"id": row["id"]}])

    @staticmethod
    def _record(row: Row, with_rules: bool = False) -> Members:
        rules = {"rules": _shown(orjson.loads(row["rules"]))} if with_rules else {}
        description = {} if row["description"] is None else {"description": row["description"]}
        return {
            "id": row["id"],
            "name": row["name"],
            **description,
            "createdAt": asset_time(row["createdAt"]),
            "updatedAt": asset_time(row["updatedAt"]),
            "url": f"{APP_URL}SL{row['id']}A1",
            "folder": {"id": row["folderId"], "type": row["folderType"]},
            "workspace": WORKSPACE,
            **rules,
        }


def _shown(rules: Mapping[str, Any]) -> Members:
    filters = [
        {
            "id": number,
            "name": one.get("field") or ("Member of List" if "list" in one else "Member of Program"),
            "ruleType": "Attribute" if "field" in one else "Membership",
            "operator": one.get("operator", "is"),
            "conditions": [
                {"values": [*one.get("values", [one.get("list") or one.get("program")])], "isPrimary": True}
            ],
        }
        for number, one in enumerate(rules.get("filters", []), 1)
    ]
    return {"filterMatchType": "any" if rules.get("any") else "all", "triggers": [], "filters": filters}
