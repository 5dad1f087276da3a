"""What we wrote, as the journal remembers it, and whether each of it can be taken back now.

Lives here: a run's or a record's writes from the journal's segments, compared with what both sides hold now. Reads our
own trees alone; whoever asks has read the records afresh. Not here: doing it (`undo`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from syncline.engine.journal import DEED, with_segments
from syncline.engine.owners import owner_fields
from syncline.engine.pairs import Slice, slices
from syncline.engine.sides import HIDDEN, UNREAD
from syncline.engine.world import World
from syncline.reconcile.plan import ACTIONS, UNDO
from syncline.records import SIDES, Operation, Side, other
from syncline.spec.model import PSEUDO_FIELDS, Direction, FieldMap, Policy, Sync
from syncline.trees import Table
from syncline.values import fingerprints

DONE = ("written", "settled")
_DOUBTFUL = ("prepared", "sent", "unknown")

# One field of one record that we wrote: `held` stood there until then, `wrote` since.
WROTE: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "side": pl.String(),
    "object_type": pl.String(),
    "record_id": pl.String(),
    "mapping": pl.String(),
    "field": pl.String(),
    "held": pl.String(),
    "wrote": pl.String(),
}
# A field that stays as it is: what it holds now, and why.
STAYS: dict[str, pl.DataType] = WROTE | {"now": pl.String(), "reason": pl.String()}


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """Something that was done and that no field value undoes."""

    what: str  # create | merge | convert | delete | update | doubt
    side: str
    object_type: str
    record_id: str | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Writes:
    """`fields` (WROTE): what was written, once per record and field. `lasting`: what a value does not undo."""

    fields: pl.DataFrame
    lasting: tuple[Lasting, ...]


_LASTING = {
    "create": "It was created and stays; --with-creates deletes what is as we left it.",
    "merge": "Records were merged: what ended in another record, and its activities, cannot be brought back.",
    "undelete": "It was taken out of the recycle bin; `syncline delete` deletes it again.",
    "convert": "It was converted, which the system cannot take back.",
    "delete": "It was deleted: a record that is gone, and its activities, cannot be brought back by a value.",
    "update": "It was changed by an action of its own (an owner, a task): repeat that action.",
}
_DOUBT = "The answer to this write was lost; the next run reads what became of it, then undo again."


async def writes_of(world: World, entries: pl.DataFrame) -> Writes:
    """What the batches of these ENTRY rows wrote. Rows whose batch is no longer kept are passed over."""
    batches = await world.store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    known = entries.join(batches.select("batch_id", "side", "operation"), on="batch_id", how="inner")
    is_update = pl.col("operation") == Operation.UPDATE.value
    done = known.filter(is_update & pl.col("state").is_in(list(DONE)))
    lines = await with_segments(world.store, done.select(entries.columns))
    places = done.select("batch_id", "position", "object_type").unique()
    in_order = lines.join(places, on=["batch_id", "position"]).sort("sent_us", "batch_id", maintain_order=True)
    fields = in_order.group_by("link_id", "side", "object_type", "record_id", "mapping", "field", maintain_order=True)
    found = fields.agg(pl.col("pre_image").first().alias("held"), pl.col("expected").last().alias("wrote"))
    return Writes(fields=found.select(list(WROTE)), lasting=tuple(_lasting(known)))


def _lasting(known: pl.DataFrame) -> list[Lasting]:
    out = []
    for row in known.iter_rows(named=True):
        what, state = str(row["operation"]).removeprefix(DEED), row["state"]
        is_plain = row["operation"] == Operation.UPDATE.value
        if state in _DOUBTFUL:
            what, sentence = "doubt", _DOUBT
        elif state in DONE and not is_plain:
            sentence = _LASTING[what]
        else:
            continue
        out.append(
            Lasting(
                what=what,
                side=row["side"],
                object_type=row["object_type"],
                record_id=row["record_id"],
                sentence=sentence,
            )
        )
    return out


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """`actions` (ACTIONS): the values to put back. `equal` (link_id, mapping): where both sides then agree. `stays`
    (STAYS): what is left as it is."""

    actions: pl.DataFrame
    equal: frozenset[tuple[int, str]]
    stays: pl.DataFrame


async def reversal_of(world: World, sync: Sync, fields: pl.DataFrame) -> Reversal:
    """What it takes to put back *fields* (WROTE), as far as they still hold what we wrote."""
    judged: list[pl.DataFrame] = []
    async for part in slices(world, sync, fields["link_id"].unique(maintain_order=True).to_list()):
        shared = await _shared(world, sync, part)
        for mapping in part.maps:
            for side in SIDES:
                own = _judged(world, part, mapping, side, fields, shared)
                if own is not None:
                    judged.append(own)
    if not judged:
        return _all_stay(fields)
    rows = _groups_as_one(pl.concat(judged, how="vertical_relaxed"))
    going = rows.filter(pl.col("reason").is_null())
    met = rows.select("link_id", "side", "record_id", "mapping")
    strangers = fields.join(met, on=met.columns, how="anti", nulls_equal=True)
    stays = rows.filter(pl.col("reason").is_not_null()).select(list(STAYS))
    same = going.filter("agrees").select("link_id", "mapping")
    return Reversal(
        actions=going.select(pl.col(name).cast(kind) for name, kind in ACTIONS.items()),
        equal=frozenset((int(link_id), str(mapping)) for link_id, mapping in same.iter_rows()),
        stays=pl.concat([stays, _all_stay(strangers).stays]),
    )


def _all_stay(fields: pl.DataFrame) -> Reversal:
    gone = fields.with_columns(
        pl.lit(None, dtype=pl.String).alias("now"),
        pl.lit("the record or the field is no longer part of the sync").alias("reason"),
    )
    return Reversal(actions=pl.DataFrame(schema=ACTIONS), equal=frozenset(), stays=gone.select(list(STAYS)))


async def _shared(world: World, sync: Sync, part: Slice) -> pl.DataFrame:
    """side, mapping, record_id of cells that other records have as well, because the vendor keeps one for all."""
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    found = [pl.DataFrame(schema=_SHARED)]
    for side in SIDES:
        place = {"connection": sync.side(side).connection, "object_type": types[side]}
        named = owner_fields(world, sync, side, types[side])
        keys = [
            part.pairs.select(record_id=f"id_{side}", field=pl.lit(name), **_lits(place)) for name in {*named.values()}
        ]
        own = await world.store.by_keys(Table.OWNER_KEY, pl.concat(keys)) if keys else None
        if own is None or own.is_empty():
            continue
        owners = own.select("connection", "object_type", "field", "print").unique()
        everybody = await world.store.by_keys(Table.OWNER_KEY, owners)
        several = everybody.group_by("field", "print").len().filter(pl.col("len") > 1)
        ids = own.join(several, on=["field", "print"], how="semi").select("field", "record_id")
        maps = pl.DataFrame(list(named.items()), schema={"mapping": pl.String, "field": pl.String}, orient="row")
        found.append(ids.join(maps, on="field").select(pl.lit(side).alias("side"), "mapping", "record_id"))
    return pl.concat(found)


_SHARED = {"side": pl.String, "mapping": pl.String, "record_id": pl.String}


def _lits(place: Mapping[str, str]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in place.items()}


def _judged(
    world: World, part: Slice, mapping: FieldMap, side: Side, fields: pl.DataFrame, shared: pl.DataFrame
) -> pl.DataFrame | None:
    """The fields of one mapping and side with what they hold now, `reason` (null: it can be put back), whether both
    sides then agree, and the columns of ACTIONS."""
    types: dict[Side, str] = {"a": part.type_a, "b": part.type_b}
    k, far = mapping.key, other(side)
    end = mapping.ends(side)[types[side]]
    if end.field is None:
        return None
    is_own = (pl.col("mapping") == k) & (pl.col("side") == side) & (pl.col("object_type") == types[side])
    own = fields.filter(is_own & (pl.col("field") == end.field))
    own = own.join(part.pairs, on="link_id", how="inner", maintain_order="left")
    if own.is_empty():
        return None
    spelt = _spelt(part, k)
    still = [
        wrote == now or (wrote, now) in spelt.get(link_id, ())
        for link_id, wrote, now in own.select("link_id", "wrote", f"{side}.{k}").iter_rows()
    ]
    everybodys = shared.filter((pl.col("side") == side) & (pl.col("mapping") == k))["record_id"]
    own = own.with_columns(pl.col("record_id").is_in(everybodys.implode()).alias("_shared"))
    own = own.with_columns(pl.Series("_still", still, dtype=pl.Boolean), pl.col(f"{side}.{k}").alias("now"))
    obstacles = [pl.when(stands).then(pl.lit(text)) for stands, text in _obstacles(mapping, side, types)]
    restored = pl.Series("_print", fingerprints(world.key, own["held"].to_list()), dtype=pl.UInt64)
    prints = {side: restored, far: own[f"f{far}.{k}"]}
    columns: dict[str, pl.Expr | pl.Series] = {
        "reason": pl.coalesce(obstacles),
        "agrees": (pl.col(f"t{far}.{k}") == pl.col("held")).fill_null(False),
        "action": pl.lit(f"u{side}:") + pl.col("link_id").cast(pl.String),
        "kind": pl.lit("update"),
        "source_type": pl.lit(types[far]),
        "source_id": pl.col(f"id_{far}"),
        "before": pl.col("now"),
        "after": pl.col("held"),
        "made_from": pl.col(f"{far}.{k}"),
        "verdict": pl.lit(UNDO),
        "print_a": prints["a"].fill_null(0),
        "print_b": prints["b"].fill_null(0),
        "base_a_before": pl.col(f"xa.{k}").fill_null(0),
        "base_b_before": pl.col(f"xb.{k}").fill_null(0),
        "edit_us": pl.lit(None, dtype=pl.Int64),
        "is_default": pl.lit(False),
        "group": pl.lit(mapping.group_key if mapping.is_atomic else None, dtype=pl.String),
    }
    told = own.with_columns(value.alias(name) for name, value in columns.items())
    return told.select(list(dict.fromkeys([*STAYS, *ACTIONS, "agrees"])))


def _spelt(part: Slice, key: str) -> dict[int, set[tuple[str, str]]]:
    """By link, what we sent and how the system keeps it, where its answer proved that the spelling is its own doing."""
    known = part.marks.filter((pl.col("kind") == "normalised") & (pl.col("mapping") == key))
    out: dict[int, set[tuple[str, str]]] = {}
    for link_id, text in known.select("link_id", "detail").iter_rows():
        detail = json.loads(text)
        out.setdefault(link_id, set()).add((detail["sent"], detail["read"]))
    return out


ALREADY = "it holds that value already"


def _obstacles(mapping: FieldMap, side: Side, types: Mapping[Side, str]) -> list[tuple[pl.Expr, str]]:
    """What may stand in the way of putting a value back, in the order in which it is told."""
    k, far = mapping.key, other(side)
    end, source = mapping.ends(side)[types[side]], mapping.ends(far)[types[far]]
    hidden = pl.any_horizontal(pl.col(f"k{s}.{k}").is_in([HIDDEN, UNREAD]) for s in SIDES)
    moved = pl.col(f"x{far}.{k}").is_not_null() & pl.col(f"f{far}.{k}").ne_missing(pl.col(f"x{far}.{k}"))
    is_judged = pl.lit(mapping.policy(types["a"]) is Policy.MOST_RESTRICTIVE)
    # Stated in side a's terms; for a mapping that only flows from a to b, in side b's.
    stated = pl.col(f"t{side}.{k}" if side == "b" and mapping.direction is Direction.BOTH else "now")
    loosens = is_judged & (stated == mapping.restrictive) & (pl.col("held") != pl.col("now"))
    return [
        (pl.col("record_id") != pl.col(f"id_{side}"), "another record stands for the person now"),
        (pl.col(f"is_deleted_{side}"), "the record is deleted"),
        (hidden | pl.col("now").is_null(), "it cannot be read now"),
        (pl.col("held").is_null(), "what it held before was never read"),
        (pl.col("now") == pl.col("held"), ALREADY),
        (~pl.col("_still"), "it was changed since"),
        (pl.col("_shared"), "the system keeps one value for several records"),
        (moved, f"side {far} was changed since, and that change is about to flow"),
        (pl.lit(end.inputs != (end.field,)), "its value belongs to several fields together"),
        (pl.lit(not PSEUDO_FIELDS.isdisjoint(source.inputs)), "it names the linked record"),
        (loosens, "an undo never lifts an opt-out"),
        (~pl.col(f"w{side}.{k}"), "the connected user may not write it"),
    ]


def _groups_as_one(rows: pl.DataFrame) -> pl.DataFrame:
    """Members of an atomic group go together or not at all; one that holds its old value already stands in no way."""
    stands = pl.col("reason").is_not_null() & (pl.col("reason") != ALREADY)
    torn = pl.col("group").is_not_null() & stands.any().over("link_id", "side", "group")
    told = pl.when(pl.col("reason").is_null() & torn).then(pl.lit("a field that goes with it stays as it is"))
    return rows.with_columns(pl.coalesce("reason", told).alias("reason"))
