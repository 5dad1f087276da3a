"""Shared cells: values that a system keeps once for several records, such as consent per e-mail address. Pure.

A write to one of the records shows on all of them. So such a field is merged once per owner, never per record:

- what a sibling shows because the owner's value was agreed elsewhere is an echo, not a change (`echoes`);
- of several writes to one owner one is sent; sources that disagree are one conflict of the owner (`one_write`).

Lives here: deciding. Which fields have which owner is declared by connectors; loading is `engine.shared`'s business;
which act stands behind a consent that changed because it is shared: `shared_acts`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from syncline.reconcile.merge_verdicts import CLASS_OF, WRITES, Verdict
from syncline.spec.model import Direction, FieldMap, Policy

# One row per link, mapping with an owner, and side whose system shares it.
FACTS: dict[str, pl.DataType] = {
    "link_id": pl.Int64(),
    "mapping": pl.String(),
    "side": pl.String(),  # whose system keeps the value once per owner
    "owner": pl.Int64(),  # fingerprint of the owner
    "base": pl.UInt64(),  # of that side; null unknown
    "print": pl.UInt64(),  # what that side shows now
    "is_quiet": pl.Boolean(),  # both sides still hold their base
    "marked": pl.Int64(),  # the owner under whom this link's value was last agreed; null: none
    "seen_us": pl.Int64(),  # when that side's record was last asked for
}

_OWNED = ["mapping", "side", "owner"]
CELLS = {"link_id": pl.Int64(), "mapping": pl.String(), "side": pl.String()}
ECHOES: dict[str, pl.DataType] = {**CELLS, "print": pl.UInt64()}


def siblings(facts: pl.DataFrame) -> pl.DataFrame:
    """*facts* of owners with several links: the others share nothing."""
    return facts.filter(pl.col("link_id").n_unique().over(_OWNED) > 1)


def echoes(facts: pl.DataFrame) -> pl.DataFrame:
    """link_id, mapping, side, print of cells that changed to what was agreed for their owner through another link."""
    changed = facts.filter((pl.col("print") != pl.col("base")).fill_null(False))
    agreed = facts.select(*_OWNED, pl.col("base").alias("print"), pl.col("link_id").alias("by")).drop_nulls()
    found = changed.join(agreed, on=[*_OWNED, "print"], how="inner").filter(pl.col("by") != pl.col("link_id"))
    return found.select(*ECHOES).unique([*CELLS], maintain_order=True)


def settled_members(facts: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """link_id, mapping, owner of quiet links whose owner's links all agreed on one value of a consent mapping: they are
    marked as this owner's."""
    one_value = (pl.col("base").n_unique() == 1) & pl.col("base").is_not_null().all()
    together = facts.filter(pl.col("mapping").is_in(keys)).filter(one_value.over(_OWNED))
    return together.filter("is_quiet", (pl.col("marked") != pl.col("owner")).fill_null(True)).select(
        "link_id", "mapping", "owner"
    )


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """`decisions` with one write per owner; `conflicts`: what lost to it, a row per owner and mapping (CONFLICT's own
    columns as far as the merge knows them); `waiting`: links to look at again once the owner's write shows."""

    decisions: pl.DataFrame
    conflicts: pl.DataFrame
    waiting: list[int]


CONFLICTS: dict[str, pl.DataType] = {
    "conflict_id": pl.String(),
    "link_id": pl.Int64(),
    "mapping": pl.String(),
    "policy": pl.String(),
    "reason": pl.String(),
    "winner_side": pl.String(),
    "value_a": pl.String(),
    "value_b": pl.String(),
}


