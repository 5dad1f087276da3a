"""Verify: reads both systems whole and says of every mapped field of every linked pair why it is as it is.

Lives here: the comparison. It trusts neither cursor nor base: both sides are read again, on a private copy of the
state, and values are compared with values. Writes nothing anywhere.

    equal             the same, through the mapping
    normalised        another spelling of the same: recorded for this pair, or explained by a normaliser
    held, blocked, dead, drift, kept, hidden, filtered, frozen, in_flight    different, and said why
    unexplained       different, and nobody can say why: the number that must be zero
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from syncline.engine.cycle import RunReport, plan_and_write
from syncline.engine.life.endings import HAS_ENDED
from syncline.engine.observe import meet, read_everything
from syncline.engine.pairs import Slice, slices
from syncline.engine.remapped import adopt_revision
from syncline.engine.sides import ASSUMED_ELSEWHERE, HIDDEN, UNREAD
from syncline.engine.world import Progress, World
from syncline.reconcile.settle import is_normalised
from syncline.records import SIDES, Side, other
from syncline.spec.model import Direction, FieldMap, Sync
from syncline.trees import Commit, Table

SLICE_LINKS = 20_000

SAME = ("equal", "normalised")
EXPLAINED = ("held", "blocked", "dead", "drift", "kept", "hidden", "filtered", "frozen", "in_flight")
UNEXPLAINED = "unexplained"

_WHY = {
    "held_conflict": "held",
    "held": "held",
    "blocked": "blocked",
    "not_taken": "blocked",
    "dead": "dead",
    "drift": "drift",
    "apart": "kept",
    "frozen": "frozen",
}

FIELD_ROWS: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "id_a": pl.String(),
    "id_b": pl.String(),
    "mapping": pl.String(),
    "class": pl.String(),
    "value_a": pl.String(),
    "value_b": pl.String(),
}


@dataclass(kw_only=True)
class VerifyReport:
    """`counts`: pair-fields per class and mapping. `different`: a row for every pair-field that is neither equal nor
    normalised. `unlinked`: records per side that belong to no link, `pending`: records a run would write now
    and mergers that are due, `tombstones`: links whose record ended, which are no differences."""

    sync: str
    pairs: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    different: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FIELD_ROWS))
    unlinked: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    unknown: int = 0
    tombstones: int = 0

    def total(self, *classes: str) -> int:
        return sum(count for per in self.counts.values() for name, count in per.items() if name in classes)

    @property
    def pair_fields(self) -> int:
        return sum(count for per in self.counts.values() for count in per.values())

    @property
    def unexplained(self) -> int:
        return self.total(UNEXPLAINED)

    @property
    def explained(self) -> int:
        return self.total(*EXPLAINED)

    @property
    def is_converged(self) -> bool:
        """No unexplained difference, nothing a run would write, no write of unknown outcome."""
        return not self.unexplained and not self.pending and not self.unknown


async def verify(world: World, sync: Sync) -> VerifyReport:
    """Compare both systems as they are now. Raises what reading raises; an incomplete read never counts as proof."""
    scratch = await world.store.copy()
    try:
        return await _verify(replace(world, store=scratch, schemas={}), sync)
    finally:
        await scratch.close()


async def _verify(world: World, sync: Sync) -> VerifyReport:
    report = VerifyReport(sync=sync.name)
    report.unknown = await world.store.count(Table.ENTRY, {"state": ["prepared", "sent", "unknown"]})
    sync = await meet(world, sync)
    await adopt_revision(world, sync)
    run_id = f"verify-{world.random.token(6)}"
    for side in SIDES:
        spec = sync.side(side)
        for object_type in spec.object_types:
            await read_everything(world, spec.connection, object_type, run_id)
            unlinked = await world.store.unlinked(sync.name, side, spec.connection, [object_type])
            report.unlinked[side] = report.unlinked.get(side, 0) + len(unlinked.filter(~HAS_ENDED))
    held = await _plan(world, sync, run_id, report)
    report.pending += await world.store.count(Table.MERGER, {"sync": sync.name, "state": "due"})
    report.tombstones = await world.store.count(Table.LINK, {"sync": sync.name, "state": "tombstone"})
    links = (await world.store.rows(Table.LINK, {"sync": sync.name, "state": "live"}))["link_id"].to_list()
    different = [report.different]
    for at in range(0, len(links), SLICE_LINKS):
        async for part in slices(world, sync, links[at : at + SLICE_LINKS]):
            different.append(_compare(part, report, held))
            report.pairs += len(part.pairs)
        world.report(Progress("verify", sync.name, min(at + SLICE_LINKS, len(links)), len(links)))
    report.different = pl.concat(different)
    return report


async def _plan(world: World, sync: Sync, run_id: str, report: VerifyReport) -> pl.DataFrame:
    """What a run would write now is the backlog: planned here on the copy, from every mark whenever it is due. The
    fields that a ceiling holds come back (link_id, field; field null: the whole action)."""
    marks = await world.store.rows(Table.DIRTY, {"sync": sync.name})
    forward = marks.drop("seq").with_columns(pl.lit(0, dtype=pl.Int64).alias("due_us"))
    await world.store.commit(Commit(touch=[forward]))
    plan = RunReport(run_id=run_id, sync=sync.name)
    await plan_and_write(world, sync, plan, writes=False)
    named = [name.partition("/") for held in plan.held for name in held.actions]
    held = pl.DataFrame([(action, field or None) for action, _, field in named], schema=_NAMED, orient="row")
    outline = plan.sheets.outline()
    whole = held.filter(pl.col("field").is_null()).select("action")
    blanks = held.filter(pl.col("field").is_not_null()).group_by("action").len("held")
    going = outline.join(whole, on="action", how="anti").join(blanks, on="action", how="left")
    report.pending = len(going.filter(pl.col("fields") > pl.col("held").fill_null(0)))
    return held.join(outline.select("action", "link_id"), on="action").select("link_id", "field")


_NAMED = {"action": pl.String, "field": pl.String}
HELD = {"link_id": pl.Int64, "field": pl.String}
"""Fields whose write a ceiling holds; field null: the whole action."""


def _compare(part: Slice, report: VerifyReport, held: pl.DataFrame) -> pl.DataFrame:
    out = []
    for mapping, classed in field_classes(part, held):
        counts = report.counts.setdefault(mapping.key, {})
        for name, count in classed.group_by("class").len().iter_rows():
            counts[name] = counts.get(name, 0) + count
        out.append(classed.filter(~pl.col("class").is_in(list(SAME))))
    return pl.concat(out) if out else pl.DataFrame(schema=FIELD_ROWS)


def field_classes(part: Slice, held: pl.DataFrame) -> Iterator[tuple[FieldMap, pl.DataFrame]]:
    """Each mapping of a slice with the class of every pair (FIELD_ROWS). *held* (HELD): what a ceiling holds."""
    stopped = _stopped(part)
    for mapping in part.maps:
        yield mapping, _classed(part, mapping, stopped, _held_links(part, mapping, held))


def _stopped(part: Slice) -> pl.Expr:
    """The pair does not flow: one record left its filter or our sight, or is deleted."""
    members = [pl.coalesce(f"now_member_{s}", f"member_{s}").fill_null(True) for s in SIDES]
    sights = [pl.col(f"visible_{s}").fill_null(True) for s in SIDES]
    return ~pl.all_horizontal(*members, *sights) | pl.any_horizontal("is_deleted_a", "is_deleted_b")


def _held_links(part: Slice, mapping: FieldMap, held: pl.DataFrame) -> list[int]:
    """Links for which a ceiling holds the write of this mapping."""
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    fields = [end.field for side in SIDES if (end := mapping.ends(side).get(types[side])) is not None and end.field]
    own = held.filter(pl.col("field").is_null() | pl.col("field").is_in(fields))
    return own["link_id"].unique().to_list()


def _classed(part: Slice, mapping: FieldMap, stopped: pl.Expr, held_links: list[int]) -> pl.DataFrame:
    """FIELD_ROWS of one mapping over a slice."""
    k = mapping.key
    why = part.marks.filter(pl.col("mapping") == k).select(
        "link_id", pl.col("kind").replace_strict(_WHY, default=None).alias("why")
    )
    why = why.filter(pl.col("why").is_not_null()).unique("link_id", keep="last")
    rows = part.pairs.join(why, on="link_id", how="left", maintain_order="left")
    unusable = pl.any_horizontal(pl.col(f"k{s}.{k}").is_in([HIDDEN, UNREAD]) for s in SIDES)
    in_flight = pl.any_horizontal(pl.col(f"k{s}.{k}") == ASSUMED_ELSEWHERE for s in SIDES)
    same_there = pl.col(f"ta.{k}").eq_missing(pl.col(f"b.{k}"))
    same_here = pl.col(f"tb.{k}").eq_missing(pl.col(f"a.{k}"))
    agree = {Direction.A_TO_B: same_there, Direction.B_TO_A: same_here}.get(mapping.direction, same_there & same_here)
    rows = rows.with_columns(agree.alias("_agree"))
    rows = rows.with_columns(_spelt_otherwise(rows, part, mapping).alias("_normalised"))
    return rows.select(
        "link_id",
        "id_a",
        "id_b",
        pl.lit(k).alias("mapping"),
        pl.when(unusable)
        .then(pl.lit("hidden"))
        .when("_agree")
        .then(pl.lit("equal"))
        .when("_normalised")
        .then(pl.lit("normalised"))
        .when(stopped)
        .then(pl.lit("filtered"))
        .when(pl.col("why").is_not_null())
        .then("why")
        .when(pl.col("link_id").is_in(held_links))
        .then(pl.lit("held"))
        .when(_is_synthetic(mapping))
        .then(pl.lit("kept"))
        .when(in_flight)
        .then(pl.lit("in_flight"))
        .otherwise(pl.lit(UNEXPLAINED))
        .alias("class"),
        pl.col(f"a.{k}").alias("value_a"),
        pl.col(f"b.{k}").alias("value_b"),
    )


def _is_synthetic(mapping: FieldMap) -> pl.Expr:
    """One side holds the declared default for a value that the other side does not have, and keeps it."""
    k, parts = mapping.key, [pl.lit(False)]
    for side, text in mapping.defaults.items():
        if not mapping.pulls_default_back:
            blank = pl.col(f"{other(side)}.{k}").fill_null("") == ""
            parts.append((pl.col(f"{side}.{k}") == text) & blank)
    return pl.any_horizontal(parts)


def _spelt_otherwise(rows: pl.DataFrame, part: Slice, mapping: FieldMap) -> pl.Series:
    """Pairs whose values differ in spelling only: recorded as normalised, or explained by a normaliser."""
    k = mapping.key
    recorded = _recorded(part, mapping)
    end = mapping.b[part.type_b]
    flags = [
        not agree
        and (
            recorded.get(link_id) == (fa, fb)
            or is_normalised(value_a, value_b, end.type, end.length)
            or is_normalised(value_b, value_a, mapping.a[part.type_a].type, mapping.a[part.type_a].length)
        )
        for link_id, agree, value_a, value_b, fa, fb in rows.select(
            "link_id", "_agree", f"ta.{k}", f"b.{k}", f"fa.{k}", f"fb.{k}"
        ).iter_rows()
    ]
    return pl.Series(flags, dtype=pl.Boolean)


def _recorded(part: Slice, mapping: FieldMap) -> dict[int, tuple[int | None, int | None]]:
    marks = part.marks.filter((pl.col("mapping") == mapping.key) & (pl.col("kind") == "normalised"))
    prints = marks.select(
        "link_id", *(pl.col("detail").str.json_path_match(f"$.{s}").cast(pl.UInt64).alias(s) for s in SIDES)
    )
    return {link_id: (a, b) for link_id, a, b in prints.iter_rows()}


def sample(report: VerifyReport, limit: int = 20) -> Sequence[dict[str, object]]:
    """The first unexplained differences, for a person to look at."""
    rows = report.different.filter(pl.col("class") == UNEXPLAINED).head(limit)
    return list(rows.iter_rows(named=True))
