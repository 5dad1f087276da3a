"""Change events into `records.Event`: canonical cells by field, who did it, and what has to be read. No requests.

Facts: Salesforce, Change Data Capture Developer Guide, "Change Event Fields" and "Change Event Message Structure" (a
create carries every field that is not null, an update those that changed; formulas, IsDeleted and SystemModstamp are in
none; large texts may come as a difference; one event may stand for several records), "Gap Events", "Overflow Events";
Object Reference, "Address Compound Fields".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncline.connectors.salesforce.cells import full_id
from syncline.connectors.salesforce.client import CLIENT_NAME
from syncline.connectors.salesforce.fates import CONVERSIONS
from syncline.connectors.salesforce.stream.bitmaps import named
from syncline.connectors.salesforce.stream.decoding import HEADER, EventSchema, Unreadable
from syncline.records import Event, EventKind
from syncline.schema import ObjectSchema
from syncline.values import EMPTY, FieldType, form_of, instant

_KINDS = {
    "CREATE": EventKind.CREATE,
    "UPDATE": EventKind.UPDATE,
    "DELETE": EventKind.DELETE,
    "UNDELETE": EventKind.UNDELETE,
    "GAP_CREATE": EventKind.GAP,
    "GAP_UPDATE": EventKind.GAP,
    "GAP_DELETE": EventKind.GAP,
    "GAP_UNDELETE": EventKind.GAP,
    "GAP_OVERFLOW": EventKind.OVERFLOW,
}
_CARRIES_VALUES = frozenset({EventKind.CREATE, EventKind.UPDATE})
_SECOND_US = 1_000_000
_CHANGED, _NULLED, _DIFFERING = "changedFields", "nulledFields", "diffFields"


class Translator:
    """Translates the events of one object type. *fields* are those asked for, *own* who we are."""

    def __init__(self, schema: ObjectSchema, fields: Sequence[str], own: str | None) -> None:
        self.object_type = schema.name
        self._schema = schema
        self._fields = [name for name in fields if name in schema.fields]
        self._own = own

    def event(self, shape: EventSchema, payload: bytes, position: str, came_us: int) -> Event:
        """The event of a payload that came at *came_us*. What cannot be translated is an event that says so."""
        try:
            values = shape.values(payload)
        except Unreadable as broken:
            return self._unreadable(str(broken), broken.header, position, came_us)
        header = values[HEADER]
        try:
            return self._translated(shape, values, header, position)
        except (ValueError, KeyError, TypeError, OverflowError, OSError) as broken:
            return self._unreadable(f"{type(broken).__name__}: {broken}", header, position, came_us)

    def unknown(self, reason: str, position: str, came_us: int) -> Event:
        """The event of a payload whose schema is not to be had."""
        return self._unreadable(reason, None, position, came_us)

    def _unreadable(self, reason: str, header: Mapping[str, Any] | None, position: str, came_us: int) -> Event:
        return Event(
            object_type=self.object_type,
            kind=EventKind.UNREADABLE,
            position=position,
            committed_us=came_us,
            record_ids=_ids(header) if header else (),
            reason=reason[:500],
        )

    def _translated(
        self, shape: EventSchema, values: Mapping[str, Any], header: Mapping[str, Any], position: str
    ) -> Event:
        kind = _KINDS.get(header["changeType"])
        if kind is None:
            raise ValueError(f"an event of the kind {header['changeType']!r}")
        ids = _ids(header)
        if any("*" in one for one in ids):
            kind, ids = EventKind.OVERFLOW, ()  # "001*": a change of the field itself, for records that are not named
        cells, needs_reading = self._cells(shape, values, header, kind, ids)
        origin = header["changeOrigin"] or ""
        return Event(
            object_type=self.object_type,
            kind=kind,
            position=position,
            committed_us=int(header["commitTimestamp"]) * 1_000,
            record_ids=() if kind is EventKind.OVERFLOW else ids,
            cells=cells,
            sequence=int(header["sequenceNumber"]),
            stamp_us=_stamp(values.get("LastModifiedDate")),
            created_us=_stamp(values.get("CreatedDate")),
            actor=full_id(header["commitUser"]) if header["commitUser"] else None,
            transaction=header["transactionKey"] or None,
            is_ours=self._own is not None
            and full_id(header["commitUser"]) == self._own
            and origin.endswith(f";client={CLIENT_NAME}"),
            is_person=False if origin else None,  # an empty origin: somebody in the browser, or an automation
            needs_reading=needs_reading,
        )

    def _cells(
        self,
        shape: EventSchema,
        values: Mapping[str, Any],
        header: Mapping[str, Any],
        kind: EventKind,
        ids: Sequence[str],
    ) -> tuple[dict[str, str], bool]:
        """The changed cells among the fields asked for, and whether there is more to it than they say."""
        if kind not in _CARRIES_VALUES:
            return {}, False
        carried = {field_of(name): name for one in shape.fields for name in (one if len(one) == 1 else one[1:])}
        wholes = {one[0] for one in shape.fields if len(one) > 1}
        changed = {one for names in shape.fields for one in names}
        if kind is EventKind.UPDATE:
            changed = named([*header[_CHANGED], *header[_NULLED]], shape.fields)
        differing = named(header[_DIFFERING], shape.fields)
        cells: dict[str, str] = {}
        needs_reading = self._was_converted(changed, values)
        for name in self._fields:
            source = carried.get(name)
            if source is None or name in wholes:
                needs_reading = needs_reading or self._follows(name, changed, wholes, kind)
            elif source in differing:
                needs_reading = True
            elif source in changed:
                cells[name] = _cell(self._schema.fields[name].type, _value(values, source))
        return cells, needs_reading

    def _follows(self, name: str, changed: set[str], wholes: set[str], kind: EventKind) -> bool:
        """Whether a field that no event carries has a new value by this one: of a new record every field, of a parent
        that was exchanged each of its own, a compound with its parts. New results of formulas are polling's."""
        if kind is EventKind.CREATE:
            return True
        relation, dot, _ = name.partition(".")
        if dot:
            reference = f"{relation.removesuffix('__r')}__c" if relation.endswith("__r") else f"{relation}Id"
            return reference in changed
        return name in wholes and name in changed

    def _was_converted(self, changed: set[str], values: Mapping[str, Any]) -> bool:
        conversion = CONVERSIONS.get(self.object_type)
        return conversion is not None and conversion.flag in changed and bool(values.get(conversion.flag))


