"""Both sides agree, nothing is lost, and nothing is anybody's that was nobody's."""

from __future__ import annotations

from collections.abc import Iterator

from syncline.records import SIDES, other
from syncline.spec.model import Direction
from tests.simulation.chronicle import ADDRESS, RULE, US, Edit, Row
from tests.simulation.laws.claims import Claims, clock, explained, is_heir, next_of, two_way, was_hidden

UNKNOWN = "[unknown]"
"""What a new record gets where the system demands a value and the person has none."""

ARRIVES_US = 1_000_000_000
"""Within so long a write of ours arrives, if it does."""


def _apart(claims: Claims) -> Iterator[str]:
    """Both records of a person agree in every two-way field, or the state says why not."""
    for link_id, rows in claims.flowing():
        if claims.is_doubted(*(row.record_id for row in rows.values())):
            continue
        for mapping in claims.stage.sync.fields:
            values = {side: rows[side].now.cells.get(mapping.key) for side in SIDES}
            if mapping.direction is not Direction.BOTH or None in values.values() or values["a"] == values["b"]:
                continue
            if not explained(claims, link_id, mapping.key):
                ids = [row.record_id for row in rows.values()]
                yield f"{ids} {mapping.key}: {values} {claims.marks.get((link_id, mapping.key), '')}"


def _company(claims: Claims) -> Iterator[str]:
    """A lead's company flows to the person."""
    for link_id, rows in claims.flowing():
        here, there = rows["a"].now.cells.get("company"), rows["b"].now.cells["company"]
        if here and here not in (there, UNKNOWN) and not claims.marks.get((link_id, "company")):
            yield f"{rows['a'].record_id} has company {here!r}, {rows['b'].record_id} {there!r}"


def _lost(claims: Claims) -> Iterator[str]:
    """An edit that something showed us is on the other side, in the conflict log, or replaced by its own side."""
    by_record = {(side, row.record_id): link_id for link_id, rows in claims.flowing() for side, row in rows.items()}
    for edit in claims.stage.chronicle.edits:
        link_id = by_record.get((edit.side, edit.record_id))
        mapping = two_way(claims, edit.key)
        if link_id is None or mapping is None or edit.actor in (US, "before"):
            continue
        if not _we_overwrote(claims, edit) or _is_logged(claims, link_id, edit):
            continue
        if _only_carried(claims, link_id, edit) or _entered_as_it_was(claims, link_id, edit):
            continue
        if _says_nothing(claims, link_id, edit) or _reached(claims, link_id, edit) or _went_back(claims, link_id, edit):
            continue
        text = f"{edit.side} {edit.record_id} {edit.key}: {edit.new!r} at {clock(claims, edit.at_us)} was overwritten"
        shown_us = claims.stage.shown.get((edit.side, edit.record_id, edit.key, edit.new), -1)
        if shown_us >= edit.at_us and not was_hidden(claims, edit):
            yield text
        else:
            claims.window_losses.append(text)


