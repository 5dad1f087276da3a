"""Nobody is made twice or brought back, and ends are followed as the policies say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from syncline.records import SIDES, Side, other
from syncline.spec.model import OnDelete
from tests.simulation.chronicle import US, Edit, Row
from tests.simulation.laws.claims import SOON_US, Claims, clock, is_out, was_hidden

UNREAD_US = 300_000_000
"""So long a cycle may be at it with what it read at its beginning."""


def _doubled(claims: Claims) -> Iterator[str]:
    """One key, one record; one record, one link; nobody is made whose twin was there to be seen and free."""
    for side in SIDES:
        rows = claims.stage.chronicle.rows[side]
        keys = Counter(row.versions[0].cells["key"] for row in rows.values() if row.versions[0].cells["key"])
        for key, count in keys.items():
            made = [
                row
                for row in rows.values()
                if row.versions[0].cells["key"] == key
                and row.versions[0].actor == US
                and not (row.has_ended and (side, row.record_id) not in claims.ends)  # came late, ended unseen
                and not (row.has_ended and _came_back(claims, other(side), key))
            ]
            if count > 1 and len([row for row in made if "~" not in key and not _nobody_knew(claims, row)]) > 1:
                yield f"{len(made)} records on {side} were made with the key {key}"
        for row in rows.values():
            if row.versions[0].actor == US and claims.stage.variant.shape.preset == "recommended":
                yield from _had_a_twin(claims, row)


def _came_back(claims: Claims, side: Side, key: str) -> bool:
    """Whether whom a record was made from, or one who ended in it, ended and was undeleted: after a merge one of the
    two is a stranger again, by its key."""
    source_id = key.split("~")[0].rpartition(".")[2]
    return any(
        source_id in (row.record_id.lower(), *(v.heir.lower() for v in row.versions if v.heir))
        and any(old.has_ended and not new.has_ended for old, new in zip(row.versions, row.versions[1:], strict=False))
        for row in claims.stage.chronicle.rows[side].values()
    )


def _nobody_knew(claims: Claims, row: Row) -> bool:
    """Whether nobody could know that it was made: the answer was lost, and it had ended again, or its side showed no
    rows until then, before anything showed it to us."""
    ended_us = next((v.at_us for v in row.versions if v.has_ended), None)
    if ended_us is None:
        return False
    cells = row.versions[0].cells
    was_shown = any((row.side, row.record_id, key, cells[key]) in claims.stage.shown for key in ("key", "email"))
    is_known = was_shown or (row.side, row.record_id) in claims.ends
    return not is_known or any(
        one.side == row.side and one.since_us <= ended_us <= (one.until_us or ended_us) for one in claims.stage.unseen
    )


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
            when = clock(claims, created.at_us)
            yield f"{made.side} {made.record_id} was made at {when}, and {row.record_id} was there"


def _not_taken_back(claims: Claims) -> Iterator[str]:
    """Who is entered anew after his delete takes the place beside the record that was left: nobody is made for him."""
    if claims.stage.variant.shape.preset != "recommended":
        return
    for one in claims.stage.returns:
        pair = (one.come, one.left)
        if not one.gone.has_ended or any(row.has_ended for row in pair):
            continue
        asked = [
            line for line in claims.doubts.splitlines() if next(r.record_id for r in pair if r.side == "a") in line
        ]
        if any(", 'linked', " not in line for line in asked):  # that the one left is linked is just what is not so
            continue
        links = {claims.ends.get((row.side, row.record_id), {}).get("link_id") for row in pair}
        if len(links) != 1 and one.come.now.cells["email"] == one.left.now.cells["email"]:
            yield f"{one.come.side} {one.come.record_id} came back, and {one.left.record_id} stands alone"


def _mixed(claims: Claims) -> Iterator[str]:
    """The records of a link are one person's."""
    for link_id in claims.links:
        people = {row.person for side in SIDES for row in claims.members(link_id, side)} - {None}
        if len(people) > 1:
            yield f"link {link_id} holds records of the persons {sorted(map(str, people))}"


def _resurrected(claims: Claims) -> Iterator[str]:
    """A record is made for a person whose record there was deleted only if the policy says so, by a push or an undo."""
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
                if _were_two(claims, old, row, born_us):
                    continue
                asked_us = (*(push.at_us for push in stage.pushes), *stage.undone)
                if not any(then.at_us <= at_us <= born_us for at_us in asked_us):
                    made = f"{side} {row.record_id} was made at {clock(claims, born_us)}"
                    yield f"{made} after {old.record_id} was deleted"


def _were_two(claims: Claims, old: Row, made: Row, at_us: int) -> bool:
    """Whether *made* was made for another record than *old* belonged to, and those two became one only later, or so
    shortly before that who made it need not have read it."""
    named = made.versions[0].cells["key"].split("~")[0].rpartition(".")[2]
    rows = claims.stage.chronicle.rows[other(made.side)].values()
    was_its = any(named in (v.cells["key"].lower(), v.cells.get("sfdc_id", "").lower()) for v in old.versions)
    since_us = at_us - UNREAD_US
    became_one = any(
        v.heir is not None and v.at_us > since_us and named in (row.record_id.lower(), v.heir.lower())
        for row in rows
        for v in row.versions
    )
    return not was_its and became_one


