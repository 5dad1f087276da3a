"""The plan: decisions and unmatched records turned into actions, and the ceilings that hold some of them. Pure.

Lives here: ACTIONS, one row per record and field to write, grouped by `action`. Not here: who wins a field (`merge`),
who is whom (`match`), or sending.

    merge decisions ─▶ updates ┐
    unmatched records ─▶ creates ├─▶ gate ─▶ go | held
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from syncline.reconcile.lazily import collected
from syncline.records import SIDES, Side, other
from syncline.spec.model import Ceiling, End, FieldMap
from syncline.values import EMPTY, fingerprints

# One row per field of an action. `print_a`/`print_b` are the bases a success sets; 0 leaves that side unknown.
ACTIONS: dict[str, pl.DataType] = {
    "action": pl.String(),  # the same for all fields of one action
    "kind": pl.String(),  # create | update | delete (one row, no field)
    "side": pl.String(),  # the side written
    "object_type": pl.String(),
    "record_id": pl.String(),  # null for a create
    "link_id": pl.Int64(),  # 0 for a create
    "source_type": pl.String(),  # the record it is made from
    "source_id": pl.String(),
    "mapping": pl.String(),
    "field": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "made_from": pl.String(),  # the source side's cell
    "verdict": pl.String(),
    "reason": pl.String(),
    "print_a": pl.UInt64(),
    "print_b": pl.UInt64(),
    "base_a_before": pl.UInt64(),
    "base_b_before": pl.UInt64(),
    "edit_us": pl.Int64(),
    "is_default": pl.Boolean(),  # a synthetic value the target requires
    "group": pl.String(),  # the atomic group whose members are written as one; null: none
}


def updates(
    pairs: pl.DataFrame, decisions: pl.DataFrame, maps: Sequence[FieldMap], types: Mapping[Side, str], key: bytes
) -> pl.DataFrame:
    """ACTIONS for every decision that writes. *pairs* and *decisions* belong to one variant."""
    writes = decisions.filter(pl.col("verdict").is_in(list(WRITING)))
    if writes.is_empty():
        return pl.DataFrame(schema=ACTIONS)
    own = writes.partition_by("mapping", "target", as_dict=True)
    parts = [
        part
        for mapping in maps
        for target in SIDES
        if (mapping.key, target) in own
        and (part := _updates_of(pairs, own[mapping.key, target], mapping, target, types, key)) is not None
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=ACTIONS)


WRITING = ("write", "conflict_write", "fill")
"""Verdicts of the merge that write the decision's value to its target."""

UNDO = "undo"
"""The verdict of an action that puts back what its target held: it copies nothing from the other side."""


def _updates_of(
    pairs: pl.DataFrame, own: pl.DataFrame, mapping: FieldMap, target: Side, types: Mapping[Side, str], key: bytes
) -> pl.DataFrame | None:
    """ACTIONS of the decisions that write one mapping to one side; None where that side has no such field."""
    end = mapping.ends(target).get(types[target])
    if end is None or end.field is None:
        return None
    source, name = other(target), mapping.key
    rows = own.join(pairs, on="link_id", how="inner")
    plain = len(mapping.ends(source)[types[source]].inputs) == 1
    copied = f"f{source}.{name}" if plain else None
    expected = _expected_prints(rows, "value", f"{source}.{name}", copied, end, key)
    prints: dict[Side, pl.Expr] = {target: expected, source: pl.col(f"f{source}.{name}")}
    return rows.select(
        (pl.lit(f"u{target}:") + pl.col("link_id").cast(pl.String)).alias("action"),
        pl.lit("update").alias("kind"),
        pl.lit(target).alias("side"),
        pl.lit(types[target]).alias("object_type"),
        pl.col(f"id_{target}").alias("record_id"),
        "link_id",
        pl.lit(types[source]).alias("source_type"),
        pl.col(f"id_{source}").alias("source_id"),
        pl.lit(name).alias("mapping"),
        pl.lit(end.field).alias("field"),
        pl.col(f"{target}.{name}").alias("before"),
        pl.col("value").alias("after"),
        pl.col(f"{source}.{name}").alias("made_from"),
        "verdict",
        "reason",
        prints["a"].fill_null(0).alias("print_a"),
        prints["b"].fill_null(0).alias("print_b"),
        pl.col(f"xa.{name}").fill_null(0).alias("base_a_before"),
        pl.col(f"xb.{name}").fill_null(0).alias("base_b_before"),
        "edit_us",
        pl.lit(False).alias("is_default"),
        pl.lit(mapping.group_key if mapping.is_atomic else None, dtype=pl.String).alias("group"),
    )


_ZERO = pl.lit(0, dtype=pl.UInt64)


