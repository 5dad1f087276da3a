"""What must hold when a history has come to rest. The truth is the chronicle's: what the engine believes is judged.

Lives here: the laws, each a generator of sentences about what breaks it. The engine's own tables are asked only for
what it claims: which records it holds for one person, which losing values it kept, and why two values may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from syncline.records import SIDES, Side, other
from syncline.spec.model import Direction, FieldMap, OnDelete
from syncline.trees import Table
from tests.simulation.chronicle import RULE, US, Edit, Row, Version
from tests.simulation.stage import Stage

UNKNOWN = "[unknown]"
"""What a new record gets where the system demands a value and the person has none."""

TURN_US = 600_000_000
"""No turn lasts longer."""

ADDRESS = ("street", "city")
EXPLAINS = ("normalised", "held_conflict", "held", "blocked", "not_taken", "apart", "frozen", "dead", "drift")


@dataclass(kw_only=True)
class Claims:
    """What the state claims at rest, and the truth to hold against it."""

    stage: Stage
    links: dict[int, dict[str, Any]] = field(default_factory=dict)
    ends: dict[tuple[Side, str], dict[str, Any]] = field(default_factory=dict)
    marks: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    logged: set[tuple[int, str, str]] = field(default_factory=set)  # link, mapping, kept value
    doubts: str = ""  # every open hold, dead letter and held merger, as text
    window_losses: list[str] = field(default_factory=list)

    @staticmethod
    async def of(stage: Stage) -> Claims:
        store, claims = stage.ground.store(), Claims(stage=stage)
        claims.links = {row["link_id"]: row for row in (await store.rows(Table.LINK)).iter_rows(named=True)}
        for row in (await store.rows(Table.LINK_END)).iter_rows(named=True):
            claims.ends["a" if row["side"] == "a" else "b", row["record_id"]] = row
        for row in (await store.rows(Table.MARK)).iter_rows(named=True):
            claims.marks.setdefault((row["link_id"], row["mapping"]), set()).add(row["kind"])
        for row in (await store.rows(Table.CONFLICT)).iter_rows(named=True):
            values = {value for value in (row["value_a"], row["value_b"]) if value is not None}
            claims.logged |= {(row["link_id"], row["mapping"], value) for value in values}
        holds = await store.rows(Table.HOLD, {"state": "open"})
        letters = await store.rows(Table.DEAD_LETTER, {"state": "dead"})
        mergers = await store.rows(Table.MERGER, {"state": ["held", "refused"]})
        claims.doubts = "\n".join(str(row) for frame in (holds, letters, mergers) for row in frame.iter_rows())
        return claims

    def row(self, side: Side, record_id: str) -> Row | None:
        return self.stage.chronicle.rows[side].get(record_id)

    def members(self, link_id: int, side: Side) -> list[Row]:
        """Every record a link ever had on a side."""
        own = [one for (s, one), end in self.ends.items() if s == side and end["link_id"] == link_id]
        return [row for one in own if (row := self.row(side, one)) is not None]

    def current(self, link_id: int, side: Side) -> Row | None:
        own = (row for row in self.members(link_id, side))
        return next((row for row in own if self.ends[side, row.record_id]["role"] == "current"), None)

    def is_doubted(self, *record_ids: str) -> bool:
        """Whether a person is asked about one of these."""
        return any(one in self.doubts for one in record_ids)

    def flowing(self) -> Iterator[tuple[int, dict[Side, Row]]]:
        """Live links of which both records are there and in the filter."""
        for link_id, link in self.links.items():
            rows = {side: row for side in SIDES if (row := self.current(link_id, side))}
            if link["state"] != "live" or len(rows) < 2 or any(row.has_ended for row in rows.values()):
                continue
            if not is_out(rows["a"], rows["a"].now):
                yield link_id, rows


def is_out_at(claims: Claims, row: Row, at_us: int) -> bool:
    version = row.at(at_us)
    return version is not None and is_out(row, version)


def is_out(row: Row, version: Version) -> bool:
    return version.cells.get("status") == "Cold" and row.object_type == "Lead"


async def judge(stage: Stage) -> None:
    """Add every broken law to the stage's complaints."""
    claims = await Claims.of(stage)
    for law in LAWS:
        stage.complaints += [f"{law.__name__.strip('_')}: {text}" for text in law(claims)]
    stage.window_losses = len(claims.window_losses)


