"""The Marketo part of the control endpoint: seed, people changed by someone else, users, fields, settings, tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.control import ControlRefused, ControlRoute, required_object
from syncline_sandbox.marketo.activity_log import Cause
from syncline_sandbox.marketo.activity_types import ACTIVITY_TYPES, TOLD_TYPES
from syncline_sandbox.marketo.envelope import Refused
from syncline_sandbox.marketo.fields import CREATABLE_TYPES
from syncline_sandbox.marketo.identity import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_USER,
    PERMISSIONS,
    Service,
    networks,
    permissions,
)
from syncline_sandbox.marketo.marketing_control import MarketingControl
from syncline_sandbox.marketo.object_control import ObjectControl
from syncline_sandbox.marketo.record import WriteOrder
from syncline_sandbox.marketo.settings import Settings
from syncline_sandbox.marketo.store import marks
from syncline_sandbox.marketo.values import normaliser

if TYPE_CHECKING:
    from syncline_sandbox.marketo.instance import MarketoInstance


class MarketoControl:
    """Control routes of one instance; the README documents each with an example."""

    def __init__(self, instance: MarketoInstance) -> None:
        self._instance = instance
        self._objects = ObjectControl(instance)
        self._marketing = MarketingControl(instance)

    def routes(self) -> Mapping[str, ControlRoute]:
        return {
            "GET credentials": self._credentials,
            "POST seed": self._seed,
            "POST people": self._write_people,
            "DELETE people": self._delete_people,
            "POST people/read": self._read_people,
            "POST people/merge": self._merge_people,
            "POST activities": self._tell,
            "GET users": lambda _body: [_service(service) for service in self._instance.identity.services.values()],
            "POST users": self._put_user,
            "POST fields": self._change_field,
            "GET settings": lambda _body: asdict(self._instance.settings),
            "POST settings": self._change_settings,
            **self._objects.routes(),
            **self._marketing.routes(),
            "POST tokens/expire": lambda _body: self._instance.identity.expire_all(),
        }

    def counters(self) -> dict[str, Any]:
        limits, store = self._instance.limits, self._instance.store
        return {
            "calls_today": limits.calls_today(),
            "calls": {f"{day} {user}": count for (day, user), count in limits.calls.items()},
            "errors": {f"{day} {code}": count for (day, code), count in limits.errors.items()},
            "exported_bytes": self._instance.rooms.bulk.exports.bytes_by_day(),
            "people": store.one("SELECT count(*) FROM leads")[0],
            "activities": store.one("SELECT count(*) FROM activities")[0],
            "objects": self._objects.counters(),
        }

    @staticmethod
    def _credentials(_body: Any) -> dict[str, str]:
        return {"client_id": DEFAULT_CLIENT_ID, "client_secret": DEFAULT_CLIENT_SECRET, "user": DEFAULT_USER}

    def _seed(self, body: Any) -> dict[str, int]:
        wanted = required_object(body)
        activities = bool(wanted.get("activities", True))
        try:
            return {"people": self._instance.seed(wanted.get("people", []), activities=activities)}
        except ValueError as wrong:
            raise ControlRefused(str(wrong)) from wrong

    def _order(self, wanted: Mapping[str, Any]) -> WriteOrder:
        cause = Cause(
            source=str(wanted.get("source", "Marketo Flow Action")),
            reason=str(wanted.get("reason", "")),
            user=str(wanted.get("user", "marketer@example.com")),
        )
        try:
            lookup = self._instance.store.fields.lookup(str(wanted.get("lookupField", "email")))
        except Refused as unknown:
            raise ControlRefused(str(unknown)) from unknown
        action = str(wanted.get("action", "createOrUpdate"))
        return WriteOrder(cause=cause, lookup=lookup, action=action, writes_company=True)

    def _write_people(self, body: Any) -> list[dict[str, Any]]:
        wanted = required_object(body)
        order = self._order(wanted)
        return self._instance.changing(lambda: self._instance.writer.write(wanted.get("input", []), order))

    def _delete_people(self, body: Any) -> list[dict[str, Any]]:
        wanted = required_object(body)
        ids = [record["id"] for record in wanted.get("input", [])]
        order = self._order({**wanted, "lookupField": "id"})
        return self._instance.changing(lambda: self._instance.writer.delete(ids, order))

    def _merge_people(self, body: Any) -> dict[str, Any]:
        wanted = required_object(body)
        order = self._order({"source": "Marketo UI", **wanted, "lookupField": "id"})
        try:
            winner, losers = int(wanted["id"]), [int(loser) for loser in wanted["leadIds"]]
            self._instance.changing(lambda: self._instance.writer.merge(winner, losers, order))
        except (KeyError, ValueError, TypeError) as wrong:
            raise ControlRefused(f"needs id and leadIds: {wrong}") from wrong
        except Refused as refused:
            raise ControlRefused(f"{refused.code} {refused.message}") from refused
        return {"id": wanted["id"], "status": "merged"}

    def _tell(self, body: Any) -> dict[str, Any]:
        """An activity of a CRM connector, a visitor, a mail …, by number or name."""
        wanted = required_object(body)
        by_name = {kind.name: number for number, kind in ACTIVITY_TYPES.items()}
        number = by_name.get(wanted.get("type", ""), wanted.get("type"))
        if number not in TOLD_TYPES:
            known = sorted(ACTIVITY_TYPES[native].name for native in TOLD_TYPES)
            raise ControlRefused(f"type {wanted.get('type')!r} is told by what does it, or unknown; known: {known}")
        lead_id, attributes = int(wanted.get("leadId", 0)), wanted.get("attributes", {})
        if self._instance.store.one("SELECT 1 FROM leads WHERE id = ?", (lead_id,)) is None:
            raise ControlRefused(f"no lead {lead_id}")
        if unknown := set(attributes) - set(ACTIVITY_TYPES[number].attribute_types()):
            raise ControlRefused(f"unknown attributes {sorted(unknown)}")
        primary = int(wanted.get("primaryId", lead_id)), wanted.get("primary")

        def tell() -> None:
            log = self._instance.log
            log.told(lead_id, number, self._instance.writer.stamp(Cause(source="")), *primary, attributes)
            log.flush()

        self._instance.changing(tell)
        return {"leadId": lead_id, "activityTypeId": number}

    def _read_people(self, body: Any) -> list[dict[str, Any]]:
        """What is stored, hidden or not: for tests that must see the truth."""
        wanted = required_object(body)
        store = self._instance.store
        names = {field.name for field in store.fields.all()}
        columns = ["id", *(name for name in wanted.get("fields", ["email"]) if name != "id")]
        by, values = wanted.get("field", "id"), wanted.get("values", [])
        if unknown := {by, *columns} - names:
            raise ControlRefused(f"unknown fields {sorted(unknown)}")
        return store.leads_where(columns, f'"{by}" IN {marks(values)} ORDER BY id', values)

    def _put_user(self, body: Any) -> dict[str, Any]:
        wanted = required_object(body)
        try:
            service = Service(
                str(wanted["client_id"]),
                str(wanted["client_secret"]),
                str(wanted["user"]),
                permissions(wanted.get("permissions", PERMISSIONS)),
            )
        except KeyError as missing:
            raise ControlRefused(f"missing {missing}") from missing
        except ValueError as unknown:
            raise ControlRefused(str(unknown)) from unknown
        self._instance.identity.put(service)
        return _service(service)

    def _change_field(self, body: Any) -> dict[str, Any]:
        """A custom field, where `type` is given; hidden, read_only (booleans); normaliser (a name, or null to remove)
        with its `values` for `map`."""
        wanted = required_object(body)
        catalog, writer = self._instance.store.fields, self._instance.writer
        name = str(wanted.get("name"))
        if "type" in wanted:
            self._add_field(name, str(wanted["type"]), str(wanted.get("label", name)))
        elif name not in {field.name for field in catalog.all()}:
            raise ControlRefused(f"no field {name!r}; with a type it is made")
        try:
            field = catalog[name]
            if "hidden" in wanted:
                field = catalog.change(name, hidden=bool(wanted["hidden"]))
            if "read_only" in wanted:
                field = catalog.change(name, writable=not wanted["read_only"], read_only=bool(wanted["read_only"]))
            if wanted.get("normaliser"):
                writer.normalisers[name] = normaliser(str(wanted["normaliser"]), wanted.get("values"))
        except KeyError as unknown:
            raise ControlRefused(f"no normaliser {unknown}") from unknown
        if "normaliser" in wanted and wanted["normaliser"] is None:
            writer.normalisers.pop(name, None)
        return asdict(field)

    def _add_field(self, name: str, kind: str, label: str) -> None:
        if kind not in CREATABLE_TYPES:
            raise ControlRefused(f"no type {kind}; there are {', '.join(sorted(CREATABLE_TYPES))}")
        store = self._instance.store
        try:
            field = store.fields.new_custom({"name": name, "displayName": label, "dataType": kind})
        except Refused as refused:
            raise ControlRefused(f"{name}: {refused.code} {refused.message}") from refused
        self._instance.changing(lambda: store.save_field(field, new=True))

    def _change_settings(self, body: Any) -> dict[str, Any]:
        wanted = required_object(body)
        types = {field.name: type(getattr(self._instance.settings, field.name)) for field in fields(Settings)}
        if unknown := set(wanted) - set(types):
            raise ControlRefused(f"unknown settings {sorted(unknown)}; known: {sorted(types)}")
        try:
            values = {name: types[name](value) for name, value in wanted.items()}
            networks(str(values.get("allowed_addresses", "")))
        except (TypeError, ValueError) as wrong:
            raise ControlRefused(str(wrong)) from wrong
        for name, value in values.items():
            setattr(self._instance.settings, name, value)
        return asdict(self._instance.settings)


def _service(service: Service) -> dict[str, Any]:
    return {
        "client_id": service.client_id,
        "client_secret": service.secret,
        "user": service.user,
        "permissions": sorted(service.permissions),
    }