def _expected_prints(rows: pl.DataFrame, value: str, made_from: str, own: str | None, end: End, key: bytes) -> pl.Expr:
    """The target's fingerprint once the *value* of each row stands there; 0 (unknown) where its base covers more than
    that field.

    A value that is copied as it is has the fingerprint of its source cell: *own*, where that covers *made_from* alone.
    """
    if end.inputs != (end.field,):
        return _ZERO
    if own is None:
        return pl.lit(pl.Series(fingerprints(key, rows[value].to_list()), dtype=pl.UInt64))
    is_known = ((pl.col(value) == pl.col(made_from)) & pl.col(own).is_not_null()).fill_null(False)
    others = rows.select(pl.when(~is_known).then(value)).to_series()
    fresh = pl.Series(fingerprints(key, others.to_list()), dtype=pl.UInt64)
    return pl.when(is_known).then(own).otherwise(pl.lit(fresh))


@dataclass(frozen=True, kw_only=True)
class CreateTerms:
    """What a create needs to know of its target: field ends that may be written, and what the vendor requires."""

    source: Side
    source_type: str
    target_type: str
    writable: frozenset[str]  # mapping keys whose target field may be set on create
    required: Mapping[str, str]  # mapping key -> target field that a create must carry
    key: bytes


def creates(values: pl.DataFrame, maps: Sequence[FieldMap], terms: CreateTerms) -> tuple[pl.DataFrame, pl.DataFrame]:
    """ACTIONS that create a counterpart for every row of *values* (`engine.sides` columns of the source side), and
    the rows that cannot be created: record_id, mapping, field, for each required value that is missing."""
    target = other(terms.source)
    parts, lacking = [pl.LazyFrame(schema=ACTIONS)], [pl.LazyFrame(schema=_LACKING)]
    is_filled = pl.col("after").fill_null(EMPTY) != EMPTY
    for mapping in maps:
        end = mapping.ends(target).get(terms.target_type)
        if mapping.key not in terms.writable or end is None or end.field is None:
            continue
        cells = _create_cells(values, mapping, end, target, terms)
        parts.append(cells.filter(is_filled))
        if mapping.key in terms.required:
            lacking.append(cells.filter(~is_filled).select(pl.col("source_id").alias("record_id"), "mapping", "field"))
    missing = collected(pl.concat(lacking))
    return collected(
        pl.concat(parts).join(missing.lazy(), left_on="source_id", right_on="record_id", how="anti")
    ), missing


_LACKING = {"record_id": pl.String, "mapping": pl.String, "field": pl.String}


def _create_cells(values: pl.DataFrame, mapping: FieldMap, end: End, target: Side, terms: CreateTerms) -> pl.LazyFrame:
    name = mapping.key
    default = mapping.defaults.get(target)
    value = pl.col(f"t.{name}")
    is_default = (value.is_null() | (value == EMPTY)) if default is not None else pl.lit(False)
    after = pl.when(is_default).then(pl.lit(default)).otherwise(value)
    rows = values.with_columns(after.alias("_after"), is_default.alias("_is_default"))
    own = f"f.{name}" if len(mapping.ends(terms.source)[terms.source_type].inputs) == 1 else None
    expected = _expected_prints(rows, "_after", f"v.{name}", own, end, terms.key)
    # A default that is pulled back counts as the target's own change: its base stays unknown, so it flows.
    agreed = pl.when(pl.col("_is_default") & mapping.pulls_default_back).then(_ZERO).otherwise(expected)
    prints: dict[Side, pl.Expr] = {target: agreed, terms.source: pl.col(f"f.{name}")}
    return rows.lazy().select(
        (pl.lit(f"c{target}:{terms.source_type}:") + pl.col("record_id")).alias("action"),
        pl.lit("create").alias("kind"),
        pl.lit(target).alias("side"),
        pl.lit(terms.target_type).alias("object_type"),
        pl.lit(None, dtype=pl.String).alias("record_id"),
        pl.lit(0, dtype=pl.Int64).alias("link_id"),
        pl.lit(terms.source_type).alias("source_type"),
        pl.col("record_id").alias("source_id"),
        pl.lit(name).alias("mapping"),
        pl.lit(end.field).alias("field"),
        pl.lit(None, dtype=pl.String).alias("before"),
        pl.col("_after").alias("after"),
        pl.col(f"v.{name}").alias("made_from"),
        pl.lit("create").alias("verdict"),
        pl.when("_is_default")
        .then(pl.lit("required there and empty here: the declared default"))
        .otherwise(pl.lit("new"))
        .alias("reason"),
        prints["a"].fill_null(0).alias("print_a"),
        prints["b"].fill_null(0).alias("print_b"),
        _ZERO.alias("base_a_before"),
        _ZERO.alias("base_b_before"),
        pl.coalesce("stamp_us", "as_of_us").alias("edit_us"),
        pl.col("_is_default").alias("is_default"),
        pl.lit(None, dtype=pl.String).alias("group"),
    )


