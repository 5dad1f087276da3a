"""Pairs for the merge's tests, said briefly: what each side holds, held, and which way the mapping flows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from syncline.reconcile.merge import DECISIONS, MARKS, MOMENTS
from syncline.records import SIDES, other
from syncline.spec.model import Direction, End, FieldMap, Policy
from syncline.values import FieldType, fingerprint

TYPE_A, TYPE_B = "person", "contact"
KEY = b"the tests' installation key, 32b"
COMPARED = [name for name in DECISIONS if name not in ("value_a", "value_b", "reason", "evidence", "edit_us")]
"""The columns on which the merge and the oracle must agree."""

Two = tuple[Any, ...]  # two things: of side a, of side b


def print_of(text: str | None) -> int | None:
    return None if text is None else fingerprint(KEY, (text,))


def mapping(
    key: str = "phone", *, expressions: Two = (None, None), type_: FieldType = FieldType.TEXT, **facts: Any
) -> FieldMap:
    """A mapping of one field to one field; *expressions* only mark a side as transformed."""
    ends = [
        {t: End(inputs=(key,), field=key, type=type_, expression=e)}
        for t, e in zip((TYPE_A, TYPE_B), expressions, strict=True)
    ]
    return FieldMap(key=key, a=ends[0], b=ends[1], **facts)


@dataclass(frozen=True, kw_only=True)
class Held:
    """One mapping of one pair. Texts: None unread, "" empty. A base of None is unknown."""

    now: Two
    base: Two = (None, None)
    outs: Two | None = None  # as they would stand on the other side; None: the same texts
    kinds: Two = (0, 0)
    may: Two = (True, True)
    marks: Mapping[str, Mapping[str, Any] | None] = field(
        default_factory=dict
    )  # kind -> detail, texts under a, b, print
    moments: Two = (None, None)  # (at_us, is_human)

    def mirrored(self) -> Held:
        flip: dict[str, Any] = {n: getattr(self, n)[::-1] for n in ("now", "base", "kinds", "may", "moments")}
        outs = self.outs and self.outs[::-1]
        return replace(self, **flip, outs=outs, marks={k: d and _detail_mirrored(d) for k, d in self.marks.items()})


def _detail_mirrored(detail: Mapping[str, Any]) -> dict[str, Any]:
    named = {{"a": "b", "b": "a"}.get(name, name): value for name, value in detail.items()}
    return named | ({"side": other(named["side"])} if "side" in named else {})


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One link: its mappings' cells and the record-level evidence (stamp, prev, asof, prevasof -> per side)."""

    held: Mapping[str, Held]
    evidence: Mapping[str, Two] = field(default_factory=dict)

    def mirrored(self) -> Pair:
        return Pair(
            held={key: held.mirrored() for key, held in self.held.items()},
            evidence={name: two[::-1] for name, two in self.evidence.items()},
        )


def map_mirrored(m: FieldMap) -> FieldMap:
    """The mapping with its sides exchanged."""
    directions = {Direction.A_TO_B: Direction.B_TO_A, Direction.B_TO_A: Direction.A_TO_B}
    return replace(
        m,
        a={TYPE_A: m.b[TYPE_B]},
        b={TYPE_B: m.a[TYPE_A]},
        direction=directions.get(m.direction, m.direction),
        policies={of: policy_mirrored(p) for of, p in m.policies.items()},
        tie=other(m.tie),
        first_link=m.first_link and policy_mirrored(m.first_link),
        defaults={other(side): value for side, value in m.defaults.items()},
    )


def policy_mirrored(policy: Policy) -> Policy:
    return {Policy.A: Policy.B, Policy.B: Policy.A}.get(policy, policy)


def frames(pairs: Sequence[Pair]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """PAIRS, MARKS and MOMENTS; link ids count from 1."""
    numbered = list(enumerate(pairs, 1))
    rows = [{"link_id": link} | _wide(pair) for link, pair in numbered]
    schema = {name: _type_of(name) for row in rows for name in row}
    marks = [
        {"link_id": link, "mapping": key, "kind": kind, "detail": None if detail is None else _as_json(detail)}
        for link, pair in numbered
        for key, held in pair.held.items()
        for kind, detail in held.marks.items()
    ]
    moments = [
        {"link_id": link, "side": side, "mapping": key, "at_us": of[0], "actor": None, "is_human": of[1]}
        for link, pair in numbered
        for key, held in pair.held.items()
        for side, of in zip(SIDES, held.moments, strict=True)
        if of is not None
    ]
    return pl.DataFrame(rows, schema=schema), pl.DataFrame(marks, schema=MARKS), pl.DataFrame(moments, schema=MOMENTS)


def _as_json(detail: Mapping[str, Any]) -> str:
    """Texts under a, b and print become their fingerprints."""
    return json.dumps({name: value if name == "side" else print_of(value) for name, value in detail.items()})


def _wide(pair: Pair) -> dict[str, Any]:
    row: dict[str, Any] = {
        f"{name}_{s}": v for name, two in pair.evidence.items() for s, v in zip(SIDES, two, strict=True)
    }
    for key, held in pair.held.items():
        for i, side in enumerate(SIDES):
            text, kind = held.now[i], held.kinds[i]
            row |= {
                f"{side}.{key}": text,
                f"t{side}.{key}": text if held.outs is None else held.outs[i],
                f"f{side}.{key}": None if kind in (1, 2) else print_of(text),
                f"x{side}.{key}": print_of(held.base[i]),
                f"k{side}.{key}": kind,
                f"w{side}.{key}": held.may[i],
            }
    return row


def _type_of(name: str) -> pl.DataType:
    prefix = name.split(".")[0] if "." in name else "evidence"
    by_prefix: dict[str, pl.DataType] = {"f": pl.UInt64(), "x": pl.UInt64(), "k": pl.UInt8(), "w": pl.Boolean()}
    if prefix in ("a", "b", "ta", "tb"):
        return pl.String()
    if name.startswith("human_"):
        return pl.Boolean()
    return by_prefix.get(prefix[0], pl.Int64())


_SWAPPED = {"a": "b", "b": "a", "a_to_b": "b_to_a", "b_to_a": "a_to_b"}


def decision_mirrored(row: Mapping[str, Any]) -> dict[str, Any]:
    """A decision with the sides exchanged."""
    turned = {name: _SWAPPED.get(row[name], row[name]) for name in ("target", "loser_side", "policy")}
    return {**row, **turned, "set_base_a": row["set_base_b"], "set_base_b": row["set_base_a"]}
