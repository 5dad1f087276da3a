"""What became of every record that a run considered: what was planned, what happened to it, and the law over both.

Lives here: the records a plan is about, their final classes, and both sides of the sync law with the marks they came
from. Not here: planning and writing themselves (`planning`, `write`), or their order (`cycle`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from syncline.engine.erased import ERASED_MEANWHILE
from syncline.engine.planning import CLASSES, Planned
from syncline.engine.settlement import add_rows
from syncline.engine.world import World
from syncline.engine.write import Written
from syncline.reconcile.conserve import GRAVITY
from syncline.reconcile.plan import Held
from syncline.spec.model import Sync
from syncline.trees import LINK_END, Commit, Table

_RECORD = ["side", "object_type", "record_id"]


def final_classes(planned: Planned, written: Written, held: Sequence[Held]) -> pl.DataFrame:
    """What was planned, corrected by what happened: one row per record, in its gravest class."""
    actions = planned.sheets.outline()
    stopped = {action.split("/")[0]: ("held", f"above the ceiling on {h.kind}s") for h in held for action in h.actions}
    became = {**stopped, **written.classes}
    rows = [(action, *became[action]) for action in actions["action"] if action in became]
    if not rows:
        return _gravest(planned.all_classes())
    fates = pl.DataFrame(rows, schema={"action": pl.String, "class": pl.String, "reason": pl.String}, orient="row")
    touched = actions.join(fates, on="action")
    targets = touched.filter(pl.col("record_id").is_not_null()).select(
        "side", "object_type", "record_id", pl.col("class").alias("_class"), pl.col("reason").alias("_reason")
    )
    sources = touched.select(
        pl.when(pl.col("side") == "a").then(pl.lit("b")).otherwise(pl.lit("a")).alias("side"),
        pl.col("source_type").alias("object_type"),
        pl.col("source_id").alias("record_id"),
        pl.col("class").alias("_class"),
        pl.col("reason").alias("_reason"),
    )
    order = pl.col("_class").replace_strict(GRAVITY, return_dtype=pl.Int32)
    fate = (
        pl.concat([targets, sources])
        .with_columns(order.alias("_gravity"))
        .sort("_gravity", descending=True)
        .unique(["side", "object_type", "record_id"], keep="first")
    )
    joined = planned.all_classes().join(
        fate, on=["side", "object_type", "record_id"], how="left", maintain_order="left"
    )
    known = pl.col("class").replace_strict(GRAVITY, return_dtype=pl.Int32)
    replaces = pl.col("_class").is_not_null() & ((pl.col("class") == "written") | (pl.col("_gravity") > known))
    final = joined.with_columns(
        pl.when(replaces).then("_class").otherwise("class").alias("class"),
        pl.when(replaces).then("_reason").otherwise("reason").alias("reason"),
    )
    return _gravest(final.select(list(CLASSES)))


def _gravest(classes: pl.DataFrame) -> pl.DataFrame:
    """*classes* (CLASSES) with one row per record, in its gravest class."""
    if classes.is_empty():
        return classes
    order = pl.col("class").replace_strict(GRAVITY, return_dtype=pl.Int32)
    ranked = classes.sort(order, descending=True, maintain_order=True)
    return ranked.unique(_RECORD, keep="first", maintain_order=True)


_MARKED_ENDS = {name: LINK_END[name] for name in (*_RECORD, "link_id")} | {"seq": pl.Int64()}


async def marked_ends(world: World, links: pl.DataFrame) -> pl.DataFrame:
    """side, object_type, record_id, link_id, seq: the current records of links with marks (DIRTY)."""
    if links.is_empty():
        return pl.DataFrame(schema=_MARKED_ENDS)
    marks = links.select("link_id", "seq")
    ends = (await world.store.by_keys(Table.LINK_END, marks.select("link_id"))).filter(pl.col("role") == "current")
    return ends.join(marks, on="link_id").select(*_RECORD, "link_id", "seq")


def considered_of(strangers: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """The records of the marks taken, as they stood before anything was planned: a record that is made anew takes
    another's place in its link."""
    lone = strangers.select(*_RECORD, "link_id", "seq")
    both = pl.concat([ends, lone])
    return both.unique(_RECORD, keep="first") if len(both) > 1 else both


def shifted_links(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The links (link_id) whose records became others while they were planned: another lane settled an end."""
    if before.equals(after):
        return pl.DataFrame(schema={"link_id": pl.Int64})
    gone, new = (one.join(two, on=[*_RECORD, "link_id"], how="anti") for one, two in ((before, after), (after, before)))
    return pl.concat([gone.select("link_id"), new.select("link_id")]).unique()


def without_shifted(classes: pl.DataFrame, considered: pl.DataFrame, shifted: pl.DataFrame) -> pl.DataFrame:
    """*classes* (CLASSES) with the records of links that shifted deferred: whoever shifted them left a newer mark."""
    if shifted.is_empty():
        return classes
    stays = classes.join(shifted, on="link_id", how="anti")
    deferred = considered.join(shifted, on="link_id", how="semi").join(stays, on=_RECORD, how="anti")
    words = pl.lit("its link changed while it was planned; planned again next").alias("reason")
    return pl.concat([stays, deferred.select(*_RECORD, "link_id", pl.lit("deferred").alias("class"), words)])


async def account(
    world: World,
    sync: Sync,
    run_id: str,
    classes: pl.DataFrame,
    taken: pl.DataFrame,
    considered: pl.DataFrame,
    later: Sequence[pl.DataFrame],
) -> None:
    """Store the two sides of the sync law, clear the marks that were planned and set those that come due later.

    CONSIDERED comes from the marks taken and the links' ends, VERDICT from what the planner said.
    """
    commit = Commit(clean=taken, touch=[marks for marks in later if len(marks)])
    place = [pl.lit(run_id).alias("run_id"), pl.lit(sync.name).alias("sync")]
    erased = classes.filter(pl.col("reason") == ERASED_MEANWHILE[1])
    if len(erased):  # who was erased meanwhile stands in neither
        considered, classes = (rows.join(erased, on=_RECORD, how="anti") for rows in (considered, classes))
    add_rows(commit, Table.CONSIDERED, considered.with_columns(place))
    add_rows(commit, Table.VERDICT, classes.with_columns(place))
    await world.store.commit(commit)