def _two_way(claims: Claims, key: str) -> FieldMap | None:
    mapping = next((m for m in claims.stage.sync.fields if m.key == key), None)
    return mapping if mapping is not None and mapping.direction is Direction.BOTH else None


def _explained(claims: Claims, link_id: int, key: str) -> bool:
    """Whether the engine says why the two values may differ, and it can be so in this history."""
    kinds = claims.marks.get((link_id, key), set()) & set(EXPLAINS)
    return bool(kinds & allowed(claims.stage))


def allowed(stage: Stage) -> set[str]:
    """The marks that may explain a difference, by what was switched on."""
    variant = stage.variant
    kinds = {"normalised", "apart"}
    if variant.has_low_ceilings:
        kinds |= {"held"}
    if variant.has_faults:
        kinds |= {"dead", "not_taken", "frozen"}
    if variant.has_flows or variant.has_admin:
        kinds |= {"dead", "not_taken", "frozen", "blocked"}
    return kinds


# -- agreement -----------------------------------------------------------------------------------------------------


def _apart(claims: Claims) -> Iterator[str]:
    """Both records of a person agree in every two-way field, or the state says why not."""
    for link_id, rows in claims.flowing():
        if claims.is_doubted(*(row.record_id for row in rows.values())):
            continue
        for mapping in claims.stage.sync.fields:
            values = {side: rows[side].now.cells.get(mapping.key) for side in SIDES}
            if mapping.direction is not Direction.BOTH or None in values.values() or values["a"] == values["b"]:
                continue
            if not _explained(claims, link_id, mapping.key):
                ids = [row.record_id for row in rows.values()]
                yield f"{ids} {mapping.key}: {values} {claims.marks.get((link_id, mapping.key), '')}"


def _company(claims: Claims) -> Iterator[str]:
    """A lead's company flows to the person."""
    for link_id, rows in claims.flowing():
        here, there = rows["a"].now.cells.get("company"), rows["b"].now.cells["company"]
        if here and here not in (there, UNKNOWN) and not claims.marks.get((link_id, "company")):
            yield f"{rows['a'].record_id} has company {here!r}, {rows['b'].record_id} {there!r}"


# -- nothing lost --------------------------------------------------------------------------------------------------


def _lost(claims: Claims) -> Iterator[str]:
    """An edit that something showed us is on the other side, in the conflict log, or replaced by its own side."""
    by_record = {(side, row.record_id): link_id for link_id, rows in claims.flowing() for side, row in rows.items()}
    for edit in claims.stage.chronicle.edits:
        link_id = by_record.get((edit.side, edit.record_id))
        mapping = _two_way(claims, edit.key)
        if link_id is None or mapping is None or edit.actor in (US, "before"):
            continue
        if not _we_overwrote(claims, edit) or (link_id, edit.key, edit.new) in claims.logged:
            continue
        if _says_nothing(claims, link_id, edit) or _reached(claims, link_id, edit) or _went_back(claims, link_id, edit):
            continue
        text = f"{edit.side} {edit.record_id} {edit.key}: {edit.new!r} at {_clock(claims, edit.at_us)} was overwritten"
        if claims.stage.shown.get((edit.side, edit.record_id, edit.key, edit.new), -1) >= edit.at_us:
            yield text
        else:
            claims.window_losses.append(text)


def _clock(claims: Claims, at_us: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%H:%M:%S.%f}"


