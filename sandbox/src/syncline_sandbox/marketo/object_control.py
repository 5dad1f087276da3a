"""Control routes of the objects that are no leads: fields of their own, the native CRM sync, rows the CRM wrote.

Not here: people and the rest (`control_routes.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRefused, ControlRoute, required_object
from syncline_sandbox.core.wire import Request
from syncline_sandbox.marketo.call import Call
from syncline_sandbox.marketo.crm_objects import native
from syncline_sandbox.marketo.crm_objects.room import EXTENSIBLE
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.fields import CREATABLE_TYPES, Field

if TYPE_CHECKING:
    from syncline_sandbox.marketo.instance import MarketoInstance


class ObjectControl:
    """The routes of one instance."""

    def __init__(self, instance: MarketoInstance) -> None:
        self._instance = instance

    def routes(self) -> Mapping[str, ControlRoute]:
        return {
            "POST objects": self._write,
            "POST objects/fields": self._add_field,
            "POST custom_objects": self._make_type,
            "GET native": self._native,
            "POST native": self._connect,
        }

    def counters(self) -> dict[str, int]:
        """Rows by path, of the standard kinds and of custom objects."""
        store, rooms = self._instance.store, self._instance.rooms
        tables = {path: room.kind.table for path, room in rooms.crm.rooms.items()}
        tables |= {room.kind.name: room.kind.table for room in rooms.custom_objects.all()}
        return {path: store.one(f'SELECT count(*) FROM "{table}"')[0] for path, table in tables.items()}

    def _write(self, body: Any) -> list[dict[str, Any]]:
        """Write records as the CRM, an administrator or a flow would: uncharged, whatever is closed to the API."""
        wanted = required_object(body)
        name, action = str(wanted.get("object")), str(wanted.get("action", "createOrUpdate"))
        rooms = self._instance.rooms
        call = Call(Request(method="POST", path=""), "POST", "", {}, "", user=str(wanted.get("user", "")))
        try:
            room = rooms.crm.rooms.get(name) or rooms.custom_objects.named(name)
            return self._instance.changing(lambda: room.write(call, wanted.get("input", []), action, room.kind.dedupe))
        except Refused as refused:
            raise ControlRefused(f"{name}: {refused}") from refused

    def _add_field(self, body: Any) -> dict[str, Any]:
        wanted = required_object(body)
        path, name, kind = str(wanted.get("object")), str(wanted.get("name") or ""), str(wanted.get("type", "string"))
        if path not in EXTENSIBLE or not name.isidentifier() or kind not in CREATABLE_TYPES:
            raise ControlRefused(f"needs object ({', '.join(EXTENSIBLE)}), name and type ({sorted(CREATABLE_TYPES)})")
        crm = self._instance.rooms.crm
        if name.lower() in crm.rooms[path].kind.by_name:
            raise ControlRefused(f"{path} has a field {name!r}")
        length = int(wanted.get("length", 255)) if kind in ("string", "email", "phone", "url") else None
        label = str(wanted.get("label", name))
        field = Field(id=0, name=name, label=label, type=kind, length=length, custom=True)
        self._instance.changing(lambda: crm.add_field(path, field))
        return {"object": path, "name": name, "type": kind}

    def _make_type(self, body: Any) -> dict[str, Any]:
        """A live custom object type, as made on the vendor's screens; `crmManaged`: brought by a native CRM sync."""
        wanted = required_object(body)
        name, crm_managed = str(wanted.get("apiName") or ""), bool(wanted.get("crmManaged", False))
        schema = self._instance.rooms.custom_object_schema
        try:
            self._instance.changing(lambda: schema.make(name, wanted, crm_managed=crm_managed))
        except Refused as refused:
            raise ControlRefused(str(refused)) from refused
        return {"apiName": name, "state": "approved"}

    def _native(self, _body: Any) -> dict[str, str | None]:
        return {"crm": self._instance.settings.native_crm or None}

    def _connect(self, body: Any) -> dict[str, str | None]:
        """`{"crm": "sfdc"}` switches the native sync on, with the lead fields it brings; null switches it off."""
        crm = required_object(body).get("crm") or ""
        if crm and crm not in native.CONNECTORS:
            raise ControlRefused(f"unknown CRM {crm!r}; known: {list(native.CONNECTORS)}")
        store = self._instance.store
        for field in native.brought_fields(crm, store.fields) if crm else ():
            store.save_field(field, new=True)
        self._instance.settings.native_crm = crm
        return self._native(None)
