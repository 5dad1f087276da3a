"""The mark of a tombstone: why its link ended, on which side, and what is to follow from it.

Lives here: the mark "ended" (MARK, mapping "") to and from its detail. A link with it is a tombstone; who decides what
follows is the policy of that side, or a person, whose hold ends when facts decide it. Not here: deciding (`tombstones`)
or doing it (`afterlife`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import polars as pl

from syncline.records import Side
from syncline.trees import TABLES, Commit, Store, Table

ENDED = "ended"
WHOLE = ""
"""In place of a mapping: the mark is about the whole link."""


class Then(StrEnum):
    """What follows from a record's end for its counterpart."""

    FLAG = "flag"  # only mapped facts about the ended record flow
    DELETE = "delete"  # the counterpart is deleted too, under the ceiling
    NOTHING = "nothing"
    HELD = "held"  # a person decides
    RECREATE = "recreate"  # the counterpart's next edit makes the record anew
    AT_ONCE = "at_once"  # the record is made anew with the next run: a person asked for it
    BACK_IN_FILTER = "back_in_filter"  # it is made anew when the counterpart passes the filter again


@dataclass(frozen=True, kw_only=True)
class Ended:
    """`side` and the record that ended, `why` (deleted | converted | merged | left_filter | gone), when (microseconds,
    None if the vendor does not say), and what follows. `counterpart_us`: the counterpart's stamp when the end was
    learnt."""

    side: Side
    object_type: str
    record_id: str
    why: str
    then: Then
    at_us: int | None = None
    counterpart_us: int | None = None


def mark_rows(ended: Mapping[int, Ended], now_us: int) -> pl.DataFrame:
    """MARK rows by link id."""
    rows = [(link_id, WHOLE, ENDED, json.dumps(asdict(one)), now_us) for link_id, one in ended.items()]
    return pl.DataFrame(rows, schema=dict(TABLES[Table.MARK][0]), orient="row")


async def ended_of(store: Store, link_ids: pl.DataFrame) -> dict[int, Ended]:
    """The marks of these links (link_id); links without one are left out."""
    if link_ids.is_empty():
        return {}
    keys = link_ids.select("link_id").unique().with_columns(mapping=pl.lit(WHOLE), kind=pl.lit(ENDED))
    marks = await store.by_keys(Table.MARK, keys)
    return {link_id: _read(detail) for link_id, detail in marks.select("link_id", "detail").iter_rows()}


async def close_holds(store: Store, sync: str, link_ids: Sequence[int], commit: Commit) -> None:
    """What a person was to decide about these deletes is decided by the facts."""
    rows = await store.rows(Table.HOLD, {"sync": sync, "state": "open", "kind": ["delete", "edited_and_deleted"]})
    over = [row["hold_id"] for row in rows.iter_rows(named=True) if json.loads(row["evidence"])["link_id"] in link_ids]
    if over:
        states = pl.DataFrame({"hold_id": over}).with_columns(pl.lit("resolved").alias("state"))
        commit.amend.setdefault(Table.HOLD, []).append(states)


def _read(detail: str) -> Ended:
    told = json.loads(detail)
    return Ended(**{**told, "then": Then(told["then"])})
