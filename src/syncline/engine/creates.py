"""Creates: unmatched records turned into actions on the other side, and those that cannot be.

Lives here: what a record needs to be created there, and the dead letters of those that lack it. Not here: who is
unmatched (`matching`), records that have a link (`planning`) or sending (`write`).
"""

from __future__ import annotations

import json

import polars as pl

from syncline.engine.letters import creates_asked_for, wake_print
from syncline.engine.pairs import mirror_of
from syncline.engine.planning import SLICE_LINKS, Planned
from syncline.engine.settlement import conflict_id
from syncline.engine.sides import side_values, writable
from syncline.engine.world import World
from syncline.reconcile.plan import CreateTerms, creates
from syncline.records import SIDES, Side, other
from syncline.spec.model import Creates, Sync
from syncline.trees import TABLES, Commit, Table


async def plan_creates(
    world: World, sync: Sync, lone: pl.DataFrame, planned: Planned, run_id: str, *, forced: bool = False
) -> None:
    """Turn unmatched records into creates on the other side where the preset or a person (*forced*) asks for it."""
    again = await creates_asked_for(world, sync)
    for side in SIDES:
        own = lone.filter(pl.col("side") == side)
        for (object_type,), part in own.partition_by("object_type", as_dict=True).items():
            if sync.side(side).creates is Creates.NEVER and not forced:
                stays = part.join(again, on=again.columns, how="anti")
                planned.classes.append(
                    _lone(stays, "unchanged", "stays on its side: the sync does not create from here")
                )
                part = part.join(again, on=again.columns, how="semi")
            for at in range(0, len(part), SLICE_LINKS):
                await plan_creates_of(world, sync, side, str(object_type), part[at : at + SLICE_LINKS], planned, run_id)


def _lone(rows: pl.DataFrame, name: str, reason: str) -> pl.DataFrame:
    return rows.select(
        "side",
        "object_type",
        "record_id",
        pl.lit(0, dtype=pl.Int64).alias("link_id"),
        pl.lit(name).alias("class"),
        pl.lit(reason).alias("reason"),
    )


async def plan_creates_of(
    world: World, sync: Sync, side: Side, object_type: str, part: pl.DataFrame, planned: Planned, run_id: str
) -> None:
    """Creates for the records *part* (side, object_type, record_id) of one object type, whatever asks for them."""
    target = other(side)
    spec = sync.side(target)
    target_type = spec.creates_as or spec.object_types[0]
    schema = world.schema(spec.connection, target_type)
    types: dict[Side, str] = {side: object_type, target: target_type}
    maps = sync.maps_for(types["a"], types["b"])
    flowing = [m for m in maps if m.set_on_create or m.direction.value in ("both", f"{side}_to_{target}")]
    terms = CreateTerms(
        source=side,
        source_type=object_type,
        target_type=target_type,
        writable=frozenset(m.key for m in flowing if writable(schema, m, m.ends(target)[target_type], creating=True)),
        required={
            m.key: f.name
            for m in flowing
            if (name := m.ends(target)[target_type].field) and (f := schema.field(name)) and f.is_required
        },
        key=world.key,
    )
    rows = await mirror_of(world, sync.side(side).connection, object_type, part["record_id"])
    values = await side_values(world, sync, side, object_type, target_type, rows)
    actions, missing = creates(values, flowing, terms)
    actions, dead = await _without_dead(world, sync, actions)
    planned.sheets.add(actions)
    lacking = missing.group_by("record_id").agg(pl.col("field").str.join(", "))
    planned.classes.append(
        part.join(lacking, on="record_id", how="inner").select(
            "side",
            "object_type",
            "record_id",
            pl.lit(0, dtype=pl.Int64).alias("link_id"),
            pl.lit("dead").alias("class"),
            pl.format("required on the other side and empty here: {}", "field").alias("reason"),
        )
    )
    await _bury_lacking(world, sync, side, object_type, missing, run_id)
    planned.classes.append(
        _lone(part.join(dead, on="record_id", how="semi"), "dead", "refused before with these values")
    )
    going = actions.select(pl.col("source_id").alias("record_id")).unique()
    planned.classes.append(_lone(part.join(going, on="record_id", how="semi"), "written", "to be created"))
    nothing = part
    for settled in (lacking, dead, going):
        nothing = nothing.join(settled, on="record_id", how="anti")
    planned.classes.append(_lone(nothing, "unchanged", "no field that flows holds a value: nothing to create from"))


async def _bury_lacking(
    world: World, sync: Sync, side: Side, object_type: str, missing: pl.DataFrame, run_id: str
) -> None:
    """A record that cannot be created for want of a required value is a dead letter: shown, and woken by the value."""
    if missing.is_empty():
        return
    letters = [
        {
            "letter_id": conflict_id(0, record_id, object_type, "required", name),
            "sync": sync.name,
            "link_id": 0,
            "side": other(side),
            "object_type": object_type,
            "record_id": record_id,
            "mapping": mapping,
            "operation": "create",
            "code": "required_value_missing",
            "message": f"{name} is required on side {other(side)} and the record has no value for it",
            "sent": json.dumps({name: ""}),
            "attempts": 0,
            "wakes_on": "value",
            "wake_print": 0,
            "at_us": world.now_us(),
            "state": "dead",
        }
        for record_id, mapping, name in missing.iter_rows()
    ]
    rows = pl.DataFrame(letters, schema=dict(TABLES[Table.DEAD_LETTER][0]))
    await world.store.commit(Commit(put={Table.DEAD_LETTER: rows}))


async def _without_dead(world: World, sync: Sync, actions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leave out creates that were refused with exactly these values; the second frame names them (record_id)."""
    letters = await world.store.rows(Table.DEAD_LETTER, {"sync": sync.name, "link_id": 0, "state": "dead"})
    buried = {(row["record_id"], row["wake_print"]) for row in letters.iter_rows(named=True)}
    suspects = {record_id for record_id, _ in buried}
    dead = []
    for (source_id,), own in actions.filter(pl.col("source_id").is_in(list(suspects))).group_by(
        "source_id", maintain_order=True
    ):
        sources = {m: str(v) for m, v in own.select("mapping", "made_from").iter_rows()}
        print_ = wake_print(world.key, sources)
        if (source_id, print_ - 2**64 if print_ >= 2**63 else print_) in buried:
            dead.append(str(source_id))
    frame = pl.DataFrame({"record_id": dead}, schema={"record_id": pl.String})
    return actions.join(frame, left_on="source_id", right_on="record_id", how="anti"), frame
