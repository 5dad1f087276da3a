"""Which records of two sides fit by one match rule: profiles, blocks, candidate pairs.

Records that look alike to a rule are one *profile*, so a thousand identical rows cost as much as one. Candidates are
found by joins on equal keys only, in slices of bounded size; similarity is judged on candidates. What a fit means for
the records (link, hold, nothing) is decided in match.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import polars as pl

from syncline.reconcile.lazily import collected
from syncline.reconcile.match_forms import formed
from syncline.reconcile.match_names import compatible, similar
from syncline.reconcile.match_score import Score, weighed
from syncline.records import SIDES, Side
from syncline.spec.model import Form, MatchRule, Probabilities

ROW, FREE = "_row", "_free"  # position in the side's frame; whether the record may still be linked
PROFILE, MEMBERS = "_profile", "_members"
SELF, NAMED, RECORD_ID = "key_of_self", "key_named", "record_id"
PAIRS = {"a": pl.UInt32(), "b": pl.UInt32(), "contradicts": pl.Boolean()}

_GIVEN, _FAMILY = "_given", "_family"
_SLICE_PAIRS = 2_000_000
_SLICE_WEIGHED = 250_000


@dataclass(frozen=True)
class Profiles:
    """One side in the eyes of one rule.

    `rows`: PROFILE, MEMBERS (how many records), FREE (how many of them are free) and the compared columns.
    `records`: the list of each profile's ROWs, in the order of `rows`.
    """

    rows: pl.DataFrame
    records: pl.Series

    @cached_property
    def members(self) -> pl.DataFrame:
        """PROFILE and ROW of every record."""
        return pl.DataFrame([self.rows[PROFILE], self.records]).explode(ROW)

    @cached_property
    def first(self) -> pl.Series:
        """ROW of the first record of each profile."""
        return self.records.list.first()


class _Way(NamedTuple):
    """One way to agree: the columns of a, the columns of b they must equal, and the keys that must be similar."""

    a: list[str]
    b: list[str]
    near: list[str]

    def of(self, side: Side) -> list[str]:
        return self.a if side == "a" else self.b


def _ways(rule: MatchRule) -> list[_Way]:
    if rule.by_key:
        return [_Way([SELF], [NAMED], []), _Way([NAMED], [SELF], [])]
    if rule.by_id is not None:
        return [_Way([RECORD_ID], [rule.by_id], [])]
    ways = []
    for keys in rule.any_of or ((),):
        every = dict.fromkeys((*rule.equal, *keys))
        exact = [key for key in every if key not in rule.similar]
        ways.append(_Way(exact, exact, [key for key in every if key in rule.similar]))
    return ways


def compared(rule: MatchRule, side: Side, name_keys: tuple[str, str]) -> dict[str, tuple[str, Form]]:
    """What a rule compares on a side: its own name for it, the column it is in and the form."""
    if rule.by_key or rule.by_id is not None:
        return {name: (name, Form.EXACT) for way in _ways(rule) for name in way.of(side)}
    looks = {key: (key, rule.forms.get(key, Form.FOLDED)) for key in rule.compared_keys()}
    if rule.compatible_name:
        looks |= {_GIVEN: (name_keys[0], Form.COMPACT), _FAMILY: (name_keys[1], Form.COMPACT)}
    return looks


def ways_to_agree(
    rules: tuple[MatchRule, ...], name_keys: tuple[str, str]
) -> list[dict[Side, tuple[tuple[str, Form], ...]]]:
    """Every way in which some rule finds candidates, each once: per side the columns, and their forms, that must be
    equal to the other side's. Two records that agree in none of them fit by no rule and look alike to none."""
    ways: dict[tuple[tuple[tuple[str, Form], ...], ...], None] = {}
    for rule in rules:
        looks = {side: compared(rule, side, name_keys) for side in SIDES}
        for way in _ways(rule):
            ways[tuple(tuple(looks[side][name] for name in way.of(side)) for side in SIDES)] = None
    return [dict(zip(SIDES, way, strict=True)) for way in ways]


def profiles(records: pl.DataFrame, rule: MatchRule, side: Side, name_keys: tuple[str, str]) -> Profiles:
    """The profiles of a side under *rule*; *records* has ROW, FREE and the `formed` columns of what is compared.

    Records that lack something in every way to agree are in none.
    """
    looks = {name: formed(*where) for name, where in compared(rule, side, name_keys).items()}
    complete = [pl.all_horizontal(pl.col(looks[name]).is_not_null() for name in way.of(side)) for way in _ways(rule)]
    rows = collected(
        records.lazy()
        .filter(pl.any_horizontal(complete))
        .group_by(pl.col(column).alias(name) for name, column in looks.items())
        .agg(pl.col(ROW), pl.len().alias(MEMBERS), pl.col(FREE).sum())
        .sort(pl.col(ROW).list.first())
        .with_row_index(PROFILE)
    )
    members = rows.drop_in_place(ROW)
    return Profiles(rows, members)


