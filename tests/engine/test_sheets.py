"""Packed plans give back what was put in: all rows of an action together, in the order of planning, cut by actions."""

from __future__ import annotations

import polars as pl
import pytest

from syncline.engine.sheets import Sheets, cut
from syncline.reconcile.plan import ACTIONS, Held
from syncline.records import Operation

FIELDS = ("email", "city", "title")


def actions(ids: range, kind: str = "create", *, after: str | None = None) -> pl.DataFrame:
    """As `plan` makes them: field by field, so the rows of one action are apart."""
    rows = [
        {
            "action": f"{kind[0]}b:{n}",
            "kind": kind,
            "side": "b",
            "object_type": "lead",
            "record_id": None if kind == "create" else str(n),
            "link_id": 0 if kind == "create" else n,
            "source_type": "Lead",
            "source_id": f"00Q{n}",
            "mapping": name,
            "field": name,
            "before": "old",
            "after": f"{name} of {n}" if after is None else after,
        }
        for name in FIELDS
        for n in ids
    ]
    return pl.DataFrame([{**dict.fromkeys(ACTIONS), **row} for row in rows], schema=ACTIONS)


def test_every_action_keeps_its_own_fields() -> None:
    sheets = Sheets()
    for start in (20, 0, 10):
        sheets.add(actions(range(start, start + 10)))
    (kind, parts), *more = sheets.by_kind()
    assert (kind, more) == ((Operation.CREATE, "b", "lead"), [])
    pieces = list(cut(parts, 7))
    assert [piece["action"].n_unique() for piece in pieces] == [7, 7, 7, 7, 2]
    order = pl.concat(pieces)
    assert order["action"].rle().struct.field("len").to_list() == [3] * 30
    assert order["source_id"].unique(maintain_order=True).to_list() == [
        f"00Q{n}" for n in (*range(20, 30), *range(10), *range(10, 20))
    ]
    assert (
        order["after"] == pl.select(pl.format("{} of {}", order["field"], order["source_id"].str.tail(-3)))[:, 0]
    ).all()


@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_cutting_loses_and_doubles_nothing(size: int) -> None:
    parts = [actions(range(5)), actions(range(5)).clear(), actions(range(5, 12))]
    sheets = Sheets()
    for part in parts:
        sheets.add(part)
    pieces = [piece for _, own in sheets.by_kind() for piece in cut(own, size)]
    assert [piece["action"].n_unique() for piece in pieces[:-1]] == [size] * (len(pieces) - 1)
    assert pl.concat(pieces)["action"].rle().struct.field("value").n_unique() == 12
    assert sum(map(len, pieces)) == 36


def test_what_a_ceiling_holds_is_not_sent_and_the_rest_is() -> None:
    sheets = Sheets()
    sheets.add(actions(range(4)))
    sheets.add(actions(range(4, 6), "update", after=""))
    sheets.add(actions(range(6, 8), "update"))
    assert (sheets.count(), len(sheets.gist()), len(sheets.outline())) == (8, 4 + 6 + 2, 8)
    held = [Held(kind=kind, actions=(), allowed=0, digest="") for kind in ("create", "blank")]
    going = sheets.without(held)
    left = [piece for _, own in going.by_kind() for piece in cut(own, 100)]
    assert [(piece["action"].unique().sort().to_list(), len(piece)) for piece in left] == [(["ub:6", "ub:7"], 6)]
    assert going.count() == 2
    assert len(sheets.whole()) == 24
