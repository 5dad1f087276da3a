"""The merge: what each side changed since both last agreed, and what therefore has to be written where.

Lives here: the road from pairs to decisions. Fingerprints pick the few cells worth a look (`merge_cells`), marks of
earlier runs join them (`merge_marks`), evidence is weighed (`merge_evidence`, `merge_policies`), a winner is found
(`merge_winner`), and rights, blanks and refusals turn it into a verdict (`merge_verdicts`). Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from syncline.reconcile import merge_text
from syncline.reconcile.lazily import collected
from syncline.reconcile.merge_cells import busy, is_equivalent, take, with_base
from syncline.reconcile.merge_evidence import with_evidence, with_records
from syncline.reconcile.merge_maps import table_of
from syncline.reconcile.merge_marks import with_normalised, with_obstacles, with_pending
from syncline.reconcile.merge_policies import Units
from syncline.reconcile.merge_verdicts import CLASS_OF, WRITES, Verdict, bases, with_verdict
from syncline.reconcile.merge_winner import WINNER, of_target, of_winner, with_votes, with_winner
from syncline.spec.model import Direction, FieldMap, Policy

DECISIONS: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "mapping": pl.String(),
    "verdict": pl.String(),
    "target": pl.String(),  # the side to write, for verdicts that write or were stopped from writing
    "value": pl.String(),  # what to write there, canonical for the target; "" clears
    "set_base_a": pl.Boolean(),  # that side's base advances to its current print now, without a write
    "set_base_b": pl.Boolean(),
    "loser_side": pl.String(),  # whose value is overwritten although it is not the one agreed upon
    "loser_value": pl.String(),
    "kind": pl.String(),  # of the conflict-log row: conflict | first_link | drift; null: none
    "value_a": pl.String(),  # the cells as they are
    "value_b": pl.String(),
    "policy": pl.String(),  # the policy, direction or drift rule that chose; null where there was no choice
    "reason": pl.String(),
    "evidence": pl.String(),
    "edit_us": pl.Int64(),  # when the edit a write copies was made, as far as known
    "class": pl.String(),
}

MARKS: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "mapping": pl.String(),
    "kind": pl.String(),
    "detail": pl.String(),
}
MOMENTS: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "side": pl.String(),
    "mapping": pl.String(),
    "at_us": pl.Int64(),
    "actor": pl.String(),
    "is_human": pl.Boolean(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Context:
    """What holds for the whole slice."""

    maps: Sequence[FieldMap]
    type_a: str
    table: pl.DataFrame
    marks: pl.DataFrame
    moments: pl.DataFrame
    now_us: int
    widening_us: int


_MOST_CELLS = 1_000_000
"""Busy cells taken out at once; a slice with more (a first link) is merged in parts, so memory stays flat."""


def merge(
    pairs: pl.DataFrame,
    maps: Sequence[FieldMap],
    type_a: str,
    *,
    first_link: Policy = Policy.NON_BLANK,
    marks: pl.DataFrame | None = None,
    moments: pl.DataFrame | None = None,
    now_us: int,
    clock_skew_us: int = 0,
    stamp_step_us: int = 1_000_000,
) -> pl.DataFrame:
    """One row (columns of DECISIONS) for every cell that needs anything; cells that hold their base give none.

    *pairs* is one wide slice of linked pairs of one variant, each link once; columns it lacks have safe defaults: no
    base column is an unknown base, no rights column is what the mapping says, no transformed column is the cell where
    the mapping is plain. *moments* are of the values the cells hold now. *stamp_step_us* is the coarser resolution of
    the two systems' stamps.
    """
    table = table_of(maps, type_a, first_link).with_row_index("m").with_columns(pl.col("m").cast(pl.UInt16))
    context = _Context(
        maps=maps,
        type_a=type_a,
        table=table,
        marks=pl.DataFrame(schema=MARKS) if marks is None else marks,
        moments=pl.DataFrame(schema=MOMENTS) if moments is None else moments,
        now_us=now_us,
        widening_us=clock_skew_us + stamp_step_us,
    )
    masks = busy(pairs, maps)
    parts = [_decide(pairs[span], masks[span], context) for span in _spans(masks)]
    return pl.concat([pl.DataFrame(schema=DECISIONS), *parts])


def _spans(masks: pl.DataFrame) -> list[slice]:
    """Row ranges of at most about _MOST_CELLS busy cells each."""
    total = int(sum(masks[name].sum() for name in masks.columns))
    parts = max(1, -(-total // _MOST_CELLS))
    size = -(-masks.height // parts)
    return [slice(start, start + size) for start in range(0, masks.height, size)] if total else []


def _decide(pairs: pl.DataFrame, masks: pl.DataFrame, context: _Context) -> pl.DataFrame:
    """The decisions of one part: first what can be said by looking at the cells alone, then the open ones."""
    if not any(masks[name].any() for name in masks.columns):
        return pl.DataFrame(schema=DECISIONS)
    cells = take(pairs, context.maps, context.type_a, masks)
    cells = collected(_looked_at(cells, context))
    if cells["waits"].any() and not context.table["alone"].all():
        cells = cells.with_columns(pl.col("waits").any().over("unit"))
    return pl.concat([*_plain_decisions(cells, context), _resolve(cells.filter(OPEN), pairs, context)])


def _looked_at(cells: pl.DataFrame, context: _Context) -> pl.LazyFrame:
    """Adds `unit`, what the bases say, `waits` (a cell cannot be used) and `equal`."""
    facts = context.table.select("m", "unit_of", "source", "default_a", "default_b").lazy()
    based = with_base(cells.lazy().join(facts, on="m", how="left", maintain_order="left"))
    return with_normalised(based, context.marks, context.table).with_columns(
        (pl.col("row").cast(pl.Int64) * len(context.maps) + pl.col("unit_of")).alias("unit"),
        (~pl.col("usable")).alias("waits"),
        (is_equivalent() | pl.col("normalised")).alias("equal"),
    )


WAITING = pl.col("waits") & ~pl.col("quiet")
AGREED = ~pl.col("waits") & pl.col("equal") & ~pl.col("quiet")
OPEN = ~pl.col("waits") & ~pl.col("equal")


def _plain_decisions(cells: pl.DataFrame, context: _Context) -> list[pl.DataFrame]:
    """Waiting and agreement: what needs no weighing."""
    plain = {
        Verdict.WAITING: (WAITING, merge_text.waiting_reason),
        Verdict.AGREE: (AGREED, lambda: pl.lit("the same on both sides")),
    }
    parts = {verdict: (cells.filter(where), reason) for verdict, (where, reason) in plain.items()}
    return [
        collected(_named(part, context).select(_plainly(verdict, reason())))
        for verdict, (part, reason) in parts.items()
        if len(part)
    ]


def _named(cells: pl.DataFrame, context: _Context) -> pl.LazyFrame:
    return cells.lazy().join(context.table.lazy().select("m", "mapping"), on="m", how="left", maintain_order="left")


def _plainly(verdict: Verdict, reason: pl.Expr) -> list[pl.Expr]:
    """The columns of a decision that writes nothing and weighs nothing."""
    agrees = pl.lit(verdict is Verdict.AGREE)
    given = {
        "link_id": pl.col("link_id"),
        "mapping": pl.col("mapping"),
        "verdict": pl.lit(verdict.value),
        "set_base_a": agrees,
        "set_base_b": agrees,
        "value_a": pl.col("cell_a"),
        "value_b": pl.col("cell_b"),
        "reason": reason,
        "class": pl.lit(CLASS_OF[verdict]),
    }
    return [given.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in DECISIONS.items()]


def _resolve(cells: pl.DataFrame, pairs: pl.DataFrame, context: _Context) -> pl.DataFrame:
    """The decisions of cells that differ: votes, evidence, winner, verdict, words."""
    if cells.is_empty():
        return pl.DataFrame(schema=DECISIONS)
    rest = context.table.drop("unit_of", "source", "default_a", "default_b")
    cells = cells.join(rest, on="m", how="left", maintain_order="left")
    policies = frozenset(cells["policy"].unique()) | frozenset(cells["first_policy"].unique())
    units = Units(grouped=cells["unit"].n_unique() < len(cells), policies=policies)
    open_ = with_records(cells, pairs).filter(units.any(~pl.col("quiet")))
    open_ = with_votes(with_obstacles(open_, context.marks, context.table), units)
    open_ = with_pending(open_, context.marks, context.table)
    open_ = with_evidence(open_, context.moments, context.table, context.now_us)
    open_ = with_verdict(with_winner(open_, units, context.widening_us), units)
    return collected(bases(open_).filter(pl.col("verdict").is_not_null()).select(_in_full(policies)))


@lru_cache(maxsize=64)
def _in_full(policies: frozenset[str]) -> list[pl.Expr]:
    """The columns of a decision about a cell that differs and that any of *policies* may have decided."""
    writes = pl.col("verdict").is_in(WRITES)
    aimed = (writes | pl.col("acts")) & (WINNER != 0)
    target = pl.when(aimed).then(merge_text.TARGET_NAME)
    loses = pl.col("verdict") == Verdict.CONFLICT_WRITE.value
    given = {
        "target": target,
        "value": pl.when(aimed).then("value"),
        "loser_side": pl.when(loses).then(target),
        "loser_value": pl.when(loses).then(of_target("cell")),
        "value_a": pl.col("cell_a"),
        "value_b": pl.col("cell_b"),
        "policy": _policy(),
        "reason": merge_text.reason(policies),
        "evidence": merge_text.evidence(),
        "edit_us": pl.when(aimed).then(pl.coalesce(of_winner("at"), of_winner("stamp"), of_winner("asof"))),
        "class": pl.col("verdict").replace_strict(CLASS_OF, return_dtype=pl.String),
    }
    return [given.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in DECISIONS.items()]


def _policy() -> pl.Expr:
    direction = (
        pl.when(pl.col("source") == 1).then(pl.lit(Direction.A_TO_B.value)).otherwise(pl.lit(Direction.B_TO_A.value))
    )
    chose = pl.col("kind").is_not_null() | (pl.col("verdict") == Verdict.DRIFT.value)
    return (
        pl.when(~chose)
        .then(None)
        .when(pl.col("judged"))
        .then(pl.lit(Policy.MOST_RESTRICTIVE.value))
        .when(pl.col("contested"))
        .then("deciding")
        .when(pl.col("drifting"))
        .then("drift")
        .when(pl.col("source") != 0)
        .then(direction)
    )
