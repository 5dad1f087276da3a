"""Consent: which cell protects more, and what counts as a person's own act. Every row of both tables."""

from __future__ import annotations

import polars as pl
import pytest

from syncline.reconcile.consent import CONSEQUENCE_US, MOVES, acts, last_hands, stricter
from syncline.reconcile.merge import MOMENTS

HOUR, AT = CONSEQUENCE_US, 10 * CONSEQUENCE_US


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("true", "false", "true"),
        ("true", "true", "true"),
        ("false", "false", "false"),
        ("true", "", "true"),
        ("true", None, "true"),
        ("false", "", "false"),
        ("false", None, None),
        ("", None, None),
        ("", "", ""),
        (None, None, None),
    ],
)
def test_the_stricter_of_two_cells(one: str | None, two: str | None, expected: str | None) -> None:
    assert stricter(one, two, "true") == expected
    assert stricter(two, one, "true") == expected


def moment(*, mapping: str = "consent", actor: str | None = "jane", human: bool | None = True) -> pl.DataFrame:
    row = {"link_id": 1, "side": "b", "mapping": mapping, "at_us": AT, "actor": actor, "is_human": human}
    return pl.DataFrame([row], schema=MOMENTS)


def moved(at_us: int, side: str = "b") -> pl.DataFrame:
    return pl.DataFrame([{"link_id": 1, "side": side, "moved_us": at_us}], schema=MOVES)


@pytest.mark.parametrize(
    ("given", "moves", "expected"),
    [
        pytest.param(moment(), moved(AT, "a"), [True], id="the other side's address moved"),
        pytest.param(moment(), moved(AT), [False], id="the address moved in the same act"),
        pytest.param(moment(), moved(AT - HOUR), [False], id="the address moved an hour before"),
        pytest.param(moment(), moved(AT - HOUR - 1), [True], id="the address moved earlier"),
        pytest.param(moment(), moved(AT + HOUR), [False], id="the address moved afterwards"),
        pytest.param(moment(human=None), moved(AT), [None], id="nobody knows"),
        pytest.param(moment(actor="we"), moved(AT, "a"), [], id="our own write is no act"),
        pytest.param(moment(actor=None), moved(AT, "a"), [True], id="a form has no user"),
        pytest.param(moment(mapping="title", actor="we"), moved(AT), [True], id="other fields are left alone"),
    ],
)
def test_acts(given: pl.DataFrame, moves: pl.DataFrame, expected: list[bool | None]) -> None:
    told = acts(given, moves, ["consent"], {"a": None, "b": "we"})["is_human"].to_list()
    assert [one or None for one in told] == [one or None for one in expected]
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("actor", "own", "moves", "expected"),
    [
        pytest.param("jane", "we", moved(0, "b"), True, id="somebody else"),
        pytest.param("we", "we", moved(0, "b"), False, id="we"),
        pytest.param(None, "we", moved(0, "b"), False, id="nobody knows who"),
        pytest.param("jane", None, moved(0, "b"), False, id="nobody knows who we are"),
        pytest.param("jane", "we", moved(AT, "a"), False, id="the address moved since the look before"),
        pytest.param("jane", "we", moved(AT - HOUR - 1, "a"), True, id="the address moved long before"),
    ],
)
def test_last_hands(actor: str | None, own: str | None, moves: pl.DataFrame, expected: bool) -> None:
    shape = {"link_id": pl.Int64, "actor_a": pl.String, "prev_a": pl.Int64}
    pairs = pl.DataFrame([{"link_id": 1, "actor_a": actor, "prev_a": AT}], schema=shape)
    told = last_hands(pairs, moves, {"a": own, "b": None}, ["a"])
    assert told["human_a"].to_list() == [expected]
