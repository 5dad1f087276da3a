"""What must hold when a history in memory has come to rest: convergence, no duplicates, no loss, silence.

Each law returns sentences about what breaks it; none is what we want.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from syncline.records import SIDES, Side, other
from syncline.spec.model import Direction, FieldMap
from syncline.trees import Table
from tests.support.memory_life import TYPES, Edit, Life

EXPLAINS = ("normalised", "held_conflict", "blocked", "apart", "frozen", "dead", "drift", "waiting")


@dataclass(frozen=True)
class Pair:
    """A live link with both records."""

    link_id: int
    ids: dict[Side, str]
    flows: bool
    decided_us: int


async def pairs(life: Life) -> list[Pair]:
    links = await life.store.rows(Table.LINK, {"sync": life.sync.name, "state": "live"})
    ends = await life.store.rows(Table.LINK_END, {"sync": life.sync.name, "role": "current"})
    by_link: dict[int, dict[Side, str]] = {}
    for row in ends.iter_rows(named=True):
        by_link.setdefault(row["link_id"], {})["a" if row["side"] == "a" else "b"] = row["record_id"]
    flows = {
        row["link_id"]: all(row[name] for name in ("member_a", "member_b", "visible_a", "visible_b"))
        for row in links.iter_rows(named=True)
    }
    decided = dict(links.select("link_id", "decided_us").iter_rows())
    return [Pair(i, ids, flows[i], decided[i]) for i, ids in by_link.items() if i in flows]


def ends_of(mapping: FieldMap) -> dict[Side, str | None]:
    return {side: mapping.ends(side)[TYPES[side]].field for side in SIDES}


async def differences(life: Life) -> tuple[list[str], Counter[str]]:
    """Two-way fields of flowing pairs that differ without a mark that says why; and how many each mark explains."""
    marks = await life.store.rows(Table.MARK)
    why = {
        (row["link_id"], row["mapping"]): row["kind"] for row in marks.iter_rows(named=True) if row["kind"] in EXPLAINS
    }
    explained: Counter[str] = Counter()
    found = []
    for pair in await pairs(life):
        cells = {side: life.systems[side].rows[pair.ids[side]].now.cells for side in SIDES}
        is_out = cells["a"]["status"] == "out"
        if is_out:
            continue
        if not pair.flows:
            found.append(f"{pair.ids}: nothing flows although both are there")
        for mapping in life.sync.fields:
            names = ends_of(mapping)
            if mapping.direction is not Direction.BOTH or not names["a"] or not names["b"]:
                continue
            values = {side: cells[side][str(names[side])] for side in SIDES}
            if values["a"] == values["b"]:
                continue
            if kind := why.get((pair.link_id, mapping.key)):
                explained[kind] += 1
            else:
                found.append(f"{pair.ids} {mapping.key}: {values}")
    return found, explained


async def duplicates(life: Life) -> list[str]:
    keys = Counter(
        row.now.cells["key"]
        for row in life.systems["b"].rows.values()
        if row.now.cells["key"] and not row.now.is_deleted
    )
    found = [f"{count} records on b for {key}" for key, count in keys.items() if count > 1]
    for side in SIDES:
        ids = Counter(pair.ids[side] for pair in await pairs(life))
        found += [f"{record_id} is in {count} links" for record_id, count in ids.items() if count > 1]
    return found + life.doubles


async def losses(life: Life) -> tuple[list[str], list[str]]:
    """Edits of people that we overwrote and that are neither on the other side nor in the conflict log: those that
    something had shown to us, and those nobody saw (the window between our read and our write)."""
    conflicts = await life.store.rows(Table.CONFLICT, {"sync": life.sync.name})
    logged: set[tuple[int, str, str]] = set()
    for row in conflicts.iter_rows(named=True):
        logged |= {
            (row["link_id"], row["mapping"], value) for value in (row["value_a"], row["value_b"]) if value is not None
        }
    visible: list[str] = []
    unseen: list[str] = []
    for edit, pair, mapping in await _overwritten(life):
        if (pair.link_id, mapping.key, edit.new) in logged or _reached(life, edit, pair, mapping):
            continue
        if _went_back(life, edit, pair, mapping):
            continue
        text = f"{edit.side} {edit.record_id} {mapping.key}: {edit.new!r} of {edit.at_us} was overwritten"
        was_shown = life.shown.get((edit.side, edit.record_id, edit.field, edit.new), -1) >= edit.at_us
        (visible if was_shown else unseen).append(text)
    return visible, unseen


async def _overwritten(life: Life) -> list[tuple[Edit, Pair, FieldMap]]:
    """Edits whose value we replaced: our change is the next one of that field on that side."""
    by_record = {(side, pair.ids[side]): pair for pair in await pairs(life) for side in SIDES}
    out = []
    for edit in life.edits:
        pair = by_record.get((edit.side, edit.record_id))
        mapping = next((m for m in life.sync.fields if ends_of(m)[edit.side] == edit.field), None)
        if pair is None or mapping is None or mapping.direction is not Direction.BOTH:
            continue
        was_blank_at_first_link = not edit.new and edit.at_us <= pair.decided_us  # then the rule is to fill it
        if _next_actor(life, edit) == "syncline" and not (
            was_blank_at_first_link or _was_blank_at_first_sight(life, edit)
        ):
            out.append((edit, pair, mapping))
    return out


def _was_blank_at_first_sight(life: Life, edit: Edit) -> bool:
    """Whether what a record was converted into was blank when we first saw it: then the rule is to fill it."""
    heirs = {row.now.heir.record_id for row in life.systems[edit.side].rows.values() if row.now.heir}
    return not edit.new and edit.record_id in heirs and edit.at_us <= life.first_shown_us[edit.side, edit.record_id]


def _next_actor(life: Life, edit: Edit) -> str | None:
    """Who changed the field next after the edit; None if nobody did."""
    changes = [c for c in life.systems[edit.side].rows[edit.record_id].changes if c.field == edit.field]
    at = next(i for i, c in enumerate(changes) if c.committed_us == edit.at_us and c.new == edit.new)
    return changes[at + 1].actor if at + 1 < len(changes) else None


def _reached(life: Life, edit: Edit, pair: Pair, mapping: FieldMap) -> bool:
    """Whether the other side held the value at or after the edit (as its normaliser keeps it)."""
    there = other(edit.side)
    name = str(ends_of(mapping)[there])
    wanted = life.systems[there].normalise(name, edit.new)
    versions = life.systems[there].rows[pair.ids[there]].versions
    held_then = [v for v in versions if v.committed_us <= edit.at_us][-1:]
    later = [v for v in versions if v.committed_us > edit.at_us]
    return any(v.cells[name] in (wanted, edit.new) for v in [*held_then, *later])


def _went_back(life: Life, edit: Edit, pair: Pair, mapping: FieldMap) -> bool:
    """Whether the edit only took the field back to what both sides last agreed on, or emptied it before they ever
    did: then the side has not changed."""
    there = other(edit.side)
    names = ends_of(mapping)
    here = life.systems[edit.side].rows[edit.record_id].versions
    far = life.systems[there].rows[pair.ids[there]].versions
    times = sorted({v.committed_us for v in (*here, *far) if v.committed_us < edit.at_us}, reverse=True)
    for at_us in times:
        values = {
            side: next((v.cells[str(names[side])] for v in reversed(own) if v.committed_us <= at_us), None)
            for side, own in ((edit.side, here), (there, far))
        }
        if values[there] is not None and values[there] in (
            values[edit.side],
            life.systems[there].normalise(str(names[there]), str(values[edit.side])),
        ):
            return values[edit.side] == edit.new
    return not edit.new  # they never agreed: without a base an empty side is filled


def unbalanced(life: Life) -> Iterator[str]:
    for report in life.reports:
        for law in report.balances:
            if not law.is_balanced:
                yield f"{law.law} {law.subject}: only left {law.only_left}, only right {law.only_right}"


async def open_ends(life: Life) -> list[str]:
    """In-flight entries and due marks that are left."""
    entries = await life.store.rows(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]})
    dirty = await life.store.rows(Table.DIRTY)
    due = dirty.filter(pl.col("due_us") <= life.systems["a"].now_us())
    return [f"in flight: {json.dumps(row)}" for row in entries.iter_rows(named=True)] + [
        f"due: {json.dumps(row)}" for row in due.iter_rows(named=True)
    ]


async def is_idle(life: Life) -> bool:
    """Nothing is in flight, unread, marked for later or still to happen."""
    entries = await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown", "written"]})
    return not entries and not await life.store.count(Table.DIRTY) and not any(s.is_busy for s in life.systems.values())