def _forgotten(claims: Claims) -> Iterator[str]:
    """Whoever is there on side a and in the filter is in a link, or a person is asked; so is whoever we made."""
    for side in SIDES:
        for record_id, row in claims.stage.chronicle.rows[side].items():
            if row.has_ended or is_out(row, row.now) or (side, record_id) in claims.ends:
                continue
            if row.object_type not in claims.stage.sync.side(side).object_types:
                continue
            if _was_out_of_sight(claims, side, row):
                continue
            by_us = row.versions[0].actor == US and not any(v.heir for v in row.versions)
            if (side == "a" or by_us) and not claims.is_doubted(record_id) and not _is_awaited(claims, row):
                yield f"{side} {record_id} of person {row.person} ({'ours' if by_us else 'entered'}) is in no link"


def _was_out_of_sight(claims: Claims, side: Side, row: Row) -> bool:
    """Whether nothing ever showed the record, and its changes would have been told while the side showed no rows: no
    stamp moves when they come back, and verification looks at pairs alone."""
    hidden = [one for one in claims.stage.unseen if one.side == side]
    was_shown = any(cell[:2] == (side, row.record_id) for cell in claims.stage.shown)
    return not was_shown and all(
        any(one.since_us - SOON_US <= v.at_us <= (one.until_us or v.at_us) for one in hidden) for v in row.versions
    )


def _is_awaited(claims: Claims, row: Row) -> bool:
    """Whether a ceiling holds creates in this history: then a person is asked about the whole set."""
    return claims.stage.variant.has_low_ceilings and "ceiling" in claims.doubts


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
        if any(_is_heir_purged(claims, side, row) for side, row in rows.items()):
            continue  # gone without a word, as far as anybody can read
        if link["state"] == "live" and gone:
            yield f"link {link_id} {ids} is live, but {gone} ended"
        if link["state"] == "tombstone" and len(rows) == 2 and not gone and not _are_one(claims, link_id):
            yield f"link {link_id} {ids} is a tombstone, but both are there"


def _is_heir_purged(claims: Claims, side: Side, row: Row) -> bool:
    heir = claims.row(side, row.now.heir or "")
    return heir is not None and heir.now.is_purged


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
                    yield f"we deleted {side} {row.record_id} at {clock(claims, new.at_us)}"


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
        far = {row.record_id for one in _of_one_address(claims, edit) for row in _across(claims, edit.side, one)}
        if _moved_to_another_address(claims, edit) or _nobody_could_see(claims, edit):
            continue
        acts = [
            one
            for one in claims.stage.chronicle.edits
            if one.key == "email_opt_out" and one.old == "true" and one.at_us <= edit.at_us and one.record_id in far
            if not _came_with_an_address(claims, one)
        ]
        if not acts:
            yield f"{edit.side} {edit.record_id} was opted in by us at {clock(claims, edit.at_us)}"


def _turned_back(claims: Claims) -> Iterator[str]:
    """Where everybody had agreed on a no and somebody said yes, all records of that address say yes."""
    for rows in claims.stage.yeses:
        for row in rows:
            if not row.has_ended and row.now.cells["email_opt_out"] == "true":
                yield f"{row.side} {row.record_id} says no, though the last word was yes"


def _of_one_address(claims: Claims, edit: Edit) -> list[str]:
    """The record, and on b those that had its address then: the vendor keeps one consent for all of them."""
    row = claims.row(edit.side, edit.record_id)
    then = row.at(edit.at_us) if row is not None else None
    if then is None or edit.side == "a":
        return [edit.record_id]
    rows = claims.stage.chronicle.rows["b"].values()
    return [one.record_id for one in rows if (v := one.at(edit.at_us)) and v.cells["email"] == then.cells["email"]]


def _across(claims: Claims, side: Side, record_id: str) -> list[Row]:
    """The records on the other side of whatever link a record is in."""
    end = claims.ends.get((side, record_id))
    return claims.members(end["link_id"], other(side)) if end else []


def _nobody_could_see(claims: Claims, edit: Edit) -> bool:
    """Whether the opt-out came while the side showed no rows, and was told by nothing before we wrote."""
    cell = (edit.side, edit.record_id, edit.key)
    said_no = [one for one in claims.stage.chronicle.edits if (one.side, one.record_id, one.key) == cell]
    last = [one for one in said_no if one.at_us < edit.at_us and one.actor != US]
    shown_us = claims.stage.shown.get((*cell, "true"), edit.at_us)
    return bool(last) and was_hidden(claims, last[-1]) and shown_us >= edit.at_us


def _came_with_an_address(claims: Claims, edit: Edit) -> bool:
    """Whether the record's address changed in the same moment: what the vendor knows of the new one is nobody's yes."""
    same = (edit.side, edit.record_id, edit.at_us)
    return any(
        one.key == "email" and one.old and (one.side, one.record_id, one.at_us) == same
        for one in claims.stage.chronicle.edits
    )


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


LAWS = (
    _doubled,
    _not_taken_back,
    _mixed,
    _resurrected,
    _forgotten,
    _ended_but_live,
    _deleted_by_us,
    _merged_by_us,
    _loosened,
    _turned_back,
)
