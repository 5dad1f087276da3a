"""Explain: everything we know of one person – both sides, what was agreed, what happened and which rule decided.

Lives here: finding a record by e-mail or id, and gathering. Words and tables are the faces' business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from syncline.engine.consent import Source, sources_of
from syncline.engine.journal import unpack
from syncline.engine.life.tale import NO_TALE, Tale, tale_of
from syncline.engine.pairs import Slice, slices
from syncline.engine.sides import read_cells
from syncline.engine.world import World
from syncline.reconcile.cells import CELL
from syncline.records import SIDES, Side
from syncline.spec.model import FieldMap, Policy, Sync
from syncline.trees import Table

_KINDS = ("usable", "hidden", "unread", "assumed", "assumed by another sync")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One record a person asked for."""

    side: Side
    connection: str
    object_type: str
    record_id: str


@dataclass(frozen=True, kw_only=True)
class FieldState:
    """One mapped field: both values, whether each side is as it was when they last agreed, and what holds it."""

    mapping: str
    value_a: str | None
    value_b: str | None
    state_a: str  # usable | hidden | unread | assumed …
    state_b: str
    changed_a: bool | None  # None: no base
    changed_b: bool | None
    direction: str
    policy: str
    marks: tuple[tuple[str, str], ...]  # kind, detail as JSON
    sources: tuple[Source, ...] = ()  # of consent: which side says so since when, and by whom


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the record's history, oldest first."""

    at_us: int
    side: str
    cause: str  # observed | written | conflict | dead letter | linked
    text: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is known of one record. `link` is the LINK row (None: unlinked), `holds` what waits for a person,
    `tale` what became of its records."""

    subjects: tuple[Subject, ...]
    link: Mapping[str, object] | None
    fields: tuple[FieldState, ...]
    events: tuple[Event, ...]
    holds: tuple[Mapping[str, object], ...]
    conflicts: tuple[Mapping[str, object], ...]
    letters: tuple[Mapping[str, object], ...]
    tale: Tale = NO_TALE


async def find_subjects(world: World, sync: Sync, text: str) -> list[Subject]:
    """Records of either side whose id is *text* or whose e-mail is (case folded)."""
    out = []
    for side in SIDES:
        spec = sync.side(side)
        for object_type in spec.object_types:
            by_id = await world.store.rows(
                Table.MIRROR, {"connection": spec.connection, "object_type": object_type, "record_id": text}
            )
            ids = by_id["record_id"].to_list() or await _ids_by_email(world, sync, side, object_type, text)
            out += [Subject(side=side, connection=spec.connection, object_type=object_type, record_id=i) for i in ids]
    return out


async def _ids_by_email(world: World, sync: Sync, side: Side, object_type: str, text: str) -> list[str]:
    end = sync.email_end(side, object_type)
    if end is None or "@" not in text:
        return []
    where = {"connection": sync.side(side).connection, "object_type": object_type}
    rows = await world.store.rows(Table.MIRROR, where)
    wide = read_cells(rows, [end.inputs[0]])
    found = wide.filter(pl.col(CELL + end.inputs[0]).str.to_lowercase() == text.lower())
    return found["record_id"].to_list()


async def explain(world: World, sync: Sync, subject: Subject) -> Explanation:
    """Gather what is known of *subject*; needs the objects described (`observe.meet`)."""
    ends = await world.store.links_of(subject.connection, subject.object_type, [subject.record_id])
    own = ends.filter((pl.col("sync") == sync.name) & (pl.col("side") == subject.side))
    if own.is_empty():
        return Explanation(
            subjects=(subject,),
            link=None,
            fields=(),
            events=tuple(await _events(world, sync, [subject], None)),
            holds=tuple(await _holds(world, sync, subject)),
            conflicts=(),
            letters=tuple(await _letters(world, sync, 0, subject)),
        )
    link_id = int(own["link_id"][0])
    link = (await world.store.rows(Table.LINK, {"link_id": link_id})).row(0, named=True)
    members = await world.store.rows(Table.LINK_END, {"link_id": link_id})
    subjects = [
        Subject(
            side=row["side"],
            connection=sync.side(row["side"]).connection,
            object_type=row["object_type"],
            record_id=row["record_id"],
        )
        for row in members.iter_rows(named=True)
    ]
    conflicts = await world.store.rows(Table.CONFLICT, {"sync": sync.name, "link_id": link_id})
    tale = await tale_of(world, sync, link_id)
    holds = {row["hold_id"]: row for one in subjects for row in await _holds(world, sync, one)}
    return Explanation(
        subjects=tuple(subjects),
        link=link,
        fields=tuple(await _fields(world, sync, link_id)),
        events=tuple(_with_ends(await _events(world, sync, subjects, link), tale)),
        holds=tuple(holds.values()),
        tale=tale,
        conflicts=tuple(conflicts.sort("at_us").iter_rows(named=True)),
        letters=tuple(await _letters(world, sync, link_id, subject)),
    )


def _with_ends(events: Sequence[Event], tale: Tale) -> list[Event]:
    """*events* and the ends of records whose moment the vendor tells."""
    ends = [Event(at_us=f.at_us, side=f.side, cause=f.how, text=f.words) for f in tale.former if f.at_us is not None]
    return sorted([*events, *ends], key=lambda event: event.at_us)


async def _fields(world: World, sync: Sync, link_id: int) -> list[FieldState]:
    out = []
    async for part in slices(world, sync, [link_id]):
        if part.pairs.is_empty():
            continue
        row = part.pairs.row(0, named=True)
        for m in part.maps:
            marks = part.marks.filter(pl.col("mapping") == m.key).select("kind", "detail")
            out.append(
                FieldState(
                    mapping=m.key,
                    value_a=row[f"a.{m.key}"],
                    value_b=row[f"b.{m.key}"],
                    state_a=_KINDS[row[f"ka.{m.key}"]],
                    state_b=_KINDS[row[f"kb.{m.key}"]],
                    changed_a=_changed(row, "a", m.key),
                    changed_b=_changed(row, "b", m.key),
                    direction=m.direction.value,
                    policy=m.policy(part.type_a).value,
                    marks=tuple(marks.iter_rows()),
                    sources=await _sources(world, sync, part, m, row),
                )
            )
    return out


async def _sources(
    world: World, sync: Sync, part: Slice, mapping: FieldMap, row: Mapping[str, Any]
) -> tuple[Source, ...]:
    if mapping.policy(part.type_a) is not Policy.MOST_RESTRICTIVE:
        return ()
    ends: dict[Side, tuple[str, str]] = {"a": (part.type_a, row["id_a"]), "b": (part.type_b, row["id_b"])}
    values: dict[Side, str | None] = {side: row[f"{side}.{mapping.key}"] for side in SIDES}
    return await sources_of(world, sync, mapping, ends, values)


def _changed(row: Mapping[str, object], side: Side, key: str) -> bool | None:
    base, now = row[f"x{side}.{key}"], row[f"f{side}.{key}"]
    return None if base is None or now is None else base != now


async def _events(
    world: World, sync: Sync, subjects: Sequence[Subject], link: Mapping[str, object] | None
) -> list[Event]:
    out: list[Event] = []
    if link is not None:
        text = f"linked by {link['rule']}"
        out.append(Event(at_us=_int(link["decided_us"]), side="", cause="linked", text=text))
    for subject in subjects:
        where = {
            "connection": subject.connection,
            "object_type": subject.object_type,
            "record_id": subject.record_id,
        }
        history = await world.store.rows(Table.HISTORY, where)
        for row in history.iter_rows(named=True):
            cells = json.loads(row["cells"])
            words = ", ".join(f"{name} {_shown(pair[0])} → {_shown(pair[1])}" for name, pair in cells.items())
            by = f" by {row['actor']}" if row["actor"] else ""
            out.append(Event(at_us=row["at_us"], side=subject.side, cause=row["cause"], text=words + by, detail=cells))
        out += await _writes(world, subject, where)
    return sorted(out, key=lambda event: event.at_us)


async def _writes(world: World, subject: Subject, where: Mapping[str, str]) -> list[Event]:
    """What we wrote, from the journal's segments: they are part of the history."""
    entries = await world.store.rows(Table.ENTRY, where)
    out = []
    for entry in entries.iter_rows(named=True):
        journal = (await world.store.rows(Table.JOURNAL, {"batch_id": entry["batch_id"]})).row(0, named=True)
        own = unpack(journal["segment"]).filter(pl.col("position") == entry["position"])
        cells = {
            name: [before, after] for name, before, after in own.select("field", "pre_image", "expected").iter_rows()
        }
        words = ", ".join(f"{name} {_shown(pair[0])} → {_shown(pair[1])}" for name, pair in cells.items())
        out.append(
            Event(
                at_us=journal["prepared_us"],
                side=subject.side,
                cause=f"{journal['operation']} by us, {entry['state']}",
                text=words,
                detail=cells,
            )
        )
    return out


async def _holds(world: World, sync: Sync, subject: Subject) -> list[Mapping[str, object]]:
    rows = await world.store.rows(Table.HOLD, {"sync": sync.name, "state": "open"})
    return [row for row in rows.iter_rows(named=True) if subject.record_id in row["subject"]]


async def _letters(world: World, sync: Sync, link_id: int, subject: Subject) -> list[Mapping[str, object]]:
    where: dict[str, object] = {"sync": sync.name, "link_id": link_id}
    if not link_id:
        where["record_id"] = subject.record_id
    return list((await world.store.rows(Table.DEAD_LETTER, where)).iter_rows(named=True))


def _shown(value: str | None) -> str:
    if value is None:
        return "(unread)"
    return repr(value) if value else "(empty)"


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