def one_write(
    decisions: pl.DataFrame, facts: pl.DataFrame, maps: Mapping[str, FieldMap], types: Mapping[int, str]
) -> Reduced:
    """Of all *decisions* (DECISIONS and perhaps more columns) that write to one owner keep one. *types*: side a's
    object type of each link.

    Of values that differ, for consent the protective one wins; else the newest edit, then the oldest link. Who loses
    takes the winner's value where the field flows both ways, and keeps his own beside it where it flows one way.
    """
    owned = decisions.with_row_index("_row").join(
        facts.select("link_id", "mapping", pl.col("side").alias("target"), "owner").unique(),
        on=["link_id", "mapping", "target"],
        how="inner",
    )
    writing = owned.filter(pl.col("verdict").is_in(WRITES))
    crowded = writing.filter(pl.len().over("mapping", "target", "owner") > 1)
    changed: dict[int, dict[str, Any]] = {}
    conflicts: list[dict[str, Any]] = []
    waiting: list[int] = []
    for _, part in crowded.group_by("mapping", "target", "owner", maintain_order=True):
        mapping = maps[str(part["mapping"][0])]
        rows = sorted(part.iter_rows(named=True), key=lambda row: _rank(row, mapping, types))
        winner, others = rows[0], rows[1:]
        for row in others:
            if row["value"] == winner["value"]:
                changed[row["_row"]] = _same(row, winner)
                waiting.append(row["link_id"])
            else:
                changed[row["_row"]] = _beaten(row, winner, mapping)
        if losers := [row for row in others if row["value"] != winner["value"]]:
            conflicts.append(_conflict(winner, losers, mapping, types))
    if not changed:
        return Reduced(decisions=decisions, conflicts=pl.DataFrame(schema=CONFLICTS), waiting=[])
    rest = decisions.with_row_index("_row").filter(~pl.col("_row").is_in(list(changed))).drop("_row")
    new = pl.DataFrame(list(changed.values()), schema=decisions.schema)
    return Reduced(
        decisions=pl.concat([rest, new]), conflicts=pl.DataFrame(conflicts, schema=CONFLICTS), waiting=waiting
    )


def _rank(row: Mapping[str, Any], mapping: FieldMap, types: Mapping[int, str]) -> tuple[object, ...]:
    """What is sent comes first."""
    is_consent = mapping.policy(types[row["link_id"]]) is Policy.MOST_RESTRICTIVE
    # The protective value is stated in side a's terms; for a mapping that only flows from a to b, in side b's.
    is_turned = row["target"] == "b" and mapping.direction is Direction.BOTH
    protects = row["value_a" if is_turned else "value"] == mapping.restrictive
    edit_us = row["edit_us"]
    return (is_consent and not protects, -edit_us if isinstance(edit_us, int) else 0, row["link_id"])


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in row.items() if name not in ("_row", "owner")}
    return own | {"kind": None, "loser_side": None, "loser_value": None}


def _same(row: Mapping[str, Any], winner: Mapping[str, Any]) -> dict[str, Any]:
    """Written once, through another link: this one waits until it shows."""
    reason = f"{row['mapping']}: the same value goes to its owner through link {winner['link_id']}"
    held = {"verdict": Verdict.WAITING.value, "class": CLASS_OF[Verdict.WAITING], "reason": reason}
    return _kept(row) | held | {"target": None, "value": None}


def _beaten(row: Mapping[str, Any], winner: Mapping[str, Any], mapping: FieldMap) -> dict[str, Any]:
    source = "a" if row["target"] == "b" else "b"
    reason = f"{row['mapping']}: its owner takes another value, through link {winner['link_id']}"
    if mapping.direction is Direction.BOTH:
        flipped = {"verdict": Verdict.CONFLICT_WRITE.value, "target": source, "value": winner[f"value_{source}"]}
        return _kept(row) | flipped | {"reason": reason, "loser_side": source, "loser_value": row[f"value_{source}"]}
    apart = {"verdict": Verdict.APART.value, "class": CLASS_OF[Verdict.APART], f"set_base_{source}": True}
    return _kept(row) | apart | {"target": None, "value": None, "reason": reason}


def _conflict(
    winner: Mapping[str, Any], losers: list[dict[str, Any]], mapping: FieldMap, types: Mapping[int, str]
) -> dict[str, Any]:
    """One row, the same however often the same sources disagree. Its values: what won on the side of the winner, what
    the first of the others said beside it; the sentence names all of them."""
    source = "a" if winner["target"] == "b" else "b"
    said = sorted({str(row["value"]) for row in losers})
    named = json.dumps([winner["owner"], winner["mapping"], winner["target"], winner["value"], said])
    policy = mapping.policy(types[winner["link_id"]])
    by = "the protective value stands" if policy is Policy.MOST_RESTRICTIVE else "the newest edit stands"
    others = ", ".join(repr(one) for one in said)
    return {
        "conflict_id": hashlib.blake2b(named.encode(), digest_size=10).hexdigest(),
        "link_id": winner["link_id"],
        "mapping": winner["mapping"],
        "policy": policy.value,
        "reason": f"{winner['mapping']}: sources of one owner disagree ({others}); {by}",
        "winner_side": source,
        f"value_{source}": winner["value"],
        f"value_{winner['target']}": said[0],
    }
