"""Turns settle verdicts into changes of the trees: bases, marks, entries, conflicts, marks to look again.

Lives here: the consequences. Not here: the verdicts (`reconcile.settle`) or reading (`observe`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from syncline.engine.bases import PATCHES, REAPPLY, base_columns, patch_bases
from syncline.engine.journal import IN_FLIGHT
from syncline.engine.world import World
from syncline.reconcile.cells import CELL, widen
from syncline.reconcile.settle import OBSERVED, SettleFacts, settle
from syncline.records import SIDES, Page, Side, other
from syncline.spec.model import Overridden
from syncline.trees import TABLES, Commit, Table
from syncline.values import fingerprint, fingerprints

KEEPS = ("too_early", "not_visible")
"""Verdicts after which the mirror keeps the assumed value: this reading says nothing yet."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """`verdicts` per record and field; `arrived` those that only the conflict log hears of (a write given up whose
    value seems to have come after all); `repeated` those of late writes that an earlier reading told of: news for
    nobody, but the newest entry is judged by them too; `keep` the cells the page must not overwrite; `again` the
    records to read once more."""

    verdicts: pl.DataFrame
    arrived: pl.DataFrame
    repeated: pl.DataFrame
    keep: pl.DataFrame
    again: tuple[str, ...]


async def settle_page(
    world: World, connection: str, page: Page, known: pl.DataFrame, outstanding: pl.DataFrame, *, same_call: bool
) -> Settled:
    """Judge the fields of *page* that have journal entries (*outstanding*). *known* are the MIRROR rows before."""
    observed = await _observed(world, connection, page, outstanding, same_call=same_call)
    capabilities = world.capabilities(connection, page.object_type)
    schema = world.schema(connection, page.object_type)
    facts = SettleFacts(
        own_actor=world.own_actor(connection),
        visibility_lag_us=int(capabilities.visibility_lag_seconds * 1e6),
        late_commit_us=int(capabilities.late_commit_seconds * 1e6),
        types={name: f.type for name, f in schema.fields.items()},
        lengths={name: f.length for name, f in schema.fields.items()},
        now_us=world.now_us(),
    )
    news, repeated = _news(settle(observed, outstanding, facts), known)
    verdicts = news.filter(pl.col("verdict") != "late_spelt")
    arrived = news.filter(pl.col("verdict") == "late_spelt")
    keep = verdicts.filter(pl.col("verdict").is_in(list(KEEPS))).select("record_id", "field")
    return Settled(
        verdicts=verdicts,
        arrived=arrived,
        repeated=repeated,
        keep=keep,
        again=tuple(keep["record_id"].unique(maintain_order=True)),
    )


def _news(verdicts: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """*verdicts* without late writes of ours whose value the mirror holds already, which change nothing; and those.
    `held` is what a write of ours replaced that came late, or that was in doubt, as far as we had seen it; null for
    every other verdict, and where it is what the write was to replace."""
    is_late = pl.col("verdict").is_in(["late_own", "late_spelt"])
    is_found = (pl.col("verdict") == "echo") & pl.col("state").is_in(list(IN_FLIGHT))
    late = verdicts.filter(is_late | is_found)
    if late.is_empty():
        told = verdicts.with_columns(pl.lit(None, dtype=pl.String).alias("held"))
        return told, told.clear()
    fields = late["field"].unique().to_list()
    cells = widen(known, fields).unpivot(on=[CELL + name for name in fields], index="record_id", value_name="held")
    held = cells.select("record_id", pl.col("variable").str.strip_prefix(CELL).alias("field"), "held")
    told = verdicts.join(held, on=["record_id", "field"], how="left", maintain_order="left").with_columns(
        pl.when(is_late | (is_found & pl.col("held").ne_missing(pl.col("pre_image")))).then("held").alias("held")
    )
    is_repeated = is_late & (pl.col("held") == pl.col("value")).fill_null(False)
    return told.filter(~is_repeated), told.filter(is_repeated & (pl.col("verdict") == "late_own"))


async def _observed(
    world: World, connection: str, page: Page, outstanding: pl.DataFrame, *, same_call: bool
) -> pl.DataFrame:
    """OBSERVED rows: the page's cells that some entry wrote. The newest moment since the write names the actor."""
    written = outstanding.filter(pl.col("rank") == 1).select("record_id", "field", "sent_us", "expected")
    asked = set(written["field"].unique())
    fields = [name for name in page.fields if name in asked]
    rows = page.rows.filter(pl.col("_id").is_in(written["record_id"].implode()))
    cells = rows.unpivot(on=fields, index=["_id", "_as_of_us", "_actor"], variable_name="field").filter(
        pl.col("value").is_not_null()
    )
    cells = cells.join(written, left_on=["_id", "field"], right_on=["record_id", "field"], how="inner")
    moments = await _newest_actors(world, connection, page, written)
    joined = cells.join(moments, left_on=["_id", "field"], right_on=["record_id", "field"], how="left")
    return joined.select(
        pl.col("_id").alias("record_id"),
        "field",
        "value",
        pl.col("_as_of_us").alias("as_of_us"),
        pl.coalesce("moment_actor", "_actor").alias("actor"),
        pl.col("moment_actor").alias("field_actor"),
        (pl.lit(same_call) | _is_of_the_call(page)).alias("same_call"),
    ).select(list(OBSERVED))


