"""What every kind of export offers, and the filters by lists that leads and custom objects share.

Source: Marketo "Bulk Lead Extract", "Bulk Custom Object Extract" (staticListId, staticListName, smartListId,
smartListName; the latter two are not provisioned in every subscription, 1035).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from syncline_sandbox.marketo.bulk.files import Row
from syncline_sandbox.marketo.bulk.request import Members, bad_filter, unsupported_filter
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store
from syncline_sandbox.marketo.values import is_plain

STATIC, SMART = ("staticListId", "staticListName"), ("smartListId", "smartListName")
# SQL over leads with its parameters, for a smart list by id or name; None when there is none.
SmartCondition = Callable[[str, Any], "tuple[str, list[Any]] | None"]


class ExportSource(Protocol):
    """One kind of export. *name* is what the path says beyond the kind, such as a custom object's API name."""

    def checked(self, name: str, document: Members) -> Members:
        """The job a create body asks for, ready to be stored, with `fields`. Refused 1003, 1013 or 1035."""
        ...

    def rows(self, name: str, request: Members) -> Iterator[Row]:
        """The rows as readers see the data now; blank is the word null."""
        ...


class ListFilters:
    """People of a static or a smart list, as SQL."""

    def __init__(self, store: Store, settings: Settings, smart: SmartCondition) -> None:
        self._store = store
        self._settings = settings
        self._smart = smart

    def checked(self, name: str, value: Any) -> Members:
        """The filter ready to be stored. Refused 1035 when not provisioned, 1003 for a list that is not there."""
        if name in SMART and not self._settings.export_by_smart_list:
            raise unsupported_filter(name)
        column = "id" if name.endswith("Id") else "name"
        if name in STATIC:
            row = self._store.one(f"SELECT id FROM lists WHERE {column} = ?", (value if is_plain(value) else None,))
            if row is None:
                raise bad_filter()
            return {"filter": name, "list": row[0]}
        if not is_plain(value) or self._smart(column, value) is None:
            raise bad_filter()
        return {"filter": name, "smart": [column, value]}

    def condition(self, request: Members) -> tuple[str, list[Any]]:
        """SQL over ids of leads that stands after "id IN"; a smart list that is gone holds nobody."""
        if request["filter"] in STATIC:
            return "(SELECT lead_id FROM list_members WHERE list_id = ?)", [request["list"]]
        where, parameters = self._smart(*request["smart"]) or ("0", [])
        return f"(SELECT id FROM leads WHERE {where})", parameters
