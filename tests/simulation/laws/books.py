"""Filters and ceilings are kept, the books balance, and we do not answer our own writes."""

from __future__ import annotations

from collections.abc import Iterator

from syncline.records import SIDES
from tests.simulation.chronicle import US, Edit, Row
from tests.simulation.laws.claims import Claims, is_out, next_of, two_way
from tests.simulation.sending import UNDO

TURN_US = 600_000_000
"""No turn lasts longer."""


def _out_of_filter(claims: Claims) -> Iterator[str]:
    """What is changed while a record is outside the filter, and changed again or never back in, stays where it is."""
    if not claims.stage.variant.shape.is_filtered:
        return
    for edit in claims.stage.chronicle.edits:
        row = claims.row(edit.side, edit.record_id)
        if edit.side != "a" or edit.actor == US or row is None or not edit.new or two_way(claims, edit.key) is None:
            continue
        after = next_of(claims, edit)
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
            edits = [e for e in claims.stage.chronicle.edits if e.key == mapping.key and (e.side, e.record_id) in ids]
            own = [e for e in edits if e.actor != US or not _came_along(claims, e)]
            ours = [e for e in own if e.actor == US]
            heirs = len(ids) - 2  # with each of them the person's ids are others
            comings = _comings(claims, link_id) if mapping.key == "sfdc_deleted" else 0
            if len(ours) > 2 * (len(own) - len(ours)) + 2 + heirs + comings + 2 * len(claims.stage.undone):
                yield f"link {link_id} {mapping.key}: {len(ours)} changes of ours, {len(own) - len(ours)} of others"


def _came_along(claims: Claims, edit: Edit) -> bool:
    """Whether b changed the consent of a record because we changed that of another one with its address."""
    if (edit.side, edit.key) != ("b", "email_opt_out"):
        return False
    return (edit.side, edit.record_id, edit.key, edit.new) not in claims.stage.sending.sent_us


def _comings(claims: Claims, link_id: int) -> int:
    """How often one of a link's records was deleted or brought back, which is told on the other side."""
    return sum(
        old.is_deleted != new.is_deleted
        for side in SIDES
        for row in claims.members(link_id, side)
        for old, new in zip(row.versions, row.versions[1:], strict=False)
    )


def _above_the_ceiling(claims: Claims) -> Iterator[str]:
    """A turn creates, deletes and blanks no more than its ceilings let it, unless somebody approved more."""
    stage = claims.stage
    if not stage.variant.has_low_ceilings or stage.variant.begins_empty or stage.sync.preset == "native":
        return
    for (name, kind), count in stage.sending.counted.items():
        began_us = int(name.rpartition("/")[2] or 0)
        is_free = any(at_us < began_us + TURN_US for at_us in stage.approved_us) or name.startswith((UNDO, "push"))
        if count > 1 and began_us and not is_free:
            yield f"the turn {name} sent {count} of the kind {kind}"


LAWS = (
    _above_the_ceiling,
    _out_of_filter,
    _unbalanced,
    _many_writes,
)
