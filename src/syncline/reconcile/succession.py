"""Who follows whom: heirs along chains of fates, what their links become, and which bases live on. Pure.

A record that was merged away or converted has an heir, which may have one of its own. Lives here: the walk to the last
record, the event that follows for a link whose record ended, and the base of every field of the record that takes
over. Not here: reading fates (`engine.life.chains`), or what is stored (`engine.life`).
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from syncline.records import Side, other
from syncline.spec.model import Direction, FieldMap
from syncline.values import EMPTY, FieldType

# A record that ended in another one, as the mirror tells.
FATES = {"object_type": pl.String(), "record_id": pl.String(), "heir_type": pl.String(), "heir_id": pl.String()}

# Where each of them went: the last record of its chain. Null where the chain bites its own tail: nobody is the last.
LASTS = {"object_type": pl.String(), "record_id": pl.String(), "last_type": pl.String(), "last_id": pl.String()}

Name = tuple[str, str]
"""Object type and record id."""


def last_records(fates: pl.DataFrame) -> pl.DataFrame:
    """LASTS: a row for every row of *fates* (FATES)."""
    heir_of: dict[Name, Name] = {
        (object_type, record_id): (heir_type, heir_id)
        for object_type, record_id, heir_type, heir_id in fates.select(list(FATES)).iter_rows()
    }
    rows = [(*name, *(_last(name, heir_of) or (None, None))) for name in heir_of]
    return pl.DataFrame(rows, schema=LASTS, orient="row")


def _last(name: Name, heir_of: dict[Name, Name]) -> Name | None:
    passed = set()
    while name in heir_of:
        if name in passed:
            return None
        passed.add(name)
        name = heir_of[name]
    return name


class Event(StrEnum):
    """What becomes of a link whose record ended in another one."""

    INHERIT = "inherit"  # the heir is in no link: it takes the record's place
    ONE_PERSON = "one_person"  # the heir is in another link: both links are one person
    KNOWN = "known"  # the heir is in this very link: it becomes, or is, the current one


def events(ended: pl.DataFrame, lasts: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """link_id, object_type, record_id, last_type, last_id, event, into (the other link, null without one).

    *ended*: link_id, object_type, record_id of links' current records on one side that have an heir; *holders*:
    object_type, record_id, link_id of the heirs that are in a link, current or alias. Where several links lead to the
    same free heir, the oldest link inherits and the others are one person with it. A chain without an end says nothing.
    """
    led = ended.join(lasts.drop_nulls("last_id"), on=["object_type", "record_id"], how="inner", maintain_order="left")
    held = holders.select(
        pl.col("object_type").alias("last_type"), pl.col("record_id").alias("last_id"), pl.col("link_id").alias("into")
    )
    led = led.join(held, on=["last_type", "last_id"], how="left", maintain_order="left")
    first = pl.col("link_id").min().over("last_type", "last_id")
    into = pl.coalesce("into", first)
    is_free = pl.col("into").is_null() & (pl.col("link_id") == first)
    event = (
        pl.when(is_free)
        .then(pl.lit(Event.INHERIT.value))
        .when(into == pl.col("link_id"))
        .then(pl.lit(Event.KNOWN.value))
        .otherwise(pl.lit(Event.ONE_PERSON.value))
    )
    return led.select(
        "link_id",
        "object_type",
        "record_id",
        "last_type",
        "last_id",
        event.alias("event"),
        pl.when(event == Event.ONE_PERSON.value).then(into).alias("into"),
    )


# One mapping of a link whose record on a side is another one now: the cells of both, and the print of the new one.
TAKEN_OVER = {
    "link_id": pl.Int64(),
    "mapping": pl.String(),
    "old": pl.String(),
    "new": pl.String(),
    "print": pl.UInt64(),
}

# New bases: of the side whose record changed (`own`) and of the other (`far`). Null leaves it, 0 makes it unknown.
CARRIED = {"link_id": pl.Int64(), "mapping": pl.String(), "own": pl.UInt64(), "far": pl.UInt64()}


def carried(cells: pl.DataFrame, mapping: FieldMap, side: Side, object_type: str) -> pl.DataFrame:
    """CARRIED for one *mapping* of *cells* (TAKEN_OVER) whose records on *side* are of *object_type* now.

    The same value as the last record held: the bases stay, and with them whatever waited. Else the base of that side
    is unknown, so that its value counts as changed; but a heir that is blank or holds its field's default says nothing:
    its value is taken as seen, and the other side's base is unknown, so that the other side fills it. So nothing is
    blanked, and a fresh "false" loosens no consent.
    """
    own = cells.filter(pl.col("mapping") == mapping.key)
    is_same = (pl.col("old") == pl.col("new")).fill_null(False)
    takes = mapping.direction is Direction.BOTH or mapping.direction.value == f"{other(side)}_to_{side}"
    only_takes = takes and mapping.direction is not Direction.BOTH
    says_nothing = (
        pl.lit(takes) & pl.col("print").is_not_null() & (_is_default(mapping, side, object_type) | only_takes)
    )
    unknown = pl.lit(0, dtype=pl.UInt64)
    return own.select(
        "link_id",
        "mapping",
        pl.when(~is_same).then(pl.when(says_nothing).then(pl.col("print")).otherwise(unknown)).alias("own"),
        pl.when(~is_same & says_nothing).then(unknown).alias("far"),
    )


def _is_default(mapping: FieldMap, side: Side, object_type: str) -> pl.Expr:
    """The new record's cell is what a fresh one holds: blank, a false flag, or the declared synthetic value."""
    fresh = {EMPTY, mapping.defaults.get(side, EMPTY)}
    if mapping.ends(side)[object_type].type is FieldType.BOOLEAN:
        fresh.add("false")
    return pl.col("new").is_in(sorted(fresh))
