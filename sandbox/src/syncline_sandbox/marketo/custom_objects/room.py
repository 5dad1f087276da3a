"""The records of custom objects: list of types, describe, query, sync, delete.

Source: Marketo "Custom Objects"; "Error Codes" (1026 without the feature). Types a native CRM sync brings are
read-only: 1018 for each record.
"""

from __future__ import annotations

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.custom_objects.shelf import TypeShelf
from syncline_sandbox.marketo.envelope import Refused, skipped
from syncline_sandbox.marketo.objects.kind import Members, listed
from syncline_sandbox.marketo.objects.room import ObjectRoom
from syncline_sandbox.marketo.objects.rules import Rules
from syncline_sandbox.marketo.partial_failure import Refusing
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import Store


class CustomObjects:
    """Answers the record endpoints of every approved type."""

    def __init__(
        self, store: Store, shelf: TypeShelf, clock: SandboxClock, settings: Settings, refusing: Refusing
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._settings = settings
        self._refusing = refusing
        self._open: dict[str, ObjectRoom] = {}

    def refresh(self, name: str) -> None:
        """The live version of a type is another, or gone. Its table is made here and now: a query that is refused
        later would take it back with its transaction."""
        self._open.pop(name.lower(), None)
        if self._shelf.find(name) is not None:
            self.named(name)

    def types(self, call: Call) -> Members:
        self._refuse_unfeatured()
        wanted = {name.lower() for name in call.many("names")}
        live = [kept for kept in self._shelf.all() if kept.approved and (not wanted or kept.name.lower() in wanted)]
        return {"result": [{"relationships": [], **listed(self._shelf.kind(kept))} for kept in live]}

    def describe(self, call: Call) -> Members:
        answer = self.room(call).describe(call)
        return {"result": [{"relationships": [], **record} for record in answer["result"]]}

    def query(self, call: Call) -> Members:
        return self.room(call).query(call)

    def sync(self, call: Call) -> Members:
        room = self.room(call)
        return _closed(call) if room.kind.crm_managed else room.sync(call)

    def delete(self, call: Call) -> Members:
        room = self.room(call)
        return _closed(call) if room.kind.crm_managed else room.delete(call)

    def all(self) -> list[ObjectRoom]:
        """The rooms of all live types."""
        return [self.named(kept.name) for kept in self._shelf.all() if kept.approved is not None]

    def room(self, call: Call) -> ObjectRoom:
        """The room of the type the path names. Refused 1026 or 1013."""
        self._refuse_unfeatured()
        return self.named(call.captured["name"])

    def named(self, name: str) -> ObjectRoom:
        """The room of a type by its API name. Refused 1013 when there is none that is approved."""
        if (room := self._open.get(name.lower())) is None:
            kept = self._shelf.find(name)
            if kept is None or kept.approved is None:
                raise Refused(1013, "Object not found")
            kind = self._shelf.kind(kept)
            room = ObjectRoom(self._store, self._clock, self._settings, kind, self._refusing, Rules())
            self._open[name.lower()] = room
        return room

    def _refuse_unfeatured(self) -> None:
        if not self._settings.custom_objects:
            raise Refused(1026, "Custom object not enabled")


def _closed(call: Call) -> Members:
    _, records = call.inputs()
    return {"result": [{"seq": seq, **skipped(1018, "CRM Enabled")} for seq in range(len(records))]}
