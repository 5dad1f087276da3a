"""What must hold at rest after people's records ended: who follows whom, who is made anew, what is never done.

Each law returns sentences about what breaks it; none is what we want. The other laws are in `memory_laws`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncline.connectors.memory.system import Row, Version
from syncline.records import SIDES, Side, other
from syncline.spec.model import OnDelete
from syncline.trees import Table
from tests.support.memory_laws import EXPLAINS
from tests.support.memory_life import Life

US = "syncline"


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Somebody pushed a record by hand."""

    side: Side
    record_id: str
    at_us: int


@dataclass(kw_only=True)
class Rest:
    """What the store and the systems say at rest."""

    life: Life
    pushes: Sequence[Pushed]
    links: dict[int, dict[str, Any]] = field(default_factory=dict)
    ends: dict[tuple[Side, str], dict[str, Any]] = field(default_factory=dict)
    doubts: str = ""  # every open hold and dead letter, as text
    unflaggable: set[int] = field(default_factory=set)  # links of which side b does not take the flag

    @staticmethod
    async def of(life: Life, pushes: Sequence[Pushed]) -> Rest:
        rest = Rest(life=life, pushes=pushes)
        store = life.store
        rest.links = {row["link_id"]: row for row in (await store.rows(Table.LINK)).iter_rows(named=True)}
        for row in (await store.rows(Table.LINK_END)).iter_rows(named=True):
            rest.ends["a" if row["side"] == "a" else "b", row["record_id"]] = row
        holds = await store.rows(Table.HOLD, {"state": "open"})
        letters = await store.rows(Table.DEAD_LETTER, {"state": "dead"})
        mergers = await store.rows(Table.MERGER, {"state": ["held", "refused"]})
        marks = (await store.rows(Table.MARK, {"mapping": "gone"})).iter_rows(named=True)
        rest.unflaggable = {mark["link_id"] for mark in marks if mark["kind"] in EXPLAINS}
        texts = [str(row) for frame in (holds, letters, mergers) for row in frame.iter_rows()]
        rest.doubts = "\n".join(texts)
        return rest

    def row(self, side: Side, record_id: str) -> Row:
        return self.life.systems[side].rows[record_id]

    def members(self, link_id: int, side: Side) -> list[str]:
        """Every record a link ever had on a side that the store still knows."""
        return [one for (s, one), end in self.ends.items() if s == side and end["link_id"] == link_id]

    def current(self, link_id: int, side: Side) -> str | None:
        own = self.members(link_id, side)
        return next((one for one in own if self.ends[side, one]["role"] == "current"), None)

    def last(self, side: Side, record_id: str) -> str:
        """The end of a chain of heirs."""
        while (heir := self.row(side, record_id).now.heir) is not None:
            record_id = heir.record_id
        return record_id

    def is_doubted(self, *record_ids: str) -> bool:
        """Whether a person is asked about one of these."""
        return any(one in self.doubts for one in record_ids)


def broken_endings(rest: Rest) -> list[str]:
    """All laws of this module."""
    laws = (_ended_but_live, _alive_but_alias, _unfollowed, _forgotten, _resurrected, _deleted, _merged, _loosened)
    return [f"{law.__name__.strip('_')}: {text}" for law in (*laws, _unflagged) for text in law(rest)]


def _ended_but_live(rest: Rest) -> Iterator[str]:
    """The current records of a live link are there; a tombstone has one that is not."""
    for link_id, link in rest.links.items():
        ids = {side: one for side in SIDES if (one := rest.current(link_id, side))}
        gone = [one for side, one in ids.items() if rest.row(side, one).has_ended]
        if any(rest.row(side, one).now.is_purged and link[f"visible_{side}"] is False for side, one in ids.items()):
            continue  # gone before we saw it deleted: nothing flows, and it is reported
        if link["state"] == "live" and gone and not rest.is_doubted(*ids.values()):
            yield f"link {link_id} {ids} is live, but {gone} ended"
        if link["state"] == "tombstone" and len(ids) == 2 and not gone:
            yield f"link {link_id} {ids} is a tombstone, but both are there"


def _alive_but_alias(rest: Rest) -> Iterator[str]:
    """An alias is a record that ended in another one, or was replaced after its own end."""
    for (side, record_id), end in rest.ends.items():
        if end["role"] == "alias" and not rest.row(side, record_id).has_ended:
            yield f"{side} {record_id} is an alias of link {end['link_id']} and lives"


def _unfollowed(rest: Rest) -> Iterator[str]:
    """A record that ended in another one is an alias of that one's link."""
    for side in SIDES:
        for record_id, row in rest.life.systems[side].rows.items():
            if row.now.heir is None:
                continue
            last = rest.last(side, record_id)
            mine, its = rest.ends.get((side, record_id)), rest.ends.get((side, last))
            if mine is None or rest.is_doubted(record_id, last):
                continue
            if its is None or its["link_id"] != mine["link_id"]:
                yield f"{side} {record_id} ended in {last}: links {mine['link_id']}, {its and its['link_id']}"
            elif mine["role"] != "alias":
                yield f"{side} {record_id} ended in {last} and is {mine['role']} of link {mine['link_id']}"


def _forgotten(rest: Rest) -> Iterator[str]:
    """Who is there and in the filter is in a link, or somebody is asked; what we made is in a link."""
    for side in SIDES:
        for record_id, row in rest.life.systems[side].rows.items():
            if row.has_ended or row.now.cells["status"] == "out" or (side, record_id) in rest.ends:
                continue
            # A record that was merged away and undeleted is a stranger: as if somebody had entered it by hand.
            by_us = row.versions[0].actor == US and not any(version.heir for version in row.versions)
            if (side == "a" or by_us) and not rest.is_doubted(record_id):
                yield f"{side} {record_id} ({'ours' if by_us else 'entered by hand'}) is in no link"


