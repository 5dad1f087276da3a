"""Since when a field that could not be decided is known to have changed: what `newest` compares once it can.

A record keeps only the stamps of its last two looks. A field that waits, is held or blocked is decided after more of
them, and then the interval between the last two says nothing of it. So the start of the interval in which a side was
first found changed is kept as a mark until the field is decided. Lives here: those marks. Not here: comparing intervals
(`reconcile.merge_evidence`), or records that no plan has seen yet (`intake`).
"""

from __future__ import annotations

import polars as pl

from syncline.engine.pairs import Slice
from syncline.records import SIDES
from syncline.trees import TABLES, Table

PENDING = "pending"
_UNDECIDED = ("held", "waiting", "blocked", "frozen", "dead")
_KEYS = ["link_id", "mapping"]


def pending_marks(part: Slice, decisions: pl.DataFrame, now_us: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """MARK rows of the fields that stay undecided, and the keys (link_id, mapping, kind) of those decided since.

    `detail` has per side the instant before which it had not changed, null while it has not.
    """
    known = part.marks.filter(pl.col("kind") == PENDING)
    undecided = decisions.filter(pl.col("verdict").is_in(_UNDECIDED)).select(_KEYS)
    if known.is_empty() and undecided.is_empty():
        return pl.DataFrame(schema=dict(TABLES[Table.MARK][0])), known.select(*_KEYS, "kind")
    since = [
        _looked_before(part, str(key), own) for (key,), own in undecided.partition_by("mapping", as_dict=True).items()
    ]
    told = [pl.col("detail").str.json_path_match(f"$.{s}").cast(pl.Int64).alias(f"before_{s}") for s in SIDES]
    found = pl.concat([pl.DataFrame(schema=_SINCE), *since]).join(known.select(*_KEYS, *told), on=_KEYS, how="left")
    detail = pl.struct(pl.coalesce(f"before_{s}", s).alias(s) for s in SIDES).struct.json_encode()
    rows = found.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in ("a", "b"))).select(
        *_KEYS, pl.lit(PENDING).alias("kind"), detail.alias("detail"), pl.lit(now_us, dtype=pl.Int64).alias("at_us")
    )
    over = known.join(rows, on=_KEYS, how="anti").join(decisions, on=_KEYS, how="semi")
    return rows, over.select(*_KEYS, "kind")


_SINCE = {"link_id": pl.Int64(), "mapping": pl.String(), "a": pl.Int64(), "b": pl.Int64()}


def _looked_before(part: Slice, key: str, own: pl.DataFrame) -> pl.DataFrame:
    """Per side that changed, the look before the present one; 0 if there was none."""
    rows = part.pairs.join(own, on="link_id", how="semi")
    since = {
        s: pl.when(pl.col(f"x{s}.{key}").is_not_null() & (pl.col(f"f{s}.{key}") != pl.col(f"x{s}.{key}"))).then(
            pl.when(pl.col(f"stamp_{s}").is_not_null())
            .then(pl.col(f"prev_{s}").fill_null(0))
            .otherwise(pl.col(f"prevasof_{s}").fill_null(0))
        )
        for s in SIDES
    }
    return rows.select("link_id", pl.lit(key).alias("mapping"), *(since[s].cast(pl.Int64).alias(s) for s in SIDES))