def deletes(rows: Sequence[tuple[Side, str, str, int, str, str, str]]) -> pl.DataFrame:
    """ACTIONS that delete a record: side, object type, id, link, the counterpart's object type and id, the reason. They
    have one row and no field."""
    names = ("side", "object_type", "record_id", "link_id", "source_type", "source_id", "reason")
    given = pl.DataFrame(list(rows), schema={name: ACTIONS[name] for name in names}, orient="row")
    known = {
        "action": pl.format("d{}:{}", "side", "link_id"),
        "kind": pl.lit("delete"),
        "verdict": pl.lit("delete"),
        "is_default": pl.lit(False),
        **{name: pl.lit(0) for name in ("print_a", "print_b", "base_a_before", "base_b_before")},
        **{name: pl.col(name) for name in names},
    }
    return given.select(known.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in ACTIONS.items())


@dataclass(frozen=True, kw_only=True)
class Held:
    """Actions of one kind above their ceiling. `digest` names exactly this set: an approval of it lets these through
    and nothing else. `passed` are the others of the kind, which an earlier approval lets through."""

    kind: str
    actions: tuple[str, ...]
    allowed: int
    digest: str
    passed: tuple[str, ...] = ()


NOTHING_SPENT: Mapping[str, int] = MappingProxyType({})


def gate(
    actions: pl.DataFrame,
    ceilings: Mapping[str, Ceiling],
    *,
    linked: int,
    exempt: frozenset[str],
    approved: Mapping[str, frozenset[str]],
    spent: Mapping[str, int] = NOTHING_SPENT,
) -> tuple[pl.DataFrame, list[Held]]:
    """The actions that may go, and what is held. A ceiling holds all actions of its kind; the rest proceeds.

    *exempt* kinds pass (a first copy's creates), and so do the actions that *approved* names by kind, whatever else has
    come or gone since. *spent* counts, by kind, what passed before under the same ceiling.
    """
    judged = {kind: ceiling for kind, ceiling in ceilings.items() if kind not in exempt}
    held: list[Held] = []
    going, counts = actions, counts_by_kind(actions) if judged else {}
    for kind, ceiling in judged.items():
        allowed = int(ceiling.share * linked) + ceiling.plus
        if counts[kind] + spent.get(kind, 0) <= allowed:
            continue
        subjects = going.filter(_OF_KIND[kind]).select("action", "field").unique().sort("action", "field")
        names = [f"{action}/{name}" if kind == "blank" else action for action, name in subjects.iter_rows()]
        known = approved.get(kind, frozenset())
        passed = tuple(name for name in dict.fromkeys(names) if name in known)
        rest = tuple(name for name in dict.fromkeys(names) if name not in known)
        if not rest:
            continue
        held.append(Held(kind=kind, actions=rest, allowed=allowed, digest=held_digest(kind, rest), passed=passed))
        going = without_held(going, held[-1:])
        counts = counts_by_kind(going)
    return going, held


def counts_by_kind(actions: pl.DataFrame) -> dict[str, int]:
    """How much of *actions* (ACTIONS) counts against each kind of ceiling."""
    if actions.is_empty():
        return dict.fromkeys(_OF_KIND, 0)
    return actions.select(_COUNTS).row(0, named=True)


def without_held(actions: pl.DataFrame, held: Sequence[Held]) -> pl.DataFrame:
    """*actions* (ACTIONS) less those that `gate` held, and less what is written as one with them."""
    for one in held:
        stops = _OF_KIND[one.kind]
        if one.passed:
            stops &= ~_NAME[one.kind].is_in(list(one.passed))
        if one.kind == "blank":
            stops |= pl.col("group").is_not_null() & stops.any().over("action", "group")
        actions = actions.filter(~stops)
    return actions


def only_blanking(actions: pl.DataFrame) -> pl.DataFrame:
    """The rows of *actions* that empty a field which holds a value."""
    return actions.filter(_OF_KIND["blank"])


_OF_KIND: dict[str, pl.Expr] = {
    "create": pl.col("kind") == "create",
    "blank": (pl.col("kind") == "update") & (pl.col("after") == EMPTY) & (pl.col("before").fill_null("") != EMPTY),
    "delete": pl.col("kind") == "delete",
}


_COUNTS = [
    (pl.struct("action", "field") if kind == "blank" else pl.col("action")).filter(is_it).n_unique().alias(kind)
    for kind, is_it in _OF_KIND.items()
]
"""Blanks count by field, everything else by action."""

_NAME: dict[str, pl.Expr] = {
    "create": pl.col("action"),
    "blank": pl.concat_str("action", pl.lit("/"), "field"),
    "delete": pl.col("action"),
}
"""By what a held set names an action of a kind."""


def held_digest(kind: str, actions: Sequence[str]) -> str:
    text = json.dumps([kind, sorted(actions)])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