def _is_of_the_call(page: Page) -> pl.Expr:
    """An event that is proven ours and tells what the newest write sent tells of that very write: it is ordered after
    it, whichever clock is ahead. One that tells something else may be of an earlier write."""
    if not page.ours:
        return pl.lit(False)
    cell = pl.concat_str("_id", pl.lit("\x1f"), "field")
    ours = [f"{record_id}\x1f{name}" for record_id, name in page.ours]
    return cell.is_in(ours) & (pl.col("value") == pl.col("expected")).fill_null(False)


async def _newest_actors(world: World, connection: str, page: Page, written: pl.DataFrame) -> pl.DataFrame:
    """record_id, field, moment_actor: who made the newest recorded change of the field since the write."""
    capabilities = world.capabilities(connection, page.object_type)
    shape = {"record_id": pl.String, "field": pl.String, "moment_actor": pl.String}
    if not (capabilities.has_field_history or capabilities.is_streamed):
        return pl.DataFrame(schema=shape)
    keys = written.select("record_id", "field").with_columns(
        connection=pl.lit(connection), object_type=pl.lit(page.object_type)
    )
    moments = await world.store.by_keys(Table.MOMENT, keys)
    if page.moments is not None:
        fresh = page.moments.rename({"_id": "record_id"}).select("record_id", "field", "at_us", "actor")
        moments = pl.concat([moments.select(fresh.columns), fresh])
    since = moments.join(written, on=["record_id", "field"], how="inner").filter(
        pl.col("at_us") + capabilities.stamp_step_us >= pl.col("sent_us")
    )
    newest = since.sort("at_us", maintain_order=True).group_by("record_id", "field", maintain_order=True).last()
    return newest.select("record_id", "field", pl.col("actor").alias("moment_actor"))


async def consequences(
    world: World, connection: str, page: Page, settled: Settled, outstanding: pl.DataFrame, commit: Commit, run_id: str
) -> None:
    """Add to *commit* what the verdicts change: bases, marks, entries, conflict log, due marks."""
    verdicts = settled.verdicts
    await _set_bases(world, verdicts, commit)
    _set_marks(world, verdicts, commit)
    _log_replaced(world, pl.concat([verdicts, settled.arrived]), commit, run_id)
    _close_entries(pl.concat([verdicts, settled.repeated]), outstanding, commit)
    capabilities = world.capabilities(connection, page.object_type)
    lag_us = int(capabilities.visibility_lag_seconds * 1e6)
    _touch(commit, verdicts, KEEPS, due_us=world.now_us() + lag_us)
    _touch(commit, verdicts, _WAKES, due_us=0)


