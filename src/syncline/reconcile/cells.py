"""Mirror cells between their stored form (a JSON object per record) and wide columns.

`widen` adds one column "c.<field>" per field and, where flags exist, "g.<field>"; `narrow` goes back. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

CELL = "c."
FLAG = "g."

_CELLS = msgspec.json.Decoder(list[dict[str, str | None]])
_JSON = msgspec.json.Encoder()


def decode_objects(texts: pl.Series) -> list[dict[str, str | None]]:
    """The JSON objects of a text column, {} for null."""
    return _CELLS.decode("[" + ",".join(text or "{}" for text in texts.to_list()) + "]")


def encode_object(cells: dict[str, str]) -> str:
    return _JSON.encode(cells).decode()


def widen(rows: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """*rows* (MIRROR columns) with "c.<field>" for every field: None unread, "" empty, else the value."""
    return rows.hstack(_decoded(rows["cells"], fields, CELL))


def widen_flags(rows: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """*rows* with "g.<field>": the sync whose unread write a cell is, None for a cell that was read."""
    if rows["flags"].null_count() == len(rows):
        return rows.with_columns([pl.lit(None, dtype=pl.String).alias(FLAG + name) for name in fields])
    return rows.hstack(_decoded(rows["flags"], fields, FLAG))


def _decoded(texts: pl.Series, fields: Sequence[str], prefix: str) -> list[pl.Series]:
    """One column per field of the JSON objects; null where an object lacks it. No Python object per cell."""
    if not fields:
        return []
    shape = pl.Struct(dict.fromkeys(fields, pl.String()))
    columns = texts.str.json_decode(shape).struct.unnest().get_columns()
    return [column.alias(prefix + column.name) for column in columns]


def narrow(wide: pl.DataFrame, fields: Sequence[str], *, prefix: str = CELL) -> pl.Series:
    """The JSON objects of the "c.<field>" columns (or another prefix); null cells are left out.

    Keys are sorted, so equal cells give equal text.
    """
    names = sorted(fields)
    columns = [wide[prefix + name].to_list() for name in names]
    out = [
        encode_object({name: value for name, value in zip(names, values, strict=True) if value is not None})
        for values in zip(*columns, strict=True)
    ]
    return pl.Series("cells", out if names else ["{}"] * len(wide), dtype=pl.String)
