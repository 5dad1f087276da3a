"""What the state claims at rest, beside the chronicle that it is judged by: what every law asks for.

Not here: the laws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from syncline.records import SIDES, Side
from syncline.spec.model import Direction, FieldMap
from syncline.trees import Table
from tests.simulation.chronicle import Edit, Row, Version
from tests.simulation.stage import Stage

EXPLAINS = ("normalised", "held_conflict", "held", "blocked", "not_taken", "apart", "frozen", "dead", "drift")

SOON_US = 900_000_000
"""Until whatever becomes of an edit is told."""


@dataclass(kw_only=True)
class Claims:
    """What the state claims at rest, and the truth to hold against it."""

    stage: Stage
    links: dict[int, dict[str, Any]] = field(default_factory=dict)
    ends: dict[tuple[Side, str], dict[str, Any]] = field(default_factory=dict)
    marks: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    logged: set[tuple[int, str, str]] = field(
        default_factory=set
    )  # link, or one it became part of, mapping, kept value
    conflicts: list[dict[str, Any]] = field(default_factory=list)
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
        done = await store.rows(Table.MERGER, {"state": ["done", "local"]})
        into = dict(done.select("loser_link", "winner_link").iter_rows())
        for row in (await store.rows(Table.CONFLICT)).iter_rows(named=True):
            values = {value for value in (row["value_a"], row["value_b"]) if value is not None}
            claims.conflicts.append(row)
            own = (row["link_id"], *_became(row["link_id"], into))
            claims.logged |= {(link_id, row["mapping"], value) for value in values for link_id in own}
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


def _became(link_id: int, into: dict[int, int]) -> list[int]:
    """The links that it was united with, one after the other."""
    past: list[int] = []
    while (link_id := into.get(link_id, 0)) and link_id not in past:
        past.append(link_id)
    return past


def is_out_at(claims: Claims, row: Row, at_us: int) -> bool:
    version = row.at(at_us)
    return version is not None and is_out(row, version)


def is_out(row: Row, version: Version) -> bool:
    return version.cells.get("status") == "Cold" and row.object_type == "Lead"


def two_way(claims: Claims, key: str) -> FieldMap | None:
    mapping = next((m for m in claims.stage.sync.fields if m.key == key), None)
    return mapping if mapping is not None and mapping.direction is Direction.BOTH else None


def explained(claims: Claims, link_id: int, key: str) -> bool:
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
    if variant.has_fight:
        kinds |= {"frozen"}
    if variant.has_flows or variant.has_admin or variant.has_altering:
        kinds |= {"dead", "not_taken", "frozen", "blocked"}
    return kinds


def clock(claims: Claims, at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%H:%M:%S.%f}"


def next_of(claims: Claims, edit: Edit) -> Edit | None:
    same = [
        one
        for one in claims.stage.chronicle.edits
        if (one.side, one.record_id, one.key) == (edit.side, edit.record_id, edit.key)
    ]
    at = same.index(edit)
    return same[at + 1] if at + 1 < len(same) else None


def is_heir(claims: Claims, side: Side, record_id: str) -> bool:
    return any(v.heir == record_id for row in claims.stage.chronicle.rows[side].values() for v in row.versions)


def was_hidden(claims: Claims, edit: Edit) -> bool:
    """Whether the side showed no rows when what became of the edit would have been told."""
    return any(
        one.side == edit.side and edit.at_us - SOON_US <= one.since_us <= edit.at_us + SOON_US
        for one in claims.stage.unseen
    )