_WAKES = ("late_own", "not_taken", "not_applied", "normalised", "overridden", "foreign")


def _touch(commit: Commit, verdicts: pl.DataFrame, names: Sequence[str], *, due_us: int) -> None:
    """Mark the links of the *verdicts* of these *names* dirty."""
    rows = verdicts.filter(pl.col("verdict").is_in(names) & (pl.col("link_id") > 0))
    if rows.is_empty():
        return
    commit.touch.append(
        rows.select("sync", "link_id")
        .unique()
        .select(
            "sync",
            "link_id",
            pl.lit("").alias("side"),
            pl.lit("").alias("object_type"),
            pl.lit("").alias("record_id"),
            pl.lit(due_us, dtype=pl.Int64).alias("due_us"),
        )
    )


async def _set_bases(world: World, verdicts: pl.DataFrame, commit: Commit) -> None:
    """A success that was unknown sets its pair; a late write of ours its own; ignored writes restore; a normalised
    value becomes the base of its side; and where something else is there than a write in doubt sent, what that was
    made from counts as changed: it may be what it was before by now, which is news to the other side."""
    confirmed = (pl.col("verdict") == "echo") & (pl.col("state") != "written")
    in_doubt = pl.col("state").is_in(list(IN_FLIGHT)) & ~pl.col("may_come")
    replaced = pl.col("verdict").is_in(["foreign", "overridden"]) & in_doubt
    verdicts = verdicts.filter(confirmed | replaced | pl.col("verdict").is_in(["late_own", "not_taken", "normalised"]))
    if verdicts.is_empty():
        return
    sent = verdicts.filter(confirmed | (pl.col("verdict") == "late_own"))
    ignored = verdicts.filter(pl.col("verdict") == "not_taken").with_columns(
        print_a="base_a_before", print_b="base_b_before"
    )
    spelt = verdicts.filter(pl.col("verdict") == "normalised")
    read = pl.Series("_read", fingerprints(world.key, spelt["value"]), dtype=pl.UInt64)
    spelt = spelt.with_columns(
        pl.when((pl.col("side") == side) & (pl.col(f"print_{side}") != 0))  # 0: a base of more than this field
        .then(read)
        .otherwise(f"print_{side}")
        .alias(f"print_{side}")
        for side in SIDES
    )
    stale = (await _of_the_old_base(world, verdicts.filter(replaced))).with_columns(
        pl.when(pl.col("side") == other(side)).then(pl.lit(REAPPLY, dtype=pl.UInt64)).alias(f"print_{side}")
        for side in SIDES
    )
    patches = pl.concat([rows.select(list(PATCHES)) for rows in (sent, ignored, spelt, stale)])
    await patch_bases(world, patches, commit)


async def _of_the_old_base(world: World, verdicts: pl.DataFrame) -> pl.DataFrame:
    """*verdicts* on writes in doubt since which the base of what they were made from has not moved. Where it has, a
    later reading told of that cell itself: it may be an old write of ours that arrived there, and nobody's change."""
    if verdicts.is_empty():
        return verdicts
    stored = await world.store.by_keys(Table.BASE, verdicts.select("link_id").unique())
    held: dict[int, dict[str, int | None]] = {}
    for (name, revision), part in stored.partition_by("sync", "revision", as_dict=True).items():
        sync = world.syncs[str(name)]
        if revision == sync.revision():
            columns = base_columns(part, [m.key for m in sync.fields])
            held |= {row["link_id"]: row for row in columns.iter_rows(named=True)}
    moved = [
        (base := held.get(row["link_id"], {}).get(f"x{other(row['side'])}.{row['mapping']}")) is not None
        and base != row[f"base_{other(row['side'])}_before"]
        for row in verdicts.iter_rows(named=True)
    ]
    return verdicts.filter(~pl.Series(moved, dtype=pl.Boolean))


