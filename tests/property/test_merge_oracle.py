"""The columnar merge says exactly what the row-by-row reading of the rules says, whatever the pair."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.reconcile.merge import merge
from syncline.spec.model import Blanks, Direction, Drift, FieldMap, Policy
from syncline.values import FieldType
from tests.oracle.merge_cases import COMPARED, TYPE_A, Held, Pair, frames, map_mirrored, mapping, policy_mirrored
from tests.oracle.merge_oracle import Times, decide

NOW, SECOND = 100_000_000, 1_000_000
TIMES = Times(now_us=NOW, clock_skew_us=SECOND, stamp_step_us=SECOND)

TEXTS = st.sampled_from(["", "x", "X", "y", "true", "default"])
NUMBERS = st.sampled_from(["", "0", "9", "10", "10.5", "-9", "-10", "123456789012345678901", "123456789012345678902"])
INSTANTS = st.integers(0, 40).map(lambda n: n * SECOND)
MAYBE_INSTANTS = st.none() | INSTANTS


def _rarely(value: Any, usual: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 9 + [value])


@st.composite
def _held(draw: st.DrawFn, texts: st.SearchStrategy[str], *, transformed: bool) -> Held:
    cell = st.none() | texts if draw(_rarely(True, False)) else texts
    now = (draw(cell), draw(cell))
    base = tuple(draw(st.sampled_from(["same", "same", "other", None])) for _ in now)
    bases = tuple(n if b == "same" else b and draw(texts) for n, b in zip(now, base, strict=True))
    detail = st.fixed_dictionaries(
        {},
        optional={"side": st.sampled_from("ab"), "print": st.sampled_from([t for t in now if t is not None] or ["x"])},
    )
    spellings = st.sampled_from([{"a": now[0], "b": now[1]}, {"a": "x", "b": now[1]}])
    marks = {
        kind: draw(details)
        for kind, details in (
            ("normalised", spellings), ("held", st.none() | spellings), ("frozen", st.none()),
            ("dead", detail), ("not_taken", st.none() | detail), ("oscillation", st.none()),
        )
        if draw(_rarely(True, False))
    }  # fmt: skip
    moment = st.none() | st.tuples(INSTANTS, st.none() | st.booleans())
    return Held(
        now=now,
        base=bases,
        outs=tuple(draw(st.none() | texts) if draw(_rarely(True, False)) else (n or "").upper() for n in now)
        if transformed
        else None,
        kinds=tuple(draw(st.sampled_from([0] * 12 + [1, 2, 3, 3, 3, 4])) for _ in now),
        may=tuple(draw(_rarely(False, True)) for _ in now),
        marks=marks,
        moments=(draw(moment), draw(moment)),
    )


def _map(draw: st.DrawFn, key: str, **facts: Any) -> FieldMap:
    return mapping(
        key,
        type_=draw(st.sampled_from([FieldType.TEXT, FieldType.NUMBER])),
        expressions=draw(st.sampled_from([(None, None), (None, None), ("UPPER", "UPPER")])),
        direction=draw(st.sampled_from([Direction.BOTH, Direction.BOTH, Direction.A_TO_B, Direction.B_TO_A])),
        policies={"*": draw(st.sampled_from(Policy))},
        tie=draw(st.sampled_from("ab")),
        first_link=draw(st.none() | st.sampled_from(Policy)),
        blanks=draw(st.sampled_from(Blanks)),
        drift=draw(st.sampled_from(Drift)),
        restrictive=draw(st.sampled_from(["true", "true", "x", "", "10"])),
        defaults=draw(st.sampled_from([{}, {"a": "default"}, {"b": "default"}, {"b": "0"}])),
        pulls_default_back=draw(st.booleans()),
        **facts,
    )


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[tuple[FieldMap, ...], Policy, list[Pair]]:
    shape = draw(st.sampled_from([("p",), ("p",), ("g", "g"), ("g", "p", "g", "g"), ("g", "h", "g", "h")]))
    direction = draw(st.sampled_from(Direction))
    maps = []
    for i, of in enumerate(shape):
        m = _map(draw, f"f{i}", **({} if of == "p" else {"group": of, "is_atomic": True}))
        maps.append(m if of == "p" else FieldMap(**{**vars(m), "direction": direction}))
    pairs = []
    for _ in range(draw(st.integers(1, 4))):
        held = {
            m.key: draw(
                _held(
                    NUMBERS if m.a[TYPE_A].type is FieldType.NUMBER else TEXTS,
                    transformed=m.a[TYPE_A].expression is not None,
                )
            )
            for m in maps
        }
        evidence = {
            name: (draw(MAYBE_INSTANTS), draw(MAYBE_INSTANTS)) for name in ("stamp", "prev", "asof", "prevasof")
        }
        pairs.append(Pair(held=held, evidence=evidence))
    return tuple(maps), draw(st.sampled_from(Policy)), pairs


def _columnar(maps: tuple[FieldMap, ...], first_link: Policy, pairs: list[Pair]) -> list[dict[str, Any]]:
    wide, marks, moments = frames(pairs)
    decisions = merge(
        wide, maps, TYPE_A, first_link=first_link, marks=marks, moments=moments,
        now_us=NOW, clock_skew_us=SECOND, stamp_step_us=SECOND,
    )  # fmt: skip
    assert decisions["reason"].null_count() == 0
    return decisions.select(COMPARED).sort("link_id", "mapping").to_dicts()


@settings(max_examples=1500)
@given(_worlds())
def test_columns_and_rows_agree(world: tuple[tuple[FieldMap, ...], Policy, list[Pair]]) -> None:
    maps, first_link, pairs = world
    wide, marks, moments = frames(pairs)
    expected = decide(
        wide.to_dicts(), maps, TYPE_A, first_link=first_link, marks=marks.to_dicts(), moments=moments.to_dicts(),
        times=TIMES,
    )  # fmt: skip
    assert _columnar(maps, first_link, pairs) == _sorted(expected)


@settings(max_examples=300)
@given(_worlds())
def test_neither_side_is_special(world: tuple[tuple[FieldMap, ...], Policy, list[Pair]]) -> None:
    """Exchanging the sides exchanges the decision's, for policies that do not speak of one side's own terms."""
    maps, first_link, pairs = world
    own_terms = {Policy.MAX, Policy.MIN, Policy.MOST_RESTRICTIVE}
    if any(own_terms & {*m.policies.values(), m.first_link} for m in maps) or first_link in own_terms:
        return
    turned = tuple(map_mirrored(m) for m in maps)
    here = _columnar(maps, first_link, pairs)
    there = _columnar(turned, policy_mirrored(first_link), [pair.mirrored() for pair in pairs])
    assert here == [_decision_mirrored(row) for row in there]


def _decision_mirrored(row: dict[str, Any]) -> dict[str, Any]:
    swap = {"a": "b", "b": "a", "a_to_b": "b_to_a", "b_to_a": "a_to_b"}
    turned = {name: swap.get(row[name], row[name]) for name in ("target", "loser_side", "policy")}
    return row | turned | {"set_base_a": row["set_base_b"], "set_base_b": row["set_base_a"]}


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return (
        pl.DataFrame(rows, schema={name: pl.Object for name in COMPARED} if not rows else None)
        .select(COMPARED)
        .sort("link_id", "mapping")
        .to_dicts()
        if rows
        else []
    )