def _blocks(a: pl.DataFrame, b: pl.DataFrame, on_a: list[str], on_b: list[str], max_shared: int) -> pl.DataFrame:
    """The key values both sides carry, with a slice number: columns k0, k1, …, `slice`.

    A value that no free record carries is left out, and so is one that more than *max_shared* profiles share.
    """
    names = [f"k{i}" for i in range(len(on_a))]

    def carried(side: pl.DataFrame, on: list[str]) -> pl.LazyFrame:
        keyed = side.lazy().select(FREE, *(pl.col(column).alias(name) for column, name in zip(on, names, strict=True)))
        return keyed.drop_nulls(names).group_by(names).agg(pl.len().cast(pl.Int64).alias("count"), pl.col(FREE).sum())

    both = carried(a, on_a).join(carried(b, on_b), on=names, suffix="_b")
    wanted = both.filter(
        (pl.col(FREE) + pl.col(f"{FREE}_b") > 0) & (pl.max_horizontal("count", "count_b") <= max_shared)
    ).sort(names)
    return collected(wanted.select(*names, slice=(pl.col("count") * pl.col("count_b")).cum_sum() // _SLICE_PAIRS))


def _joined(a: pl.DataFrame, b: pl.DataFrame, rule: MatchRule) -> Iterator[tuple[pl.DataFrame, list[str]]]:
    """Slices of candidate pairs (columns "a.x" and "b.x") and the keys in which they must be similar."""
    left = a.lazy().select(pl.all().name.prefix("a."))
    right = b.lazy().select(pl.all().name.prefix("b."))
    for on_a, on_b, near in _ways(rule):
        names_a, names_b = [f"a.{name}" for name in on_a], [f"b.{name}" for name in on_b]
        blocks = _blocks(a, b, on_a, on_b, rule.max_shared)
        keys = [name for name in blocks.columns if name != "slice"]
        for block in blocks.partition_by("slice", include_key=False):
            some = left.join(block.lazy(), left_on=names_a, right_on=keys, how="semi")
            pairs = some.join(right, left_on=names_a, right_on=names_b, how="inner", coalesce=False)
            yield collected(pairs.filter(pl.col(f"a.{FREE}") + pl.col(f"b.{FREE}") > 0)), near


def _contradicting(pairs: pl.DataFrame, rule: MatchRule) -> pl.Series:
    verdict = pl.Series([bool(rule.contradictions)] * pairs.height, dtype=pl.Boolean)
    for key in rule.contradictions:
        left, right = pairs[f"a.{key}"], pairs[f"b.{key}"]
        agree = similar(left, right, rule.similar.get(key, 1.0))
        verdict = verdict & left.is_not_null() & right.is_not_null() & ~agree
    return verdict


def fitting(rule: MatchRule, a: Profiles, b: Profiles, score: Score | None = None) -> pl.DataFrame:
    """Pairs of profiles that fit by *rule* (PAIRS), each once, at least one free record in each pair.

    A rule with probabilities needs *score* (ValueError without), drops whom they speak against and adds the column
    WEIGHED.
    """
    found = [pl.DataFrame(schema=PAIRS)]
    if a.rows.is_empty() or b.rows.is_empty() or not any((side.rows[FREE] > 0).any() for side in (a, b)):
        return found[0]
    for candidates, near in _joined(a.rows, b.rows, rule):
        pairs = candidates
        for key in near:
            pairs = pairs.filter(similar(pairs[f"a.{key}"], pairs[f"b.{key}"], rule.similar[key]))
        if rule.compatible_name:
            name_a, name_b = (f"a.{_GIVEN}", f"a.{_FAMILY}"), (f"b.{_GIVEN}", f"b.{_FAMILY}")
            pairs = pairs.filter(compatible(pairs, name_a, name_b, rule.min_similarity, rule.name_parts))
        rows = pairs.select(a=f"a.{PROFILE}", b=f"b.{PROFILE}", contradicts=_contradicting(pairs, rule))
        found.append(rows.cast(pl.Schema(PAIRS)))
    if not any(part.height for part in found):
        return found[0]
    every = pl.concat(found).unique(["a", "b"]).sort("a", "b")
    return (
        every
        if rule.probabilities is None or every.is_empty()
        else _weighed(rule.probabilities, every, a.rows, b.rows, score)
    )


def _weighed(
    by: Probabilities, pairs: pl.DataFrame, a: pl.DataFrame, b: pl.DataFrame, score: Score | None
) -> pl.DataFrame:
    if score is None:
        raise ValueError("a rule with probabilities needs a score")
    found = []
    for some in pairs.iter_slices(_SLICE_WEIGHED):
        cells = {
            f"{name}.{key}": side[key].gather(some[name]) for name, side in (("a", a), ("b", b)) for key in by.columns
        }
        found.append(weighed(some, pl.DataFrame(cells), by, score))
    return pl.concat(found)