def _next_of(claims: Claims, edit: Edit) -> Edit | None:
    same = [
        one
        for one in claims.stage.chronicle.edits
        if (one.side, one.record_id, one.key) == (edit.side, edit.record_id, edit.key)
    ]
    at = same.index(edit)
    return same[at + 1] if at + 1 < len(same) else None


def _we_overwrote(claims: Claims, edit: Edit) -> bool:
    after = _next_of(claims, edit)
    return after is not None and after.actor == US


def _says_nothing(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether a blank (or a flag not set) came before anything was agreed on, or was filled by a merge or conversion
    of the record: the rules fill it."""
    if edit.new not in ("", "false"):
        return False
    based_us = claims.stage.based_us.get((link_id, edit.key), edit.at_us)
    row = claims.row(edit.side, edit.record_id)
    assert row is not None
    return edit.at_us <= based_us or row.versions[0].at_us == edit.at_us or _is_heir(claims, edit.side, edit.record_id)


def _is_heir(claims: Claims, side: Side, record_id: str) -> bool:
    return any(v.heir == record_id for row in claims.stage.chronicle.rows[side].values() for v in row.versions)


def _reached(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether the other side held the value at or after the edit, in whatever record of the person."""
    for row in claims.members(link_id, other(edit.side)):
        later = [v for v in row.versions if v.at_us > edit.at_us]
        held = [v for v in (row.at(edit.at_us), *later) if v is not None]
        if any(v.cells.get(edit.key) == edit.new for v in held):
            return True
    return False


def _went_back(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether the edit only took the field back to what both sides last agreed on: then the side has not changed."""
    row = claims.row(edit.side, edit.record_id)
    assert row is not None
    far = claims.members(link_id, other(edit.side))
    times = sorted({v.at_us for own in (row, *far) for v in own.versions if v.at_us < edit.at_us}, reverse=True)
    for at_us in times:
        here = row.at(at_us)
        mine = here.cells.get(edit.key) if here else None
        known = {v.cells.get(edit.key) for own in far if (v := own.at(at_us)) is not None}
        if mine is not None and mine in known:
            return mine == edit.new
    return not edit.new


def _invented(claims: Claims) -> Iterator[str]:
    """What we write into a two-way field was held there or on the other side by a record of the same person before."""
    merged = any(v.heir for side in SIDES for row in claims.stage.chronicle.rows[side].values() for v in row.versions)
    for edit in claims.stage.chronicle.edits:
        if edit.actor != US or _two_way(claims, edit.key) is None or (edit.key == "score" and merged):
            continue
        row = claims.row(edit.side, edit.record_id)
        if row is None or row.person is None or edit.new == UNKNOWN or RULE in edit.new:
            continue
        past = {
            v.cells.get(edit.key)
            for side in SIDES
            for one in claims.stage.chronicle.rows[side].values()
            if one.person == row.person
            for v in one.versions
            if v.at_us <= edit.at_us and not (one is row and v.at_us == edit.at_us)
        }
        if edit.new not in past:
            yield f"{edit.side} {edit.record_id} {edit.key}: {edit.new!r} at {_clock(claims, edit.at_us)} was nobody's"


def _emptied(claims: Claims) -> Iterator[str]:
    """We empty a field only after somebody emptied it on the other side."""
    if claims.stage.undone:
        return
    for edit in claims.stage.chronicle.edits:
        if edit.actor != US or edit.new or not edit.old or _two_way(claims, edit.key) is None:
            continue
        end = claims.ends.get((edit.side, edit.record_id))
        row = claims.row(edit.side, edit.record_id)
        if end is None or row is None or row.now.has_ended:
            continue
        people = claims.members(end["link_id"], other(edit.side))
        blank = [v for one in people if (v := one.at(edit.at_us)) is not None and not v.cells.get(edit.key)]
        if edit.key in ADDRESS and blank:
            continue  # an address is decided as one
        acts = [
            one
            for one in claims.stage.chronicle.edits
            if one.side != edit.side
            and one.key == edit.key
            and not one.new
            and one.at_us <= edit.at_us
            and one.record_id in {member.record_id for member in people}
        ]
        if not acts and not any(_is_heir(claims, other(edit.side), member.record_id) for member in people):
            yield f"{edit.side} {edit.record_id} {edit.key}: {edit.old!r} was emptied at {_clock(claims, edit.at_us)}"


# -- nobody twice, nobody back -------------------------------------------------------------------------------------


def _doubled(claims: Claims) -> Iterator[str]:
    """One key, one record; one record, one link; nobody is made whose twin was there to be seen and free."""
    for side in SIDES:
        rows = claims.stage.chronicle.rows[side]
        keys = Counter(row.versions[0].cells["key"] for row in rows.values() if row.versions[0].cells["key"])
        for key, count in keys.items():
            made = [r for r in rows.values() if r.versions[0].cells["key"] == key and r.versions[0].actor == US]
            if count > 1 and len([row for row in made if "~" not in key]) > 1:
                yield f"{len(made)} records on {side} were made with the key {key}"
        for row in rows.values():
            if row.versions[0].actor == US and claims.stage.variant.shape.preset == "recommended":
                yield from _had_a_twin(claims, row)


def _had_a_twin(claims: Claims, made: Row) -> Iterator[str]:
    created = made.versions[0]
    lag_us = 1_500_000_000
    source_id = created.cells["key"].split("~")[0].rpartition(".")[2]
    sources = [
        row for row in claims.stage.chronicle.rows[other(made.side)].values() if row.record_id.lower() == source_id
    ]
    if not sources:
        return
    same = ("email", "first_name", "last_name")
    for row in claims.stage.chronicle.rows[made.side].values():
        then = row.at(created.at_us - lag_us)
        until = [v for v in row.versions if created.at_us - lag_us <= v.at_us <= created.at_us]
        if row is made or then is None or until or then.has_ended or then.cells["key"] or row.person != made.person:
            continue
        if any(then.cells[key] != created.cells[key] for key in same) or (made.side, row.record_id) in claims.ends:
            continue
        if not claims.is_doubted(row.record_id, made.record_id):
            when = _clock(claims, created.at_us)
            yield f"{made.side} {made.record_id} was made at {when}, and {row.record_id} was there"


def _mixed(claims: Claims) -> Iterator[str]:
    """The records of a link are one person's."""
    for link_id in claims.links:
        people = {row.person for side in SIDES for row in claims.members(link_id, side)} - {None}
        if len(people) > 1:
            yield f"link {link_id} holds records of the persons {sorted(map(str, people))}"


def _resurrected(claims: Claims) -> Iterator[str]:
    """A record is made for a person whose record there was deleted only if the policy says so, or by a push."""
    stage = claims.stage
    for side in SIDES:
        if stage.sync.on_delete.get(side) is OnDelete.RECREATE:
            continue
        for row in stage.chronicle.rows[side].values():
            if row.versions[0].actor != US:
                continue
            end = claims.ends.get((side, row.record_id))
            if end is None:
                continue
            born_us = row.versions[0].at_us
            for old in claims.members(end["link_id"], side):
                then = old.at(born_us)
                if old is row or then is None or not then.is_deleted or then.heir is not None:
                    continue
                if not old.versions[0].cells["key"] and not any(v.cells["key"] for v in old.versions):
                    continue  # nothing shows that the two were ever known as one
                if not any(then.at_us <= push.at_us <= born_us for push in stage.pushes):
                    made = f"{side} {row.record_id} was made at {_clock(claims, born_us)}"
                    yield f"{made} after {old.record_id} was deleted"


def _forgotten(claims: Claims) -> Iterator[str]:
    """Whoever is there on side a and in the filter is in a link, or a person is asked; so is whoever we made."""
    for side in SIDES:
        for record_id, row in claims.stage.chronicle.rows[side].items():
            if row.has_ended or is_out(row, row.now) or (side, record_id) in claims.ends:
                continue
            if row.object_type not in claims.stage.sync.side(side).object_types:
                continue
            by_us = row.versions[0].actor == US and not any(v.heir for v in row.versions)
            if (side == "a" or by_us) and not claims.is_doubted(record_id) and not _is_awaited(claims, row):
                yield f"{side} {record_id} of person {row.person} ({'ours' if by_us else 'entered'}) is in no link"


def _is_awaited(claims: Claims, row: Row) -> bool:
    """Whether a ceiling holds creates in this history: then a person is asked about the whole set."""
    return claims.stage.variant.has_low_ceilings and "ceiling" in claims.doubts


# -- ends ----------------------------------------------------------------------------------------------------------


def _ended_but_live(claims: Claims) -> Iterator[str]:
    """The current records of a live link are there; a tombstone has one that is not."""
    for link_id, link in claims.links.items():
        rows = {side: row for side in SIDES if (row := claims.current(link_id, side))}
        ids = {side: row.record_id for side, row in rows.items()}
        if claims.is_doubted(*ids.values()):
            continue
        gone = [row.record_id for row in rows.values() if row.has_ended]
        if any(row.now.is_purged and link[f"visible_{side}"] is False for side, row in rows.items()):
            continue
        if link["state"] == "live" and gone:
            yield f"link {link_id} {ids} is live, but {gone} ended"
        if link["state"] == "tombstone" and len(rows) == 2 and not gone and not _are_one(claims, link_id):
            yield f"link {link_id} {ids} is a tombstone, but both are there"


def _are_one(claims: Claims, link_id: int) -> bool:
    return any(row.now.heir for side in SIDES for row in claims.members(link_id, side))


def _deleted_by_us(claims: Claims) -> Iterator[str]:
    """We delete nothing that no policy tells us to, and only after its counterpart was deleted."""
    stage = claims.stage
    for side in SIDES:
        for row in stage.chronicle.rows[side].values():
            for old, new in zip(row.versions, row.versions[1:], strict=False):
                if new.actor != US or not new.is_deleted or old.is_deleted or new.heir is not None:
                    continue
                end = claims.ends.get((side, row.record_id))
                far = claims.members(end["link_id"], other(side)) if end else []
                was = any(v.is_deleted and v.at_us <= new.at_us for one in far for v in one.versions)
                if stage.sync.on_delete.get(other(side)) is not OnDelete.DELETE or not was:
                    yield f"we deleted {side} {row.record_id} at {_clock(claims, new.at_us)}"


def _merged_by_us(claims: Claims) -> Iterator[str]:
    """We merge and convert only people whose records on the other side became one."""
    for side in SIDES:
        for row in claims.stage.chronicle.rows[side].values():
            for old, new in zip(row.versions, row.versions[1:], strict=False):
                if new.actor != US or new.heir is None or old.heir is not None:
                    continue
                end = claims.ends.get((side, new.heir))
                far = {one.record_id for one in claims.members(end["link_id"], other(side))} if end else set()
                rows = claims.stage.chronicle.rows[other(side)].values()
                if not any(v.heir in far for one in rows for v in one.versions if v.heir):
                    yield f"we let {side} {row.record_id} end in {new.heir}"


def _loosened(claims: Claims) -> Iterator[str]:
    """We lift an opt-out only after somebody lifted it on the other side."""
    if claims.stage.undone:
        return
    for edit in claims.stage.chronicle.edits:
        if edit.actor != US or edit.key != "email_opt_out" or (edit.old, edit.new) != ("true", "false"):
            continue
        end = claims.ends.get((edit.side, edit.record_id))
        far = {row.record_id for row in claims.members(end["link_id"], other(edit.side))} if end else set()
        if _moved_to_another_address(claims, edit):
            continue
        acts = [
            one
            for one in claims.stage.chronicle.edits
            if one.key == "email_opt_out" and one.old == "true" and one.at_us <= edit.at_us and one.record_id in far
        ]
        if not acts:
            yield f"{edit.side} {edit.record_id} was opted in by us at {_clock(claims, edit.at_us)}"


def _moved_to_another_address(claims: Claims, edit: Edit) -> bool:
    """Whether the person's address changed in the same moment, of which the vendor's opt-out is, and says no again."""
    row = claims.row(edit.side, edit.record_id)
    moved = any(
        one.key == "email" and (one.side, one.record_id, one.at_us) == (edit.side, edit.record_id, edit.at_us)
        for one in claims.stage.chronicle.edits
    )
    return (
        moved
        and row is not None
        and any(v.cells["email_opt_out"] == "true" for v in row.versions if v.at_us > edit.at_us)
    )


# -- filter, books, silence ----------------------------------------------------------------------------------------


def _out_of_filter(claims: Claims) -> Iterator[str]:
    """What is changed while a record is outside the filter, and changed again or never back in, stays where it is."""
    if not claims.stage.variant.shape.is_filtered:
        return
    for edit in claims.stage.chronicle.edits:
        row = claims.row(edit.side, edit.record_id)
        if edit.side != "a" or edit.actor == US or row is None or not edit.new or _two_way(claims, edit.key) is None:
            continue
        after = _next_of(claims, edit)
        until = after.at_us if after else claims.stage.now_us()
        stood = [v for v in row.versions if edit.at_us <= v.at_us < until]
        if not stood or not all(is_out(row, v) for v in stood) or row.has_ended or len(row.versions) < 2:
            continue
        if edit.new in {"true", "false"} or _pushed(claims, row):
            continue
        was = [v.cells.get(edit.key) for v in row.versions if v.at_us < edit.at_us]
        if edit.new in was:
            continue
        for far in claims.stage.chronicle.rows["b"].values():
            if any(v.cells.get(edit.key) == edit.new and v.actor == US for v in far.versions):
                yield f"{edit.record_id} {edit.key} := {edit.new!r} was outside the filter, and {far.record_id} has it"


def _pushed(claims: Claims, row: Row) -> bool:
    return any(push.record_id == row.record_id for push in claims.stage.pushes)


def _unbalanced(claims: Claims) -> Iterator[str]:
    for report in claims.stage.reports:
        for law in report.balances:
            if not law.is_balanced:
                yield f"{law.law} {law.subject}: only left {law.only_left}, only right {law.only_right}"


def _many_writes(claims: Claims) -> Iterator[str]:
    """We do not answer our own writes: a cell is changed by us at most a few times more than by everybody else."""
    for link_id in claims.links:
        for mapping in claims.stage.sync.fields:
            ids = {(s, row.record_id) for s in SIDES for row in claims.members(link_id, s)}
            own = [e for e in claims.stage.chronicle.edits if e.key == mapping.key and (e.side, e.record_id) in ids]
            ours = [e for e in own if e.actor == US]
            if len(ours) > 2 * (len(own) - len(ours)) + 2 + 2 * len(claims.stage.undone):
                yield f"link {link_id} {mapping.key}: {len(ours)} changes of ours, {len(own) - len(ours)} of others"


def _above_the_ceiling(claims: Claims) -> Iterator[str]:
    """A turn creates no more than its ceiling lets it, unless somebody approved more."""
    stage = claims.stage
    if not stage.variant.has_low_ceilings or stage.variant.begins_empty or stage.sync.preset == "native":
        return
    for name, count in stage.created.items():
        began_us = int(name.rpartition("/")[2] or 0)
        is_free = any(at_us < began_us + TURN_US for at_us in stage.approved_us) or name.startswith("push")
        if count > 1 and began_us and not is_free:
            yield f"the turn {name} created {count}"


LAWS = (
    _above_the_ceiling,
    _apart,
    _company,
    _lost,
    _invented,
    _emptied,
    _doubled,
    _mixed,
    _resurrected,
    _forgotten,
    _ended_but_live,
    _deleted_by_us,
    _merged_by_us,
    _loosened,
    _out_of_filter,
    _unbalanced,
    _many_writes,
)
