"""What became of a record: merged into another, or converted into a contact. Columns in, FATE_SCHEMA out; no requests.

Facts: Salesforce, Object Reference, "Lead" and "Contact" (MasterRecordId: "if this record was deleted as the result of
a merge, this field contains the ID of the record that was kept"; IsConverted, ConvertedContactId, ConvertedDate), and
Apex Developer Guide, "Merging Records", "Converting Leads". A merge loser is a deleted row; a converted lead stays
readable and is no deleted row.

When: a deleted row does not move any more, so its stamp is the time of the merge. ConvertedDate is a day without a
time: the stamp is taken if it is of that day, else the beginning of the day. Who: the row's last modifier.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from syncline.connectors.salesforce.cells import Columns
from syncline.records import ACTOR, DELETED, FATE_SCHEMA, ID, STAMP, Fate
from syncline.schema import ObjectSchema

MERGED_INTO = "MasterRecordId"


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """The fields of an object that say that and into what a record was converted."""

    into: str
    flag: str
    heir: str
    day: str

    @property
    def fields(self) -> tuple[str, ...]:
        return self.flag, self.heir, self.day


CONVERSIONS = {"Lead": Conversion(into="Contact", flag="IsConverted", heir="ConvertedContactId", day="ConvertedDate")}


def fate_fields(object_type: str) -> tuple[str, ...]:
    """The fields that tell fates of this object type, seen by the connected user or not."""
    conversion = CONVERSIONS.get(object_type)
    return (MERGED_INTO, *conversion.fields) if conversion else (MERGED_INTO,)


def no_fates() -> pl.DataFrame:
    return pl.DataFrame(schema=FATE_SCHEMA)


def fates_of(schema: ObjectSchema, columns: Columns, rows: pl.DataFrame) -> pl.DataFrame:
    """The fates of *rows*, which were made of *columns*. A field that is hidden tells nothing."""
    if rows.is_empty():
        return no_fates()
    found = [no_fates().lazy()]
    if MERGED_INTO in schema.fields:
        heirs = _filled(columns, MERGED_INTO)
        ended = rows.lazy().filter(pl.col(DELETED)).join(heirs, on=ID)
        found.append(_fates(ended, Fate.MERGED, schema.name, pl.col(STAMP)))
    conversion = CONVERSIONS.get(schema.name)
    if conversion is not None and all(name in schema.fields for name in conversion.fields):
        heirs = _filled(columns, conversion.heir).with_columns(day=columns(conversion.day).str.slice(0, 10))
        heirs = heirs.join(_true(columns, conversion.flag), on=ID, how="semi")
        found.append(_fates(rows.lazy().join(heirs, on=ID), Fate.CONVERTED, conversion.into, _moment()))
    # A lead that was merged away is not its contact's lead any more: the merge is said, not the conversion.
    fates = pl.concat(found).unique(ID, keep="first", maintain_order=True)
    return fates.collect(engine="in-memory", optimizations=pl.QueryOptFlags.none())  # for few rows the fastest by far


def _filled(columns: Columns, heir: str) -> pl.LazyFrame:
    """Id and heir of the raw rows; an extract says "" where a query says null."""
    named = pl.DataFrame([columns("Id").alias(ID), columns(heir).alias("heir_id")]).lazy()
    return named.with_columns(pl.col("heir_id").replace("", None))


def _true(columns: Columns, flag: str) -> pl.LazyFrame:
    flags = pl.DataFrame([columns("Id").alias(ID), columns(flag).alias("flag")]).lazy()
    return flags.filter(pl.col("flag") == "true")


def _moment() -> pl.Expr:
    """The stamp if it is of the day of the conversion, else that day's beginning; null without a day."""
    day = pl.col("day").str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    stamp = pl.col(STAMP).cast(pl.Datetime("us"))
    return pl.when(stamp.dt.date() == day.dt.date()).then(stamp).otherwise(day).cast(pl.Int64())


def _fates(ended: pl.LazyFrame, fate: Fate, heir_type: str, at_us: pl.Expr) -> pl.LazyFrame:
    ended = ended.filter(pl.col("heir_id").is_not_null())
    return ended.select(
        ID,
        pl.lit(fate.value).alias("fate"),
        pl.lit(heir_type).alias("heir_type"),
        "heir_id",
        at_us.alias("at_us"),
        pl.col(ACTOR).alias("actor"),
    ).cast(dict(FATE_SCHEMA))  # type: ignore[arg-type]