def _normalised_prints(world: World, row: Mapping[str, Any]) -> tuple[int, int]:
    """The bases of a pair whose written side keeps another spelling; 0 stays 0, a base of more than this field."""
    own = fingerprint(world.key, (row["value"],)) if row[f"print_{row['side']}"] else 0
    return (own, row["print_b"]) if row["side"] == "a" else (row["print_a"], own)


def _set_marks(world: World, verdicts: pl.DataFrame, commit: Commit) -> None:
    verdicts = verdicts.filter(pl.col("verdict").is_in(["overridden", "normalised", "not_taken"]))
    if verdicts.is_empty():
        return
    now_us = world.now_us()
    rows = [_held_override(world, row, now_us) for row in _to_hold(world, verdicts)]
    for row in verdicts.filter(pl.col("verdict").is_in(["normalised", "not_taken"])).iter_rows(named=True):
        if row["verdict"] == "normalised":
            ends = _normalised_prints(world, row)
            detail = {"a": ends[0], "b": ends[1], "sent": row["expected"], "read": row["value"]}
        else:
            sent = row["print_a"] if row["side"] == "a" else row["print_b"]
            source = row["print_b"] if row["side"] == "a" else row["print_a"]
            detail = {"side": row["side"], "print": source, "sent_print": sent, "sent": row["expected"]}
        rows.append((row["link_id"], row["mapping"], row["verdict"], json.dumps(detail), now_us))
    if rows:
        add_rows(commit, Table.MARK, pl.DataFrame(rows, schema=_MARK_SCHEMA, orient="row"))


def _to_hold(world: World, verdicts: pl.DataFrame) -> list[dict[str, Any]]:
    """Overridden fields whose mapping wants a person to look at it."""
    return [
        row
        for row in verdicts.filter((pl.col("verdict") == "overridden") & (pl.col("link_id") > 0)).iter_rows(named=True)
        if world.syncs[row["sync"]].field_map(row["mapping"]).overridden is Overridden.HOLD
    ]


def _held_override(world: World, row: Mapping[str, Any], now_us: int) -> tuple[int, str, str, str, int]:
    ends = _normalised_prints(world, row)
    detail = {"a": ends[0], "b": ends[1], "sent": row["expected"], "read": row["value"]}
    return row["link_id"], row["mapping"], "held", json.dumps(detail), now_us


_MARK_SCHEMA = {"link_id": pl.Int64, "mapping": pl.String, "kind": pl.String, "detail": pl.String, "at_us": pl.Int64}


def _log_replaced(world: World, verdicts: pl.DataFrame, commit: Commit, run_id: str) -> None:
    """What we sent and is there no more goes into the conflict log: a flow replaced it in the same transaction, or
    somebody did before it was ever read back, so that nobody may have seen it. An old write of ours that arrives
    late replaced what we knew there, a blank too."""
    rows = [
        lost_row(
            world,
            row,
            run_id,
            kind=kind,
            reason=reason.format(field=row["field"], side=row["side"]),
            lost=lost,
            kept=row["value"],
        )
        for verdict, (kind, reason) in _REPLACED.items()
        for row in verdicts.filter(pl.col("verdict") == verdict).iter_rows(named=True)
        if (lost := row["expected"] if row["held"] is None else row["held"]) != row["value"]
    ]
    if rows:
        add_rows(commit, Table.CONFLICT, pl.DataFrame(rows).unique("conflict_id", keep="last"))


_REPLACED = {
    "overridden": ("overridden", "{field}: a rule on side {side} replaced our value in the same transaction"),
    "late_own": ("overwritten_in_flight", "{field}: on side {side} an old write of ours arrived late; it is set right"),
    "late_spelt": ("overwritten_in_flight", "{field}: on side {side} an old write of ours seems to have arrived late"),
    "echo": ("overwritten_in_flight", "{field}: changed on side {side} before an old write of ours arrived there"),
    "foreign": ("overwritten_in_flight", "{field}: changed on side {side} before what we wrote there was read back"),
}
"""Verdict -> the conflict log's kind and sentence."""