def field_of(name: str) -> str:
    """The field that holds a part of a compound: `MailingAddress.City` is MailingCity, `Name.LastName` is LastName,
    `Place__c.Latitude` is Place__Latitude__s."""
    compound, dot, part = name.partition(".")
    if not dot or compound == "Name":
        return part or name
    if compound.endswith("__c"):
        return f"{compound.removesuffix('c')}{part}__s"
    return compound.removesuffix("Address") + part


def _value(values: Mapping[str, Any], name: str) -> Any:
    compound, dot, part = name.partition(".")
    if not dot:
        return values.get(name)
    whole = values.get(compound)
    return whole.get(part) if isinstance(whole, dict) else None


def _cell(field_type: FieldType, value: Any) -> str:
    """The canonical cell of a value. ValueError if it is not of the field's type."""
    if value is None:
        return EMPTY
    raw: object = value
    if field_type in (FieldType.DATE, FieldType.DATETIME):
        raw = _moment(value)
    elif isinstance(value, bool):
        raw = "true" if value else "false"
    elif isinstance(value, float):
        raw = repr(value)
    elif field_type in (FieldType.REFERENCE, FieldType.ID):
        raw = full_id(str(value))
    return form_of(field_type)(raw)


def _moment(milliseconds: int) -> datetime:
    return instant(int(milliseconds) * 1_000)


def _stamp(milliseconds: int | None) -> int | None:
    """Whole seconds, as SystemModstamp has them."""
    return None if milliseconds is None else int(milliseconds) * 1_000 // _SECOND_US * _SECOND_US


def _ids(header: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(full_id(one) for one in header.get("recordIds") or ()))
