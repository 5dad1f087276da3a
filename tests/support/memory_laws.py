"""What must hold when a history in memory has come to rest: convergence, no duplicates, no loss, silence.

Each law returns sentences about what breaks it; none is what we want.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from syncline.connectors.memory.system import Version
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
    members: dict[Side, list[str]]  # every record the link ever had


async def pairs(life: Life) -> list[Pair]:
    links = await life.store.rows(Table.LINK, {"sync": life.sync.name, "state": "live"})
    ends = await life.store.rows(Table.LINK_END, {"sync": life.sync.name})
    by_link: dict[int, dict[Side, str]] = {}
    members: dict[int, dict[Side, list[str]]] = {}
    for row in ends.iter_rows(named=True):
        side: Side = "a" if row["side"] == "a" else "b"
        members.setdefault(row["link_id"], {"a": [], "b": []})[side].append(row["record_id"])
        if row["role"] == "current":
            by_link.setdefault(row["link_id"], {})[side] = row["record_id"]
    flows = {
        row["link_id"]: all(row[name] for name in ("member_a", "member_b", "visible_a", "visible_b"))
        for row in links.iter_rows(named=True)
    }
    return [Pair(i, ids, flows[i], members[i]) for i, ids in by_link.items() if i in flows]


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
        if is_out or any(life.systems[side].rows[pair.ids[side]].has_ended for side in SIDES):
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
        # Until a field has bases nothing was agreed on, and an empty side is filled: that may be long after the link
        # was decided (our process died between, a write was in doubt).
        based_us = life.based_us.get((pair.link_id, mapping.key), edit.at_us)
        was_blank_at_first_link = not edit.new and edit.at_us <= based_us
        is_no_news = (
            was_blank_at_first_link or _was_blank_at_first_sight(life, edit) or _was_filled_by_merge(life, edit)
        )
        if _next_actor(life, edit) == "syncline" and not is_no_news:
            out.append((edit, pair, mapping))
    return out


def _was_blank_at_first_sight(life: Life, edit: Edit) -> bool:
    """Whether what a record was converted into was blank, or a flag not set, when we first saw it: that says nothing,
    and the rule is to fill it from the other side."""
    heirs = {row.now.heir.record_id for row in life.systems[edit.side].rows.values() if row.now.heir}
    is_heir = edit.new in ("", "false") and edit.record_id in heirs
    return is_heir and edit.at_us <= life.first_shown_us[edit.side, edit.record_id]


def _was_filled_by_merge(life: Life, edit: Edit) -> bool:
    """Whether a blank took the value of a record that we merged into this one: the rule of merges."""
    if edit.new:
        return False
    rows = life.systems[edit.side].rows
    later = [change for change in rows[edit.record_id].changes if change.committed_us > edit.at_us]
    filled_us = next((change.committed_us for change in later if change.field == edit.field), None)
    return any(
        version.heir is not None and version.heir.record_id == edit.record_id and version.committed_us == filled_us
        for row in rows.values()
        for version in row.versions
    )


def _next_actor(life: Life, edit: Edit) -> str | None:
    """Who changed the field next after the edit; None if nobody did."""
    changes = [c for c in life.systems[edit.side].rows[edit.record_id].changes if c.field == edit.field]
    at = next(i for i, c in enumerate(changes) if c.committed_us == edit.at_us and c.new == edit.new)
    return changes[at + 1].actor if at + 1 < len(changes) else None


def _reached(life: Life, edit: Edit, pair: Pair, mapping: FieldMap) -> bool:
    """Whether the other side held the value at or after the edit (as its normaliser keeps it), also in a record that
    ended since: what a person's merge there did with it is that person's will."""
    there = other(edit.side)
    name = str(ends_of(mapping)[there])
    wanted = life.systems[there].normalise(name, edit.new)
    for record_id in pair.members[there]:
        versions = life.systems[there].rows[record_id].versions
        held_then = [v for v in versions if v.committed_us <= edit.at_us][-1:]
        later = [v for v in versions if v.committed_us > edit.at_us]
        if any(v.cells[name] in (wanted, edit.new) for v in [*held_then, *later]):
            return True
    return False


def _went_back(life: Life, edit: Edit, pair: Pair, mapping: FieldMap) -> bool:
    """Whether the edit only took the field back to what both sides last agreed on, or emptied it before they ever
    did: then the side has not changed."""
    there = other(edit.side)
    names = ends_of(mapping)
    here = life.systems[edit.side].rows[edit.record_id].versions
    rows = [life.systems[there].rows[record_id].versions for record_id in pair.members[there]]
    times = {v.committed_us for own in (here, *rows) for v in own if v.committed_us < edit.at_us}
    for at_us in sorted(times, reverse=True):
        mine = _value_at(here, str(names[edit.side]), at_us)
        known = {_value_at(own, str(names[there]), at_us) for own in rows} - {None}
        if known & {mine, life.systems[there].normalise(str(names[there]), str(mine))}:
            return mine == edit.new
    return not edit.new  # they never agreed: without a base an empty side is filled


def _value_at(versions: Sequence[Version], name: str, at_us: int) -> str | None:
    """What a record's field held then; None before there was a record."""
    return next((v.cells[name] for v in reversed(versions) if v.committed_us <= at_us), None)


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


SOON_US = 3_600_000_000
"""A mark that comes due later than this is a look from time to time, which never ends: what is gone is asked for."""


async def is_idle(life: Life) -> bool:
    """Nothing is in flight, unread, marked for soon or still to happen."""
    entries = await life.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown", "written"]})
    dirty = await life.store.rows(Table.DIRTY)
    due = dirty.filter(pl.col("due_us") <= life.systems["a"].now_us() + SOON_US)
    return not entries and due.is_empty() and not any(s.is_busy for s in life.systems.values())
