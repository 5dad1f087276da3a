"""What is said is true: written means written, a loss in the log was one, and who ends leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

from syncline.records import SIDES, other
from tests.simulation.chronicle import RULE, US, Row, Version
from tests.simulation.laws.claims import Claims, clock, two_way
from tests.simulation.sending import LATE_US


def _told_written(claims: Claims) -> Iterator[str]:
    """What an answer called written was there between its sending and a while after the answer, before it was sent
    anew; where no rule of the system replaces it."""
    if claims.stage.variant.has_flows or claims.stage.variant.has_admin:
        return
    for told in claims.stage.sending.told:
        row = claims.row(told.side, told.record_id)
        then = row.at(told.at_us) if row is not None else None
        if row is None or then is None or then.has_ended or row.has_ended:
            continue
        again = claims.stage.sending.sent_us[told.side, told.record_id, told.key, told.value]
        until_us = min([told.at_us + LATE_US, *(at_us for at_us in again if at_us > told.at_us)])
        stood = [row.at(told.sent_us), *(v for v in row.versions if told.sent_us < v.at_us <= until_us)]
        held = {v.cells.get(told.key) for v in stood if v is not None}
        if told.value not in held:
            when = clock(claims, told.at_us)
            yield f"{told.side} {told.record_id} {told.key} := {told.value!r} was told written at {when}"


def _cried_wolf(claims: Claims) -> Iterator[str]:
    """What the conflict log calls overwritten is not what overwrote it."""
    for row in claims.conflicts:
        if row["kind"] == "overwritten_in_flight" and row["value_a"] == row["value_b"]:
            yield f"link {row['link_id']} {row['mapping']}: {row['value_a']!r} was overwritten by itself"


def _left_behind(claims: Claims) -> Iterator[str]:
    """What a record held that we let end in another one is in that one, on the other side, or in the conflict log;
    what was entered there and shown to nobody before is counted."""
    logged = {(key, value) for _, key, value in claims.logged}
    for side in SIDES:
        for row in claims.stage.chronicle.rows[side].values():
            ending = _merged_away(row)
            if ending is None or ending[1].actor != US or row.person is None:
                continue
            before, after = ending
            for key, value in before.cells.items():
                mapping = two_way(claims, key)
                if mapping is None or not value or value == "false" or key in ("score", "street", "city"):
                    continue
                if (key, value) in logged or _is_held(claims, row, key, value, after.at_us):
                    continue
                text = f"{side} {row.record_id} ended with {key} {value!r}, which is nowhere"
                if (side, row.record_id, key, value) in claims.stage.shown or not _was_entered(claims, row, key, value):
                    yield text
                else:
                    claims.window_losses.append(text)


def _was_entered(claims: Claims, row: Row, key: str, value: str) -> bool:
    """Whether somebody else than us entered the value there."""
    return any(
        (one.record_id, one.key, one.new) == (row.record_id, key, value) and one.actor != US
        for one in claims.stage.chronicle.edits
    )


def _merged_away(row: Row) -> tuple[Version, Version] | None:
    """The last version of a record before it ended in another, and that end; None if it did not."""
    for old, new in zip(row.versions, row.versions[1:], strict=False):
        if new.heir is not None and old.heir is None:
            return old, new
    return None


def _is_held(claims: Claims, row: Row, key: str, value: str, at_us: int) -> bool:
    """Whether some other record of the person, which had not ended, held the value then or later."""
    for side in SIDES:
        for one in claims.stage.chronicle.rows[side].values():
            if one.person != row.person or one is row:
                continue
            then = one.at(at_us)
            held = [v for v in (then, *one.versions) if v is not None and (v is then or v.at_us >= at_us)]
            if any(v.cells.get(key) == value and not v.has_ended for v in held):
                return True
    return False


def _opted_in_by_merging(claims: Claims) -> Iterator[str]:
    """Who said no is not asked again because two of his records became one: unless somebody says yes since."""
    if claims.stage.undone:
        return
    for link_id, rows in claims.flowing():
        if claims.marks.get((link_id, "email_opt_out")) or claims.is_doubted(*(r.record_id for r in rows.values())):
            continue
        for side in SIDES:
            for row in claims.members(link_id, side):
                ending = _merged_away(row)
                if ending is None or ending[1].actor != US or ending[0].cells["email_opt_out"] != "true":
                    continue
                said_no_us = max(_said_no_us(claims, row.record_id), default=0)
                said_yes = any(
                    one.key in ("email_opt_out", "email")
                    and one.at_us >= said_no_us
                    and one.actor != US
                    and claims.row(one.side, one.record_id) is not None
                    and claims.stage.chronicle.rows[one.side][one.record_id].person == row.person
                    and (one.key == "email" or (one.old, one.new) == ("true", "false"))
                    for one in claims.stage.chronicle.edits
                )
                if not said_yes and rows[side].now.cells["email_opt_out"] != "true":
                    yield f"{side} {row.record_id} said no and ended in {rows[side].record_id}, which says yes"


def _said_no_us(claims: Claims, record_id: str) -> list[int]:
    """When a record's opt-out was set."""
    return [
        one.at_us
        for one in claims.stage.chronicle.edits
        if (one.record_id, one.key, one.new) == (record_id, "email_opt_out", "true")
    ]


