"""Observing: what one page of observations does to the mirror. Pure.

Lives here: the order of observations (docs/reference/rules.md, "What we know of a cell"), the verdict on every
received row, the new mirror rows and the cells that changed. Not here: what a change *means* after a write of ours
(`settle`), and any I/O.

Verdicts: applied | identical | stale | unordered | duplicate. Unreadable rows never reach this room; the page lists
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from syncline import records
from syncline.reconcile.cells import CELL, decode_objects, encode_object, narrow, widen
from syncline.reconcile.lazily import collected
from syncline.records import How, Page
from syncline.trees import MIRROR

CHANGES: dict[str, pl.DataType] = {
    "record_id": pl.String(),
    "field": pl.String(),
    "before": pl.String(),  # None: was unread
    "after": pl.String(),
}


@dataclass(frozen=True, kw_only=True)
class Absorbed:
    """`verdicts` has one row per received row (record_id, verdict), in order. `mirror` are the rows to store,
    `changes` (CHANGES) the cells whose value changed, `woken` the ids whose links or matches must be looked at,
    `confirmed` those that show only what a sync wrote there: news to every other sync, `unordered` the ids to read
    again by id."""

    verdicts: pl.DataFrame
    mirror: pl.DataFrame
    changes: pl.DataFrame
    woken: tuple[str, ...]
    confirmed: tuple[str, ...]
    unordered: tuple[str, ...]


NOTHING = Absorbed(
    verdicts=pl.DataFrame(schema={"record_id": pl.String, "verdict": pl.String}),
    mirror=pl.DataFrame(schema=MIRROR),
    changes=pl.DataFrame(schema=CHANGES),
    woken=(),
    confirmed=(),
    unordered=(),
)
"""What an empty page says."""


@dataclass(frozen=True, kw_only=True)
class Clockwork:
    """What a connector declares about the order of its observations. `lag_us`: how old the state may be that a read
    shows; a stamp is trusted only where the connector has one. `now_us` is the time by our clock: an earlier look that
    is dated later than that was dated by a clock that disagrees with ours, so its date orders nothing."""

    trusts_stamp: bool
    stamp_step_us: int = 1_000_000
    lag_us: int = 0
    now_us: int | None = None


def absorb(
    known: pl.DataFrame,
    page: Page,
    clockwork: Clockwork,
    *,
    connection: str,
    keep: pl.DataFrame | None = None,
    unplanned: frozenset[str] = frozenset(),
) -> Absorbed:
    """Lay *page* over the *known* mirror rows of its ids (MIRROR columns; ids without a row are new).

    *keep* (record_id, field) names cells this page says nothing about (written by us meanwhile, not ordered after the
    write's answer, or not visible yet): they stay as they are, assumed. *unplanned* are ids whose last change was not
    planned yet: their evidence interval goes on from where it began.
    """
    if page.rows.is_empty():
        return NOTHING
    fields = page.fields
    joined = _beside_known(page.rows, _known_wide(known, fields))
    joined = _with_fates(_hold_kept(joined, fields, keep), page)
    judged = collected(
        joined.with_columns(
            _is_repeat(page.rows).alias("_repeat"),
            _order(clockwork, page.how).alias("_order"),
            _differs(fields).alias("_differs"),
        ).with_columns(_verdict().alias("verdict"))
    )
    is_applied, is_moved = pl.col("verdict") == "applied", pl.col("verdict").is_in(TAKEN) & _row_moved()
    is_confirmed = is_moved & ~is_applied & pl.col("old_flags").is_not_null()
    said = {"woken": is_applied, "confirmed": is_confirmed, "unordered": _is_unsure(clockwork)}
    ids = judged.select(pl.col(records.ID).filter(which).implode().alias(name) for name, which in said.items())
    return Absorbed(
        verdicts=judged.select(pl.col(records.ID).alias("record_id"), "verdict"),
        mirror=_mirror_rows(judged.filter(is_moved), fields, connection, page, keep, unplanned, clockwork),
        changes=_changes(judged.lazy().filter(is_applied), fields),
        **{name: tuple(found) for name, found in ids.row(0, named=True).items()},
    )


TAKEN = ("applied", "identical")
"""Verdicts on rows that count as read."""


def _is_repeat(rows: pl.DataFrame) -> pl.Expr:
    """All but the newest of *rows* with the same id (ties: the last received)."""
    if rows[records.ID].n_unique() == rows.height:
        return pl.lit(False)
    newness = pl.struct(pl.col(records.STAMP).fill_null(-1), records.AS_OF, "_at").rank("ordinal", descending=True)
    return pl.lit(rows.with_row_index("_at").select(newness.over(records.ID) > 1).to_series())


def _beside_known(rows: pl.DataFrame, known: pl.LazyFrame) -> pl.LazyFrame:
    """The page's rows, in their order, each beside what is known of its id."""
    return rows.lazy().join(known, left_on=records.ID, right_on="record_id", how="left", maintain_order="left")


_KNOWN = (
    "stamp_us",
    "previous_stamp_us",
    "as_of_us",
    "previous_as_of_us",
    "is_deleted",
    "fate_us",
    "heir_id",
    "actor",
    "cells",
    "flags",
)


def _known_wide(known: pl.DataFrame, fields: tuple[str, ...]) -> pl.LazyFrame:
    old = {"old_" + name: name for name in _KNOWN} | {"old." + name: CELL + name for name in fields}
    return widen(known, fields).lazy().select("record_id", is_known=pl.lit(True), **old)


_FATE = {"_fate": "fate", "_heir_type": "heir_type", "_heir_id": "heir_id", "_fate_us": "at_us"}


def _with_fates(joined: pl.LazyFrame, page: Page) -> pl.LazyFrame:
    """What became of each row, in columns beside it; null where it is itself."""
    if page.fates is None or page.fates.is_empty():
        return joined.with_columns(pl.lit(None, records.FATE_SCHEMA[of]).alias(name) for name, of in _FATE.items())
    fates = page.fates.lazy().select(records.ID, **_FATE).unique(records.ID, keep="last")
    return joined.join(fates, on=records.ID, how="left", maintain_order="left")


def _hold_kept(joined: pl.LazyFrame, fields: tuple[str, ...], keep: pl.DataFrame | None) -> pl.LazyFrame:
    """Put the old cell in place of a kept one, so that it neither differs nor is stored."""
    if keep is None or keep.is_empty():
        return joined
    for (name,), part in keep.filter(pl.col("field").is_in(list(fields))).group_by("field", maintain_order=True):
        ids = part["record_id"].implode()
        joined = joined.with_columns(
            pl.when(pl.col(records.ID).is_in(ids))
            .then(pl.col(f"old.{name}"))
            .otherwise(pl.col(str(name)))
            .alias(str(name))
        )
    return joined


def _order(clockwork: Clockwork, how: How) -> pl.Expr:
    """new | newer | older | unordered: the row against what is known.

    A stamp decides where it differs. Within one step of it, or without one, the moments of asking decide as far as they
    are apart by more than a read may lag; a read asked for after the stamp's step and the lag are over is certain. The
    rows of events were ordered before they came here (`events`): they are news. Where the known look is dated ahead of
    our clock a read that was just asked for is news too, and is read once more; the row of an extract only is read.
    """
    if how is How.EVENT:
        return pl.when(pl.col("is_known").is_null()).then(pl.lit("new")).otherwise(pl.lit("newer"))
    asked, old_asked = pl.col(records.AS_OF), pl.col("old_as_of_us")
    order = (
        pl.when(_is_dated_ahead(clockwork))
        .then(pl.lit("unordered" if how is How.BACKFILL else "newer"))
        .when(asked > old_asked + clockwork.lag_us)
        .then(pl.lit("newer"))
        .when(asked < old_asked - clockwork.lag_us)
        .then(pl.lit("older"))
        .otherwise(pl.lit("unordered"))
    )
    if clockwork.trusts_stamp:
        stamp, old_stamp = pl.col(records.STAMP), pl.col("old_stamp_us")
        both = stamp.is_not_null() & old_stamp.is_not_null()
        order = (
            pl.when(both & (stamp > old_stamp))
            .then(pl.lit("newer"))
            .when(both & (stamp < old_stamp))
            .then(pl.lit("older"))
            .when(both & (asked > old_asked) & (asked >= stamp + clockwork.stamp_step_us + clockwork.lag_us))
            .then(pl.lit("newer"))
            .otherwise(order)
        )
    return pl.when(pl.col("is_known").is_null()).then(pl.lit("new")).otherwise(order)


def _is_dated_ahead(clockwork: Clockwork) -> pl.Expr:
    """The known look is dated later than it is now: our clock was set back, or another machine's is ahead of it."""
    if clockwork.now_us is None:
        return pl.lit(False)
    return (pl.col("old_as_of_us") > pl.lit(clockwork.now_us + clockwork.lag_us, dtype=pl.Int64)).fill_null(False)


def _is_unsure(clockwork: Clockwork) -> pl.Expr:
    """What must be read again by id: it could not be ordered, or it was taken for news against what the dates say."""
    return (pl.col("verdict") == "unordered") | ((pl.col("verdict") == "applied") & _is_dated_ahead(clockwork))


def age_of(known: pl.DataFrame, page: Page, clockwork: Clockwork) -> pl.Series:
    """Per row of *page*: "older" where it shows an older state than what is known, or than another row of the page, so
    that it says nothing about later writes; "unordered" where nobody can tell; else "newer" or "new"."""
    if page.rows.is_empty():
        return pl.Series("age", [], dtype=pl.String)
    old = known.lazy().select("record_id", is_known=pl.lit(True), old_stamp_us="stamp_us", old_as_of_us="as_of_us")
    age = pl.when(_is_repeat(page.rows)).then(pl.lit("older")).otherwise(_order(clockwork, page.how))
    return collected(_beside_known(page.rows, old).select(age.alias("age"))).to_series()


def shows_the_known(known: pl.DataFrame, page: Page) -> pl.Series:
    """Per row of *page*: whether it shows just what is known (MIRROR), whichever of the two is the older."""
    joined = _with_fates(_beside_known(page.rows, _known_wide(known, page.fields)), page)
    is_same = pl.col("is_known").fill_null(False) & ~_differs(page.fields)
    return collected(joined.select(is_same.alias("is_same"))).to_series()


def _differs(fields: tuple[str, ...]) -> pl.Expr:
    """The page holds another value than the mirror in some cell it contains, another deletion state or heir."""
    cells = [pl.col(name).is_not_null() & pl.col(name).ne_missing(pl.col(f"old.{name}")) for name in fields]
    state = (
        pl.col(records.DELETED).ne_missing(pl.col("old_is_deleted")),
        pl.col("_heir_id").ne_missing(pl.col("old_heir_id")),
    )
    return pl.any_horizontal(*state, *cells)


def _verdict() -> pl.Expr:
    return (
        pl.when("_repeat")
        .then(pl.lit("duplicate"))
        .when(pl.col("_order") == "new")
        .then(pl.lit("applied"))
        .when(~pl.col("_differs"))
        .then(pl.lit("identical"))
        .when(pl.col("_order") == "older")
        .then(pl.lit("stale"))
        .when(pl.col("_order") == "unordered")
        .then(pl.lit("unordered"))
        .otherwise(pl.lit("applied"))
    )


def _row_moved() -> pl.Expr:
    """Rows worth storing: something differs, a newer stamp, or assumed cells that were now read."""
    newer = pl.col(records.STAMP).ne_missing(pl.col("old_stamp_us")) & (pl.col("_order") != "older")
    return (
        (pl.col("verdict") == "applied") | newer | (pl.col("old_flags").is_not_null() & (pl.col("_order") != "older"))
    )


def _changes(applied: pl.LazyFrame, fields: tuple[str, ...]) -> pl.DataFrame:
    if not fields:
        return pl.DataFrame(schema=CHANGES)
    cells = (pl.struct(before=f"old.{name}", after=name).alias(name) for name in fields)
    long = applied.select(pl.col(records.ID).alias("record_id"), *cells).unpivot(
        fields, index="record_id", variable_name="field"
    )
    changes = long.select("record_id", "field", pl.col("value").struct.unnest())
    return collected(changes.filter(pl.col("after").is_not_null() & pl.col("after").ne_missing(pl.col("before"))))


def _mirror_rows(
    moved: pl.DataFrame,
    fields: tuple[str, ...],
    connection: str,
    page: Page,
    keep: pl.DataFrame | None,
    unplanned: frozenset[str],
    clockwork: Clockwork,
) -> pl.DataFrame:
    """New MIRROR rows: the page's cells over the known ones; cells the page lacks stay."""
    if moved.is_empty():
        return pl.DataFrame(schema=MIRROR)
    is_planned = ~pl.col(records.ID).is_in(list(unplanned))
    is_ahead, newest = _is_dated_ahead(clockwork), pl.max_horizontal(records.AS_OF, "old_as_of_us")
    stamp_moved = pl.col(records.STAMP).ne_missing(pl.col("old_stamp_us")) & is_planned
    return moved.select(
        pl.lit(connection).alias("connection"),
        pl.lit(page.object_type).alias("object_type"),
        pl.col(records.ID).alias("record_id"),
        _overlaid(moved, fields).alias("cells"),
        pl.Series("flags", _flags_left(moved, fields, keep), dtype=pl.String),
        pl.coalesce(records.STAMP, "old_stamp_us").alias("stamp_us"),
        pl.when(stamp_moved).then("old_stamp_us").otherwise("old_previous_stamp_us").alias("previous_stamp_us"),
        pl.coalesce(records.ACTOR, "old_actor").alias("actor"),
        pl.col(records.CREATED).alias("created_us"),
        pl.col(records.DELETED).fill_null(False).alias("is_deleted"),
        pl.col("_fate").alias("fate"),
        pl.col("_heir_type").alias("heir_type"),
        pl.col("_heir_id").alias("heir_id"),
        _ended_us().alias("fate_us"),
        pl.when(is_ahead).then(records.AS_OF).otherwise(newest).alias("as_of_us"),
        pl.when((pl.col("verdict") == "applied") & is_planned)
        .then(pl.when(is_ahead).then(records.AS_OF).otherwise("old_as_of_us"))
        .otherwise("old_previous_as_of_us")
        .alias("previous_as_of_us"),
        pl.lit(page.how.value).alias("how"),
    )


def _ended_us() -> pl.Expr:
    """When the record ended: as its fate says, else, for a delete, its stamp; kept while it stays ended."""
    is_ended = pl.col(records.DELETED).fill_null(False) | pl.col("_fate").is_not_null()
    return pl.when(is_ended).then(pl.coalesce("_fate_us", "old_fate_us", records.STAMP))


def _overlaid(moved: pl.DataFrame, fields: tuple[str, ...]) -> pl.Series:
    old = decode_objects(moved["old_cells"])
    others = sorted({name for cells in old for name in cells} - set(fields))
    wide = moved.select(
        *(pl.coalesce(pl.col(name), pl.col(f"old.{name}")).alias(CELL + name) for name in fields),
        *(pl.Series(CELL + name, [cells.get(name) for cells in old], dtype=pl.String) for name in others),
    )
    return narrow(wide, [*fields, *others])


def _flags_left(moved: pl.DataFrame, fields: tuple[str, ...], keep: pl.DataFrame | None) -> list[str | None]:
    """A cell that was read is no longer assumed; kept cells and cells the page lacks stay flagged."""
    if moved["old_flags"].null_count() == len(moved):
        return [None] * len(moved)
    kept = set(keep.select("record_id", "field").iter_rows()) if keep is not None else set()
    read = set(fields)
    out: list[str | None] = []
    for record_id, flags in zip(moved[records.ID], decode_objects(moved["old_flags"]), strict=True):
        left = {f: s for f, s in flags.items() if s is not None and (f not in read or (record_id, f) in kept)}
        out.append(encode_object(left) if left else None)
    return out