def _resurrected(rest: Rest) -> Iterator[str]:
    """A record is made anew after the one it stands for was deleted only if the policy says so, or a push."""
    for side in SIDES:
        for link_id in rest.links:
            own = rest.members(link_id, side)
            for record_id in own:
                row = rest.row(side, record_id)
                before = [
                    gone_us
                    for one in own
                    if one != record_id
                    and row.versions[0].actor == US
                    and _were_pair(rest, side, one, _source(row))
                    and (gone_us := _deleted_us(rest.row(side, one), row.created_us)) is not None
                ]
                if before and not _may_return(rest, side, link_id, min(before), row.created_us):
                    yield f"{side} {record_id} was made for link {link_id}, whose record there was deleted: {own}"


def _source(row: Row) -> str:
    """The id, in small letters, of the record that this one was made for, as its key says."""
    return row.versions[0].cells["key"].split("~")[0].rpartition(".")[2]


def _were_pair(rest: Rest, side: Side, record_id: str, far_id: str) -> bool:
    """Whether side b ever knew these two as one person."""
    ids = {side: record_id.lower(), other(side): far_id}
    return any(
        version.cells["twin_id"].lower() == ids["a"]
        for one, row in rest.life.systems["b"].rows.items()
        if one.lower() == ids["b"]
        for version in row.versions
    )


def _may_return(rest: Rest, side: Side, link_id: int, gone_us: int, at_us: int) -> bool:
    if rest.life.sync.on_delete.get(side) is OnDelete.RECREATE:
        return True
    named = {(s, one) for s in SIDES for one in rest.members(link_id, s)}
    return any((push.side, push.record_id) in named and gone_us <= push.at_us <= at_us for push in rest.pushes)


def _deleted_us(row: Row, before_us: int) -> int | None:
    """Since when the record lay in the bin, without an heir, at that time; None if it did not."""
    past = [version for version in row.versions if version.committed_us < before_us]
    if not past or not past[-1].is_deleted or past[-1].heir is not None:
        return None
    return past[-1].committed_us


def _ours(rest: Rest) -> Iterator[tuple[Side, Row, Version, Version]]:
    """Every version that we made of a record that was there, with the one before."""
    for side in SIDES:
        for row in rest.life.systems[side].rows.values():
            for old, new in zip(row.versions, row.versions[1:], strict=False):
                if new.actor == US:
                    yield side, row, old, new


def _deleted(rest: Rest) -> Iterator[str]:
    """We delete nothing that no policy tells us to, and only after its counterpart was deleted."""
    for side, row, old, new in _ours(rest):
        if not new.is_deleted or old.is_deleted or new.heir is not None:
            continue
        end = rest.ends.get((side, row.record_id))
        far = rest.members(end["link_id"], other(side)) if end else []
        was_deleted = any(
            version.is_deleted and version.committed_us <= new.committed_us
            for one in far
            for version in rest.row(other(side), one).versions
        )
        if rest.life.sync.on_delete.get(other(side)) is not OnDelete.DELETE or not was_deleted:
            yield f"we deleted {side} {row.record_id} at {new.committed_us}"


def _merged(rest: Rest) -> Iterator[str]:
    """We merge and convert only people whose records on the other side became one."""
    for side, row, old, new in _ours(rest):
        if new.heir is None or old.heir is not None:
            continue
        end = rest.ends.get((side, new.heir.record_id))
        far = rest.members(end["link_id"], other(side)) if end else []
        if not _became_one(rest, other(side), far):
            yield f"we let {side} {row.record_id} end in {new.heir.record_id}"


def _became_one(rest: Rest, side: Side, members: Sequence[str]) -> bool:
    """Whether some record of *side*, perhaps undeleted since, ended in one of *members*."""
    versions = (version for row in rest.life.systems[side].rows.values() for version in row.versions)
    return any(version.heir is not None and version.heir.record_id in members for version in versions)


def _loosened(rest: Rest) -> Iterator[str]:
    """We lift an opt-out only after a person lifted it on the other side."""
    for side, row, old, new in _ours(rest):
        if old.cells["opt_out"] != "true" or new.cells["opt_out"] == "true" or old.is_deleted:
            continue
        end = rest.ends.get((side, row.record_id))
        far = set(rest.members(end["link_id"], other(side))) if end else set()
        acts = [
            edit
            for edit in rest.life.edits
            if (edit.side, edit.field, edit.old) == (other(side), "opt_out", "true")
            and edit.record_id in far
            and edit.at_us <= new.committed_us
        ]
        if not acts:
            yield f"{side} {row.record_id} was opted in by us at {new.committed_us}"


def _unflagged(rest: Rest) -> Iterator[str]:
    """With `flag` the counterpart of a deleted record says so, and no other does."""
    if rest.life.sync.on_delete.get("a") is not OnDelete.FLAG:
        return
    for link_id, link in rest.links.items():
        ids = rest.current(link_id, "a"), rest.current(link_id, "b")
        if ids[0] is None or ids[1] is None or rest.row("b", ids[1]).has_ended or rest.is_doubted(*map(str, ids)):
            continue
        here, said = rest.row("a", ids[0]).now, rest.row("b", ids[1]).now.cells["status"]
        if link_id in rest.unflaggable or (here.is_purged and link["state"] == "live"):
            continue  # side b ignores it, or nobody proved a delete
        is_deleted = here.is_deleted and here.heir is None
        if is_deleted != (said == "true") and not (link["member_a"] is False or here.cells["status"] == "out"):
            yield f"b {ids[1]} says {said!r} of a {ids[0]} (deleted: {is_deleted})"