def _died_with(claims: Claims) -> Iterator[str]:
    """A record that we delete takes no edit along that we were shown and that is nowhere else."""
    logged = {(key, value) for _, key, value in claims.logged}
    for side in SIDES:
        for row in claims.stage.chronicle.rows[side].values():
            ends = [v for old, v in zip(row.versions, row.versions[1:], strict=False) if v.is_deleted > old.is_deleted]
            if not ends or ends[0].actor != US or ends[0].heir is not None or (side, row.record_id) not in claims.ends:
                continue
            link_id = claims.ends[side, row.record_id]["link_id"]
            far = [v for one in claims.members(link_id, other(side)) for v in one.versions]
            told_us = min((v.at_us for v in far if v.is_deleted), default=0)
            for edit in claims.stage.chronicle.edits:
                if (edit.side, edit.record_id) != (side, row.record_id) or edit.actor in (US, "before"):
                    continue
                if two_way(claims, edit.key) is None or not edit.new or edit.key == "email_opt_out" or RULE in edit.new:
                    continue
                is_last = row.at(ends[0].at_us - 1) is not None and ends[0].cells.get(edit.key) == edit.new
                was_shown = claims.stage.shown.get((side, row.record_id, edit.key, edit.new), -1) >= edit.at_us
                is_known = any(v.cells.get(edit.key) == edit.new for v in far) or (edit.key, edit.new) in logged
                if is_last and was_shown and not is_known and edit.at_us < told_us:
                    when = clock(claims, ends[0].at_us)
                    yield f"{side} {row.record_id} {edit.key} {edit.new!r} died with it at {when}"


def _scored(claims: Claims) -> Iterator[str]:
    """A score that merges make is no more than what people gave all records of the person together."""
    edits = [one for one in claims.stage.chronicle.edits if one.key == "score" and one.new]
    for person in {row.person for side in SIDES for row in claims.stage.chronicle.rows[side].values()} - {None}:
        given: dict[tuple[str, str], int] = {}
        for one in edits:
            if one.actor != US and claims.stage.chronicle.rows[one.side][one.record_id].person == person:
                at = (one.side, one.record_id)
                given[at] = max(given.get(at, 0), int(one.new))
        for one in edits:
            is_ours = one.actor == US and claims.stage.chronicle.rows[one.side][one.record_id].person == person
            if is_ours and int(one.new) > sum(given.values()):
                yield f"{one.side} {one.record_id}: a score of {one.new}, of {sorted(given.values())}"


LAWS = (
    _told_written,
    _cried_wolf,
    _left_behind,
    _opted_in_by_merging,
    _died_with,
    _scored,
)
