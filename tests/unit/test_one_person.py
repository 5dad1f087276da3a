"""What the winner of a merge holds and what is lost: the rule per field, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.reconcile.one_person import joined
from syncline.records import Side
from syncline.spec.model import Combine, Direction, End, FieldMap, Policy
from syncline.values import FieldType


def field_map(key: str = "f", kind: FieldType = FieldType.TEXT, **options: Any) -> FieldMap:
    end = End(inputs=(key,), field=key, type=kind)
    return FieldMap(key=key, a={"lead": end}, b={"human": end}, **options)


def join(
    winner: str | None, loser: str | None, side: Side = "b", kind: FieldType = FieldType.TEXT, **options: Any
) -> tuple[str | None, str | None]:
    """What the winner shall hold newly, and what is lost."""
    m = field_map(kind=kind, **options)
    made = joined({"f": winner}, {"f": loser}, [m], side, "lead", {"f": kind})
    return made.held.get("f"), made.lost.get("f")


SUM = {"on_merge": Combine.SUM, "kind": FieldType.INTEGER}
GUARDED = {"policies": {"*": Policy.MOST_RESTRICTIVE}, "kind": FieldType.BOOLEAN}


@pytest.mark.parametrize(
    ("winner", "loser", "options", "expected"),
    [
        pytest.param("x", "x", {}, (None, None), id="the same"),
        pytest.param("x", "y", {}, (None, "y"), id="the winner's stays, the loser's is lost"),
        pytest.param("", "y", {}, ("y", None), id="a blank takes the loser's"),
        pytest.param("x", "", {}, (None, None), id="the loser's blank takes nothing"),
        pytest.param("x", None, {}, (None, None), id="unread says nothing"),
        pytest.param(None, "y", {}, (None, "y"), id="an unread winner is not written, what the loser held is kept"),
        pytest.param("false", "true", {"kind": FieldType.BOOLEAN}, (None, "true"), id="false is a value, not a blank"),
        pytest.param("false", "true", GUARDED, ("true", None), id="a value that protects is never lost"),
        pytest.param("true", "false", GUARDED, (None, "false"), id="nor loosened"),
        pytest.param("10", "5", SUM, ("15", None), id="summed"),
        pytest.param("", "5", SUM, ("5", None), id="a blank counts nothing"),
        pytest.param("10", "", SUM, (None, None), id="nor the loser's"),
        pytest.param("10", "old", SUM, (None, None), id="what is no number changes nothing"),
        pytest.param("10", "5", SUM | {"on_merge": Combine.MAX}, (None, None), id="the greatest"),
        pytest.param("10", "5", SUM | {"on_merge": Combine.MIN}, ("5", None), id="the smallest"),
        pytest.param("", "y", {"direction": Direction.A_TO_B}, (None, None), id="a decides: a fills b"),
        pytest.param("", "y", {"direction": Direction.B_TO_A}, ("y", None), id="b gives: b is filled"),
    ],
)
def test_one_field(
    winner: str | None, loser: str | None, options: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    assert join(winner, loser, **options) == expected


def test_an_atomic_group_is_filled_as_one_or_not_at_all() -> None:
    maps = [field_map(key, group="address", is_atomic=True) for key in ("street", "city")]
    types = {m.key: FieldType.TEXT for m in maps}
    loser = {"street": "Quay 1", "city": "Hull"}
    blank = joined({"street": "", "city": ""}, loser, maps, "b", "lead", types)
    assert blank.held == loser
    partly = joined({"street": "", "city": "York"}, loser, maps, "b", "lead", types)
    assert partly.held == {}
    assert partly.lost == loser


def test_where_a_field_may_not_be_written_the_loser_s_value_is_lost_with_its_whole_group() -> None:
    """What no rule can carry over is kept in the log, as if the winner's own value had stayed."""
    maps = [field_map(key, group="address", is_atomic=True) for key in ("street", "city")]
    maps += [field_map("title"), field_map("score", kind=FieldType.INTEGER, on_merge=Combine.SUM)]
    types = {m.key: m.ends("b")["human"].type for m in maps}
    loser = {"street": "Quay 1", "city": "Hull", "title": "Dean", "score": "5"}
    blank = dict.fromkeys(loser, "")
    sealed = joined(blank, loser, maps, "b", "lead", types, {"city", "title", "score"})
    assert sealed.held == {}
    assert sealed.lost == loser
