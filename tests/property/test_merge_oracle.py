"""The columnar merge says exactly what the row-by-row reading of the rules says, whatever the pair."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.reconcile.merge import merge
from syncline.reconcile.merge_verdicts import Verdict
from syncline.spec.model import Blanks, Direction, Drift, FieldMap, Policy
from syncline.values import FieldType
from tests.oracle.merge_cases import (
    COMPARED,
    TYPE_A,
    Held,
    Pair,
    decision_mirrored,
    frames,
    map_mirrored,
    mapping,
    policy_mirrored,
)
from tests.oracle.merge_members import Times
from tests.oracle.merge_oracle import decide

NOW, SECOND = 100_000_000, 1_000_000
TIMES = Times(now_us=NOW, clock_skew_us=SECOND, stamp_step_us=SECOND)

TEXTS = ("", "", "x", "X", "y", "true", "default")
NUMBERS = ("", "0", "9", "10", "10.5", "-9", "-10", "123456789012345678901", "123456789012345678902")
SHAPES = (("p",), ("p", "p"), ("g", "g"), ("g", "p", "g", "g"), ("g", "h", "g", "h"))
World = tuple[tuple[FieldMap, ...], Policy, list[Pair]]


def _held(rng: Random, texts: tuple[str, ...], *, transformed: bool) -> Held:
    def some(usual: Any, rare: Any, times_in_20: int = 1) -> Any:
        return rare if rng.randrange(20) < times_in_20 else usual

    now = tuple(some(rng.choice(texts), None) for _ in "ab")
    bases = tuple(rng.choice((text, rng.choice(texts), rng.choice(texts), None)) for text in now)
    spellings = rng.choice(({"a": now[0], "b": now[1]}, {"a": "x", "b": now[1]}))
    refusal = rng.choice((None, {"side": rng.choice("ab")}, {"side": "b", "print": now[0]}, {"print": rng.choice(now)}))
    details = {
        "normalised": spellings,
        "held": rng.choice((None, spellings)),
        "frozen": None,
        "dead": refusal,
        "not_taken": refusal,
        "oscillation": None,
    }
    refused = {kind: detail for kind, detail in details.items() if some(False, True)}
    return Held(
        now=now,
        base=bases,
        outs=tuple(some((text or "").upper(), rng.choice((None, *texts)), 4) for text in now) if transformed else None,
        kinds=tuple(some(rng.choice((0, 0, 0, 3)), rng.choice((1, 2, 4))) for _ in "ab"),
        may=tuple(some(True, False) for _ in "ab"),
        marks={kind: _readable(detail) for kind, detail in refused.items()},
        moments=tuple(rng.choice((None, (_instant(rng), rng.choice((None, True, False))))) for _ in "ab"),
    )


def _readable(detail: dict[str, Any] | None) -> dict[str, Any] | None:
    """A mark never names the print of a value that was not read."""
    return None if detail is None or None in detail.values() else detail


def _instant(rng: Random) -> int:
    return rng.randrange(40) * SECOND


def _map(rng: Random, key: str, direction: Direction, **facts: Any) -> FieldMap:
    return mapping(
        key,
        type_=rng.choice((FieldType.TEXT, FieldType.NUMBER)),
        expressions=rng.choice(((None, None), (None, None), ("UPPER", "UPPER"))),
        direction=direction,
        policies={"*": rng.choice(list(Policy))},
        tie=rng.choice("ab"),
        first_link=rng.choice((None, *Policy)),
        blanks=rng.choice(list(Blanks)),
        drift=rng.choice(list(Drift)),
        restrictive=rng.choice(("true", "true", "x", "", "10")),
        defaults=rng.choice(({}, {"a": "default"}, {"b": "default"}, {"b": "0"})),
        pulls_default_back=rng.choice((True, False)),
        **facts,
    )


def _world(rng: Random, most_pairs: int) -> World:
    directions = (Direction.BOTH, Direction.BOTH, Direction.A_TO_B, Direction.B_TO_A)
    of_group = {name: rng.choice(directions) for name in "gh"}
    maps = []
    for i, of in enumerate(rng.choice(SHAPES)):
        grouped = {} if of == "p" else {"group": of, "is_atomic": True}
        maps.append(_map(rng, f"f{i}", of_group.get(of) or rng.choice(directions), **grouped))
    return tuple(maps), rng.choice(list(Policy)), [_pair(rng, maps) for _ in range(rng.randint(1, most_pairs))]


def _pair(rng: Random, maps: list[FieldMap]) -> Pair:
    held = {}
    for m in maps:
        end = m.a[TYPE_A]
        texts = NUMBERS if end.type is FieldType.NUMBER else TEXTS
        held[m.key] = _held(rng, texts, transformed=end.expression is not None)
    instants = (None, *(_instant(rng) for _ in range(4)))
    names = ("stamp", "prev", "asof", "prevasof")
    evidence: dict[str, Any] = {name: (rng.choice(instants), rng.choice(instants)) for name in names}
    evidence["human"] = tuple(rng.choice((None, True, False)) for _ in "ab")
    return Pair(held=held, evidence=evidence)


def _columnar(maps: tuple[FieldMap, ...], first_link: Policy, pairs: list[Pair]) -> list[dict[str, Any]]:
    wide, marks, moments = frames(pairs)
    decisions = merge(
        wide, maps, TYPE_A, first_link=first_link, marks=marks, moments=moments,
        now_us=NOW, clock_skew_us=SECOND, stamp_step_us=SECOND,
    )  # fmt: skip
    assert decisions["reason"].null_count() == 0
    return decisions.select(COMPARED).sort("link_id", "mapping").to_dicts()


def _by_rows(maps: tuple[FieldMap, ...], first_link: Policy, pairs: list[Pair]) -> list[dict[str, Any]]:
    wide, marks, moments = frames(pairs)
    rows = decide(
        wide.to_dicts(),
        maps,
        TYPE_A,
        first_link=first_link,
        marks=marks.to_dicts(),
        moments=moments.to_dicts(),
        times=TIMES,
    )
    return sorted(rows, key=lambda row: (row["link_id"], row["mapping"]))


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_columns_and_rows_agree_on_a_few_pairs(rng: Random) -> None:
    world = _world(rng, most_pairs=3)
    assert _columnar(*world) == _by_rows(*world)


@pytest.mark.parametrize("seed", range(60))
def test_columns_and_rows_agree_on_a_crowd(seed: int) -> None:
    world = _world(Random(seed), most_pairs=400)
    assert _columnar(*world) == _by_rows(*world)


def test_the_crowd_meets_every_verdict_and_policy() -> None:
    """The worlds above are worth comparing only if they reach every branch of the rules."""
    said = [row for seed in range(60) for row in _by_rows(*_world(Random(seed), most_pairs=100))]
    assert {row["verdict"] for row in said} == {*Verdict} - {Verdict.FILTERED}
    assert {row["policy"] for row in said} >= {*Policy, *Drift, Direction.A_TO_B, Direction.B_TO_A}
    assert {row["kind"] for row in said} == {None, "conflict", "first_link", "drift"}


@pytest.mark.parametrize("seed", range(20))
def test_neither_side_is_special(seed: int) -> None:
    """Exchanging the sides exchanges the decisions, but for policies that speak in one side's own terms."""
    maps, first_link, pairs = _world(Random(seed), most_pairs=100)
    fair = [p for p in Policy if p not in (Policy.MAX, Policy.MIN, Policy.MOST_RESTRICTIVE)]
    rng = Random(seed)
    maps = tuple(replace(m, policies={"*": rng.choice(fair)}, first_link=rng.choice(fair)) for m in maps)
    here = _columnar(maps, first_link, pairs)
    there = _columnar(
        tuple(map_mirrored(m) for m in maps), policy_mirrored(first_link), [pair.mirrored() for pair in pairs]
    )
    assert here == [decision_mirrored(row) for row in there]
