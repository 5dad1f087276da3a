"""What the merge must know of each mapping, as one small table: a row per mapping of the variant, in the sync's order.

Lives here: the translation of field maps into columns and the facts that hold for a whole group (its policy, tie-break
and direction are those of its first member). No cell is looked at here.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.records import Side
from syncline.spec.model import Blanks, Direction, FieldMap, Policy
from syncline.values import FieldType

SIGN: dict[Side, int] = {"a": 1, "b": -1}
_SOURCE = {Direction.BOTH: 0, Direction.A_TO_B: 1, Direction.B_TO_A: -1}
_NUMERIC = frozenset({FieldType.NUMBER, FieldType.INTEGER})

TABLE_SCHEMA: dict[str, pl.DataType] = {
    "mapping": pl.String(),
    "unit_of": pl.Int64(),  # members of one atomic group share it
    "alone": pl.Boolean(),  # no other mapping is decided with it
    "source": pl.Int8(),  # 1: a to b only, -1: b to a only, 0: both ways
    "policy": pl.String(),
    "first_policy": pl.String(),
    "tie": pl.Int8(),
    "drift": pl.String(),
    "keep": pl.Boolean(),
    "restrictive": pl.String(),
    "numeric": pl.Boolean(),
    "default_a": pl.String(),  # a synthetic value that must not travel; null if there is none
    "default_b": pl.String(),
    "fields_a": pl.String(),  # the fields written, for sentences
    "fields_b": pl.String(),
}


def units(maps: Sequence[FieldMap]) -> list[int]:
    """For each mapping the position of the first member of its atomic group: its own if it is decided alone."""
    first: dict[str, int] = {}
    return [first.setdefault(m.group_key, i) if m.is_atomic else i for i, m in enumerate(maps)]


def table_of(maps: Sequence[FieldMap], type_a: str, first_link: Policy) -> pl.DataFrame:
    """One row per mapping with the columns of TABLE_SCHEMA."""
    unit_of = units(maps)
    policies = [
        _conflict_policy([m for m, u in zip(maps, unit_of, strict=True) if u == unit], type_a) for unit in unit_of
    ]
    rows = [
        {
            "mapping": m.key,
            "unit_of": unit,
            "alone": unit_of.count(unit) == 1,
            "source": _SOURCE[maps[unit].direction],
            "policy": policy,
            "first_policy": _first_policy(maps[unit].first_link or first_link, policy),
            "tie": SIGN[maps[unit].tie],
            "drift": maps[unit].drift,
            "keep": m.blanks is Blanks.KEEP,
            "restrictive": m.restrictive,
            "numeric": m.a[type_a].type in _NUMERIC,
            **{f"default_{side}": None if m.pulls_default_back else m.defaults.get(side) for side in SIGN},
            **{f"fields_{side}": _fields(m, side) for side in SIGN},
        }
        for m, unit, policy in zip(maps, unit_of, policies, strict=True)
    ]
    return pl.DataFrame(rows, schema=TABLE_SCHEMA)


def _conflict_policy(members: Sequence[FieldMap], type_a: str) -> Policy:
    """The group's policy: consent protects its whole group wherever it stands in it."""
    policies = [m.policy(type_a) for m in members]
    return Policy.MOST_RESTRICTIVE if Policy.MOST_RESTRICTIVE in policies else policies[0]


def _first_policy(first_link: Policy, policy: Policy) -> Policy:
    """`most_restrictive` judges every change, so it judges the first link too, unless that is held for a person."""
    return policy if policy is Policy.MOST_RESTRICTIVE and first_link is not Policy.HOLD else first_link


def _fields(field_map: FieldMap, side: Side) -> str:
    return " / ".join(sorted({end.field for end in field_map.ends(side).values() if end.field})) or field_map.key
