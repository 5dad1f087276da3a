"""The write journal: batches prepared before they are sent, found again when what they wrote is observed.

Lives here: segments (what a batch expects back) to and from bytes, and the entries outstanding for some records.
Not here: deciding what an observation means (`reconcile.settle`) or sending (`write`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from syncline.reconcile.settle import OUTSTANDING, SEGMENT
from syncline.trees import Store, Table

OPEN_STATES = ("prepared", "sent", "unknown", "written", "abandoned")
"""Entries an observation is still compared with. `settled` and `rejected` have nothing left to say."""

DEED = "deed:"
"""How the journal's operation of a single deed begins (`deeds`): those are settled by their own room."""

IN_FLIGHT = ("prepared", "sent", "unknown")
"""Entries that forbid another write to the record."""


def pack(segment: pl.DataFrame) -> bytes:
    """A segment (SEGMENT columns) as compressed Arrow.

    In Arrow's plain string layout: its string views would drag along the values of rows that were filtered out.
    """
    sink = io.BytesIO()
    plain = pl.CompatLevel.oldest()
    segment.select(list(SEGMENT)).write_ipc(sink, compression="zstd", compat_level=plain)
    return sink.getvalue()


def unpack(segment: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(segment))


ABANDONED_US = 86_400_000_000
"""How long a write that was given up may still arrive, as far as we look out for it."""


async def outstanding(
    store: Store, connection: str, object_type: str, record_ids: Sequence[str], *, now_us: int
) -> pl.DataFrame:
    """OUTSTANDING rows of these records: open entries only, `rank` 1 the newest per record and field."""
    keys = pl.DataFrame({"record_id": list(record_ids)}, schema={"record_id": pl.String}).with_columns(
        connection=pl.lit(connection), object_type=pl.lit(object_type)
    )
    entries = await store.by_keys(Table.ENTRY, keys)
    if len(entries):
        too_old = (pl.col("state") == "abandoned") & (pl.col("at_us") < now_us - ABANDONED_US)
        entries = entries.filter(pl.col("state").is_in(list(OPEN_STATES)) & ~too_old)
    return await with_segments(store, entries)


async def with_segments(store: Store, entries: pl.DataFrame) -> pl.DataFrame:
    """Join ENTRY rows with what their batches expect back: OUTSTANDING rows."""
    if entries.is_empty():
        return pl.DataFrame(schema=OUTSTANDING)
    batches = await store.by_keys(Table.JOURNAL, entries.select("batch_id").unique())
    parts = []
    for batch in batches.iter_rows(named=True):
        own = entries.filter(pl.col("batch_id") == batch["batch_id"])
        segment = unpack(batch["segment"]).drop("link_id")
        parts.append(
            own.select("batch_id", "position", "record_id", "link_id", "state")
            .join(segment, on="position", how="inner")
            .with_columns(
                side=pl.lit(batch["side"]),
                sync=pl.lit(batch["sync"]),
                sent_us=pl.lit(batch["sent_us"] or batch["prepared_us"], dtype=pl.Int64),
                answered_us=pl.lit(batch["answered_us"], dtype=pl.Int64),
            )
        )
    rows = pl.concat(parts, how="diagonal_relaxed")
    order = pl.struct("sent_us", "batch_id").rank("ordinal", descending=True)
    return rows.with_columns(order.over("record_id", "field").cast(pl.Int64).alias("rank")).select(list(OUTSTANDING))