def _is_logged(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether the conflict log holds the value. A record that was merged away and brought back is in a link of its own
    since; what was logged before went with the old one."""
    row = claims.row(edit.side, edit.record_id)
    has_been_away = row is not None and any(v.heir for v in row.versions)
    known = {(key, value) for _, key, value in claims.logged} if has_been_away else set()
    return (link_id, edit.key, edit.new) in claims.logged or (edit.key, edit.new) in known


def _we_overwrote(claims: Claims, edit: Edit) -> bool:
    """Whether it was replaced by what we sent, or by what a rule made of that. A rule that sets a field which we did
    not send does so on its own side."""
    after = next_of(claims, edit)
    if after is None or after.actor != US:
        return False
    cell = (edit.side, edit.record_id, edit.key)
    sent = (at_us for where, times in claims.stage.sending.sent_us.items() if where[:3] == cell for at_us in times)
    return RULE not in after.new or any(after.at_us - ARRIVES_US <= at_us <= after.at_us for at_us in sent)


def _only_carried(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether a conversion carried along what the record that ended held, and that was ours, of before, or had reached
    the other side: then it is nobody's edit."""
    for row in claims.stage.chronicle.rows[edit.side].values():
        if row.record_id != edit.record_id and any(v.heir == edit.record_id for v in row.versions):
            own = [e for e in claims.stage.chronicle.edits if (e.record_id, e.key) == (row.record_id, edit.key)]
            past = [e for e in own if e.at_us <= edit.at_us]
            if past and past[-1].new == edit.new:
                return past[-1].actor in (US, "before") or _reached(claims, link_id, past[-1])
    return False


def _entered_as_it_was(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether a record was entered with what the other side's held, and what went over it is what somebody changed
    that to: as far as we knew both held it when they were linked, and one of them has changed it."""
    row, after = claims.row(edit.side, edit.record_id), next_of(claims, edit)
    if row is None or after is None or row.versions[0].at_us != edit.at_us:
        return False
    far = claims.members(link_id, other(edit.side))
    held = {one.record_id for one in far if any(v.cells.get(edit.key) == edit.new for v in one.versions)}
    return any(
        one.record_id in held and (one.key, one.new) == (edit.key, after.new) and one.actor != US
        for one in claims.stage.chronicle.edits
    )


def _says_nothing(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether a blank (or a flag not set) came before anything was agreed on, or was filled by a merge or conversion
    of the record: the rules fill it."""
    if edit.new not in ("", "false"):
        return False
    based_us = claims.stage.based_us.get((link_id, edit.key), edit.at_us)
    row = claims.row(edit.side, edit.record_id)
    assert row is not None
    return edit.at_us <= based_us or row.versions[0].at_us == edit.at_us or is_heir(claims, edit.side, edit.record_id)


def _reached(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether the other side held the value at or after the edit, in whatever record of the person."""
    own = claims.row(edit.side, edit.record_id)
    person = own.person if own is not None else None
    far = [row for row in claims.stage.chronicle.rows[other(edit.side)].values() if person and row.person == person]
    for row in (*claims.members(link_id, other(edit.side)), *far):
        later = [v for v in row.versions if v.at_us > edit.at_us]
        held = [v for v in (row.at(edit.at_us), *later) if v is not None]
        if any(v.cells.get(edit.key) == edit.new for v in held):
            return True
    return False


def _went_back(claims: Claims, link_id: int, edit: Edit) -> bool:
    """Whether the edit only took the field back to what both sides last agreed on: then the side has not changed."""
    near, far = claims.members(link_id, edit.side), claims.members(link_id, other(edit.side))
    times = sorted({v.at_us for own in (*near, *far) for v in own.versions if v.at_us < edit.at_us}, reverse=True)
    for at_us in times:
        mine = {v.cells.get(edit.key) for own in near if (v := own.at(at_us)) is not None}
        known = {v.cells.get(edit.key) for own in far if (v := own.at(at_us)) is not None}
        if agreed := (mine & known) - {None}:
            return edit.new in agreed
    return not edit.new


def _invented(claims: Claims) -> Iterator[str]:
    """What we write into a two-way field was held there or on the other side by a record of the same person before."""
    merged = any(v.heir for side in SIDES for row in claims.stage.chronicle.rows[side].values() for v in row.versions)
    for edit in claims.stage.chronicle.edits:
        if edit.actor != US or two_way(claims, edit.key) is None or (edit.key == "score" and merged):
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
            yield f"{edit.side} {edit.record_id} {edit.key}: {edit.new!r} at {clock(claims, edit.at_us)} was nobody's"


def _emptied(claims: Claims) -> Iterator[str]:
    """We empty a field only after somebody emptied it on the other side."""
    if claims.stage.undone:
        return
    for edit in claims.stage.chronicle.edits:
        if edit.actor != US or edit.new or not edit.old or two_way(claims, edit.key) is None:
            continue
        end = claims.ends.get((edit.side, edit.record_id))
        row = claims.row(edit.side, edit.record_id)
        if end is None or row is None or row.now.has_ended:
            continue
        people = claims.members(end["link_id"], other(edit.side))
        if edit.key in ADDRESS and any(_was_blank_lately(one, edit) for one in people):
            continue  # an address is decided as one
        ids = {member.record_id for member in people}
        once = {
            one.record_id
            for one in claims.stage.chronicle.rows[other(edit.side)].values()
            if any(v.heir in ids for v in one.versions)  # and may be somebody of his own again
        }
        acts = [
            one
            for one in claims.stage.chronicle.edits
            if one.side != edit.side
            and one.key == edit.key
            and not one.new
            and one.at_us <= edit.at_us
            and one.record_id in ids | once
        ]
        if not acts:
            yield f"{edit.side} {edit.record_id} {edit.key}: {edit.old!r} was emptied at {clock(claims, edit.at_us)}"


READ_US = ARRIVES_US + 300_000_000
"""Before a write arrives: what it was made from may have been read so long ago, over a slow network."""


def _was_blank_lately(row: Row, edit: Edit) -> bool:
    """Whether the record's field was blank when the edit was made, or when what it was made from was read."""
    since = [v for v in row.versions if edit.at_us - READ_US <= v.at_us <= edit.at_us]
    return any(v is not None and not v.cells.get(edit.key) for v in (row.at(edit.at_us - READ_US), *since))


LAWS = (
    _apart,
    _company,
    _lost,
    _invented,
    _emptied,
)
