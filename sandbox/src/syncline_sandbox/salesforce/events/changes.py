"""From changed rows to change events: header, values, merged and overflowing changes, gaps.

"Change Event Header Fields", "Change Event Body Fields", "Merged Change Events", "Gap Events", "Overflow Events" and
"General Considerations" of the Change Data Capture Developer Guide: one event for a record and a transaction, with
the data as committed. Lives here: what an event says. How rows were captured is in `capture.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .bitmaps import Place, bitmaps
from .capture import RowChange
from .event_schema import HEADER, EventSchema, Slot
from .settings import EventSettings

EMPTY_ID = "000000000000000AAA"
MERGED_IDS = 10_000
"""Records of one merged event: their ids alone must leave it below what an event may weigh."""
# Told with every update, whether or not they differ; no reason for an event by themselves.
_ALWAYS = frozenset({"LastModifiedDate"})


@dataclass
class Change:
    """One change of one record, or of several that changed alike. `weight` counts towards an overflow."""

    entity: str
    schema: EventSchema
    kind: str
    record_ids: list[str]
    user_id: str
    values: dict[str, Any] = field(default_factory=dict)
    changed: set[Place] = field(default_factory=set)
    nulled: set[Place] = field(default_factory=set)
    differing: set[Place] = field(default_factory=set)
    weight: int = 1

    def alike(self) -> tuple[Any, ...]:
        """What two changes share that are told as one."""
        places = (frozenset(self.changed), frozenset(self.nulled), frozenset(self.differing))
        return self.entity, self.schema.id, self.kind, self.user_id, repr(self.values), places

    def as_gap(self) -> Change:
        """The same change, of which nothing is told but that it was."""
        return Change(self.entity, self.schema, f"GAP_{self.kind}", self.record_ids, self.user_id)


@dataclass(frozen=True)
class Commit:
    """What the events of one transaction share."""

    transaction_key: str
    timestamp: int
    number: int
    origin: str

    def payload(self, change: Change, sequence_number: int) -> bytes:
        header = {
            "entityName": change.entity,
            "recordIds": change.record_ids,
            "changeType": change.kind,
            "changeOrigin": self.origin,
            "transactionKey": self.transaction_key,
            "sequenceNumber": sequence_number,
            "commitTimestamp": self.timestamp,
            "commitNumber": self.number,
            "commitUser": change.user_id,
            "nulledFields": bitmaps(change.nulled),
            "diffFields": bitmaps(change.differing),
            "changedFields": bitmaps(change.changed),
        }
        return change.schema.encode({HEADER: header, **change.values})


def change_of(row: RowChange, schema: EventSchema, user_id: str | None, settings: EventSettings) -> Change | None:
    """The change a row went through; None when nobody is told of it."""
    kind = _kind(row)
    if kind is None:
        return None
    known = row.after or row.before or {}
    change = Change(row.sobject.name, schema, kind, [row.record_id], user_id or str(known.get("LastModifiedById")))
    if kind == "UPDATE":
        return change if _tell_update(change, row.before or {}, row.after or {}, settings) else None
    if kind in ("CREATE", "UNDELETE"):
        for slot in schema.slots:
            value = slot.value(row.after or {})
            if value is not None:
                _put(change.values, slot, value)
    return change


def merged(changes: Iterable[Change]) -> list[Change]:
    """Changes that are alike as one, at the place of the first. New records are told one by one."""
    told: list[Change] = []
    open_ones: dict[tuple[Any, ...], Change] = {}
    for change in changes:
        if change.kind == "CREATE":
            told.append(change)
            continue
        key = change.alike()
        alike = open_ones.get(key)
        if alike is not None and len(alike.record_ids) < MERGED_IDS:
            alike.record_ids += change.record_ids
        else:
            open_ones[key] = change
            told.append(change)
    return told


def within(changes: Iterable[Change], maximum: int) -> Iterator[Change]:
    """The changes up to *maximum*, then one overflow for each entity there is more of."""
    count = 0
    overflown: dict[str, Change] = {}
    for change in changes:
        count += change.weight
        if count <= maximum:
            yield change
        else:
            overflown.setdefault(change.entity, overflow(change.entity, change.schema, change.user_id))
    yield from overflown.values()


def overflow(entity: str, schema: EventSchema, user_id: str) -> Change:
    """The event that says: more changed than is told."""
    return Change(entity, schema, "GAP_OVERFLOW", [EMPTY_ID], user_id)


def _kind(row: RowChange) -> str | None:
    was = row.before is not None and not row.before.get("IsDeleted")
    lives = row.after is not None and not row.after.get("IsDeleted")
    if was and lives:
        return "UPDATE"
    if was:
        return "DELETE"
    # Emptied out of the recycle bin, or made and deleted in one transaction: nobody is told.
    return None if not lives else "CREATE" if row.before is None else "UNDELETE"


def _tell_update(change: Change, before: Mapping[str, Any], after: Mapping[str, Any], settings: EventSettings) -> bool:
    """Fill in what changed; False when nothing did but what follows from other records."""
    saved = False
    always = _ALWAYS | {"LastModifiedById"} if settings.last_modified_by_always else _ALWAYS
    for slot in change.schema.slots:
        column = slot.column
        differs = before.get(column) != after.get(column)
        if not differs and slot.name not in always:
            continue
        saved = saved or (differs and not slot.rolled_up)
        value = slot.value(after)
        change.changed.add(slot.place)
        if value is None:
            change.nulled.add(slot.place)
        text = _difference(slot, before.get(column), value, settings.diff_characters) if differs else None
        if text is not None:
            change.differing.add(slot.place)
        _put(change.values, slot, value if text is None else text)
    change.weight = max(1, len(change.changed))
    return saved


def _put(values: dict[str, Any], slot: Slot, value: Any) -> None:
    if slot.part is None:
        values[slot.name] = value
    else:
        values.setdefault(slot.name, {})[slot.part_name] = value


def _difference(slot: Slot, before: Any, after: Any, at_least: int) -> str | None:
    """The unified diff of a long text, where it is sent in place of the text."""
    if not at_least or slot.field.type != "textarea" or not before or len(after or "") < at_least:
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="")
    text = "\n".join(lines) + "\n"
    return text if len(text) < len(after) else None