def lost_row(
    world: World, entry: Mapping[str, Any], run_id: str, *, kind: str, reason: str, lost: str, kept: str | None
) -> dict[str, object]:
    """A CONFLICT row for a value of *entry* (OUTSTANDING columns) that is no longer on its side: *kept* is there."""
    here: Side = "a" if entry["side"] == "a" else "b"
    values = {f"value_{here}": kept, f"value_{other(here)}": lost}
    return {
        "conflict_id": conflict_id(entry["link_id"], entry["mapping"], kind, lost, kept),
        "sync": entry["sync"],
        "link_id": entry["link_id"],
        "mapping": entry["mapping"],
        "kind": kind,
        "state": "logged",
        "policy": "accept",
        "reason": reason,
        "winner_side": here,
        **values,
        "at_us": world.now_us(),
        "run_id": run_id,
    }


def conflict_id(link_id: int, mapping: str, kind: str, value_a: str | None, value_b: str | None) -> str:
    """The same conflict always has the same id: a retry adds no second row."""
    text = json.dumps([link_id, mapping, kind, value_a, value_b])
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _close_entries(verdicts: pl.DataFrame, outstanding: pl.DataFrame, commit: Commit) -> None:
    """An entry is settled when every field it wrote was resolved; a write that never happened is abandoned, and so is
    one in doubt where an older write of ours or somebody's change shows instead of it: it may yet come."""
    is_open = pl.col("verdict").is_in(list(KEEPS)) | pl.col("may_come")
    resolved = verdicts.filter(~is_open).select("batch_id", "position", "field", "verdict")
    unresolved = verdicts.filter(is_open).select("record_id", "field", is_open=True)
    open_rows = (
        outstanding.select("batch_id", "position", "record_id", "field", "rank", "state")
        .join(resolved, on=["batch_id", "position", "field"], how="left")
        .join(unresolved, on=["record_id", "field"], how="left")
    )
    # While the newest write of a field does not show, a reading may still show the value from before an earlier one.
    superseded = (pl.col("rank") > 1) & pl.col("is_open").is_null()
    is_else = pl.col("verdict").is_in(["late_own", "foreign"])
    is_replaced = is_else.any() & ~(pl.col("verdict") == "echo").any()
    per_entry = open_rows.group_by("batch_id", "position").agg(
        (pl.col("verdict").is_not_null() | superseded).all().alias("is_done"),
        (pl.col("verdict") == "not_applied").any().alias("never_came"),
        (is_replaced & pl.col("state").first().is_in(list(IN_FLIGHT))).alias("is_in_doubt"),
        pl.col("state").first(),
    )
    done = per_entry.filter(pl.col("is_done") & (pl.col("state") != "abandoned"))
    if done.is_empty():
        return
    gave_up = pl.col("never_came") | pl.col("is_in_doubt")
    state = pl.when(gave_up).then(pl.lit("abandoned")).otherwise(pl.lit("settled")).alias("state")
    commit.amend.setdefault(Table.ENTRY, []).append(done.select("batch_id", "position", state))


def drop_rows(commit: Commit, table: Table, keys: pl.DataFrame) -> None:
    """Add *keys* to what the commit drops from *table*."""
    if len(keys):
        before = commit.drop.get(table)
        commit.drop[table] = keys if before is None else pl.concat([before, keys]).unique()


def add_rows(commit: Commit, table: Table, rows: pl.DataFrame) -> None:
    """Append *rows* to what the commit puts into *table*."""
    shape = TABLES[table][0]
    shaped = rows if rows.schema == shape else rows.select(pl.col(name).cast(kind) for name, kind in shape.items())
    commit.put[table] = pl.concat([commit.put[table], shaped]) if table in commit.put else shaped
